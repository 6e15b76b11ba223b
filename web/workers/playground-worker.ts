/** Runs the scenario of the playground: in this thread the simulation computes, so that the page never waits for it. */
import { PcapngWriter } from '../../src/capture/index.js';
import {
  LabWorld,
  type LiveKind,
  liveKinds,
  makeLiveFigure,
  readScenario,
  summarise,
  writeScenario,
} from '../../src/lab/index.js';
import {
  columnBuffers,
  figureData,
  renderFigure,
  renderPoints,
  type XyFigure,
} from '../../src/plot/index.js';
import type {
  ExportKind,
  FrameDetail,
  PathFrame,
  PlaygroundReply,
  PlaygroundRequest,
} from '../protocol/playground.js';
import { workerScope } from './scope.js';

/** Events between two looks at the clock. */
const SLICE_EVENTS = 1000;
/** Time between two frames with figures, in ms: as often as an eye can follow. */
const DETAIL_MS = 140;
/** Bytes of a capture that are kept in memory. */
const MAX_CAPTURE_BYTES = 512e6;
/** Virtual time between two looks at how large a capture has become, in ns. */
const CAPTURE_STEP_NS = 100e6;

const scope = workerScope<PlaygroundRequest, PlaygroundReply>();

class Playground {
  private run = 0;
  private world = new LabWorld(readScenario('').scenario);
  private detailedAt = Number.NEGATIVE_INFINITY;

  handle(request: PlaygroundRequest): void {
    switch (request.type) {
      case 'load':
        this.run = request.run;
        this.world = new LabWorld(readScenario(request.scenario).scenario);
        return this.show(true);
      case 'advance':
        this.advance(request.untilNs, request.budgetMs);
        return this.show(request.wantsDetail);
      case 'step':
        this.world.step();
        return this.show(true);
      case 'add':
        this.world.add(request.incident);
        return;
      case 'export':
        return this.export(request.kind, request.figure);
    }
  }

  private advance(untilNs: number, budgetMs: number): void {
    const { world } = this;
    const end = performance.now() + budgetMs;
    while (!world.isDone && world.now < untilNs && performance.now() < end)
      world.advance(untilNs, SLICE_EVENTS);
  }

  private show(hasDetail: boolean): void {
    const { world, run } = this;
    const flights = world.flights.take(world.now);
    const detail = this.detail(hasDetail || world.isDone);
    const frame = {
      ...{ type: 'frame' as const, run, nowNs: world.now, isDone: world.isDone, flights },
      ...{ paths: this.pathFrames(), decision: world.decisions.last ?? null, detail },
    };
    scope.postMessage(frame, [flights.buffer, ...columnBuffers(detail?.figures ?? [])]);
  }

  private pathFrames(): PathFrame[] {
    const { world } = this;
    return world.links.map(({ forward, backward }, index) => {
      const { isDead, isFaded, isAssociated } = world.conditions[index]!;
      const queueBytes = [forward.queueBytes(world.now), backward.queueBytes(world.now)] as const;
      return { queueBytes, isDead, isFaded, isAssociated };
    });
  }

  private detail(isWanted: boolean): FrameDetail | null {
    const now = performance.now();
    if (!isWanted && now - this.detailedAt < DETAIL_MS) return null;
    this.detailedAt = now;
    const figures = liveKinds.map((id) => figureData({ id, figure: makeLiveFigure(id, this.world) }));
    return { summary: summarise(this.world), figures };
  }

  private export(kind: ExportKind, figure: LiveKind): void {
    const drawn = makeLiveFigure(figure, this.world);
    if (kind === 'pcapng') return this.send('subflow-lab.pcapng', 'application/x-pcapng', this.capture());
    if (kind === 'json') {
      const text = `${JSON.stringify(summarise(this.world), undefined, 2)}\n`;
      return this.send('subflow-lab.json', 'application/json', [text]);
    }
    if (drawn.series.length === 0) throw new Error('There is nothing to draw yet: let it run first.');
    if (kind === 'svg')
      return this.send(`${figure}.svg`, 'image/svg+xml', [renderFigure(titled(drawn, this.world))]);
    return this.send(`${figure}.csv`, 'text/csv', [renderPoints(drawn)]);
  }

  /** The packets at the client up to now, from a second run of the same scenario. */
  private capture(): BlobPart[] {
    const writer = new PcapngWriter({ application: 'subflow lab' });
    const again = new LabWorld(this.world.scenario, { capture: writer });
    again.flights.isWanted = false;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let bytes = 0; !again.isDone && again.now < this.world.now && bytes < MAX_CAPTURE_BYTES;) {
      again.advance(Math.min(this.world.now, again.now + CAPTURE_STEP_NS));
      const part = writer.take() as Uint8Array<ArrayBuffer>;
      bytes += part.length;
      parts.push(part);
    }
    return parts;
  }

  private send(name: string, media: string, parts: readonly BlobPart[]): void {
    scope.postMessage({ type: 'file', name, media, parts });
  }
}

/** The figure with what it is of below it, for it leaves the page. */
function titled(figure: XyFigure, world: LabWorld): XyFigure {
  return { ...figure, caption: `${figure.caption} ${writeScenario(world.scenario)}` };
}

const playground = new Playground();
scope.onmessage = ({ data }) => {
  try {
    playground.handle(data);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ type: 'failed', message, isEnd: data.type !== 'export' });
  }
};
