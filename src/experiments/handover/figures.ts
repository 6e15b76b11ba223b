/** The figures of `handover`: how long the gaps are, and for each service type what happens around the death of the Wi-Fi. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import type { Side } from '../../network/index.js';
import { pathAddress } from '../../network/index.js';
import { type Point, renderFigure, type Series } from '../../plot/index.js';
import type { SeriesPoint } from '../../trace/index.js';
import { estimate } from '../confidence.js';
import { phonePath } from '../mobility/phone.js';
import { multipathVariants } from '../mobility/variants.js';
import { TransferWorld } from '../transfer.js';
import type { HandoverRuns } from './experiment.js';
import { Recording, type SeenData } from './recording.js';
import {
  deathNs,
  type Direction,
  type HandoverParameters,
  type HandoverTrial,
  prepare,
  setupOf,
} from './world.js';

/** What is shown of the time before and after the death, in ns. */
const shown = { beforeNs: 0.3 * SECOND, afterNs: SECOND } as const;
/** Places in the palette. */
const styles = { cellular: 1, wifi: 0, again: 5, acks: 6, queue: 7 } as const;

/** Bars of the mean gaps: one category for each stack and service type. */
export function gapFigure(all: readonly HandoverRuns[], source: string): string {
  const nameOf = ({ stack, variant }: HandoverRuns): string =>
    stack === 'linux' ? `Linux ${variant}` : variant;
  const kindOf = ({ ending, news }: HandoverRuns): string => `${ending}, ${news}`;
  const [{ direction }] = all as [HandoverRuns];
  const drawn = all.filter((one) => one.direction === direction);
  const categories = [...new Set(drawn.map(nameOf))];
  const kinds = [...new Set(drawn.map(kindOf))];
  const meanMs = (category: string, kind: string): number => {
    const found = drawn.find((one) => nameOf(one) === category && kindOf(one) === kind);
    return found === undefined ? 0 : estimate(found.runs.map(({ gapNs }) => gapNs)).mean / MILLISECOND;
  };
  return renderFigure({
    kind: 'bars',
    title: `The gap when the Wi-Fi dies, ${direction}`,
    caption: `Mean over runs of the longest wait for a byte after the death; nothing where no line was run. After ${source}.`,
    x: { label: 'service type' },
    y: { label: 'gap (ms)', low: 0 },
    categories,
    groups: kinds.map((kind) => ({ name: kind, values: categories.map((one) => meanMs(one, kind)) })),
  });
}

/** What sequence figures are made with. */
export interface SequenceRequest {
  readonly parameters: HandoverParameters;
  readonly seed: number;
  readonly direction: Direction;
  readonly source: string;
}

/** One figure for each service type of Multipath TCP: a Wi-Fi that fades and dies without a word. */
export function sequenceFigures(request: SequenceRequest): Record<string, string> {
  const figures: Record<string, string> = {};
  for (const { name: variant } of multipathVariants) {
    const trial: HandoverTrial = { ...request, variant, ending: 'fading', news: 'unknown', run: 0 };
    const recording = new Recording();
    const world = new TransferWorld(setupOf(trial, (device, side) => recording.wrap(device, side)));
    prepare(world, trial);
    world.run();
    const figure = sequenceFigure(recording, trial, {
      ...{ whose: `our stack, ${variant}`, source: request.source, clockAtBeginNs: 0 },
    });
    if (figure !== undefined) figures[`sequence-${kebab(variant)}`] = figure;
  }
  return figures;
}

/** A name in camel case as one in kebab-case. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What a sequence figure is told beside its data. */
export interface SequenceText {
  /** Whose transfer it was. */
  readonly whose: string;
  readonly source: string;
  /** See `TransferOutcome`. */
  readonly clockAtBeginNs: number;
}

/** The data as its sender saw it, and what the receiver could not hand on yet; undefined where nothing was recorded. */
export function sequenceFigure(
  recording: Recording,
  trial: HandoverTrial,
  { whose, source, clockAtBeginNs }: SequenceText,
): string | undefined {
  const [sender, receiver] = trial.direction === 'download' ? sides : ([...sides].reverse() as [Side, Side]);
  const diedAtNs = clockAtBeginNs + deathNs(trial);
  const range = [diedAtNs - shown.beforeNs, diedAtNs + shown.afterNs] as const;
  const sent = recording.seen(sender, sender, ...range);
  const arrived = recording.seen(receiver, sender, ...range);
  if (sent === undefined || arrived === undefined) return undefined;
  const place = placesOf(diedAtNs);
  const series = [
    ...seriesOf('waits for a hole', 'area', place(arrived, arrived.series.queue.points), styles.queue),
    ...seriesOf('DATA_ACK', 'step', place(sent, sent.series.acks.points), styles.acks),
    ...seriesOf('cellular', 'segments', place(sent, pointsOn(sent, phonePath.cellular)), styles.cellular),
    ...seriesOf('Wi-Fi', 'segments', place(sent, pointsOn(sent, phonePath.wifi)), styles.wifi),
    ...seriesOf(
      'sent again on the other',
      'scatter',
      place(sent, sent.series.reinjected.points),
      styles.again,
    ),
  ];
  if (series.length === 0) return undefined;
  return renderFigure({
    kind: 'xy',
    title: `Data around the death of the Wi-Fi: ${whose}, ${trial.direction}, ${trial.ending}, ${trial.news}`,
    caption:
      'Each stroke is a segment as it left its sender, from the position of its first byte to its end. Shaded: data that has ' +
      `arrived and waits for bytes before it. After ${source}.`,
    x: {
      ...{ label: 'time since the death of the Wi-Fi', unit: 's' },
      ...{ low: -shown.beforeNs / SECOND, high: shown.afterNs / SECOND },
    },
    y: { label: 'position in the data', unit: 'B' },
    series,
    markers: [{ x: 0, label: 'Wi-Fi dies' }],
  });
}

const sides: readonly [Side, Side] = ['server', 'client'];

/** Turns points of a host's series into points in seconds since the death. */
function placesOf(diedAtNs: number): (seen: SeenData, points: readonly SeriesPoint[]) => Point[] {
  return ({ firstNs }, points) =>
    points.map(({ x, y, top }) => ({ x: x + (firstNs - diedAtNs) / SECOND, y, top }));
}

/** Segments of all subflows on a path; the client's address tells which that is. */
function pointsOn({ connection, series }: SeenData, path: number): SeriesPoint[] {
  const address = `${String(pathAddress(path, 'client', 4))}:`;
  return series.data.flatMap(({ points }, slot) =>
    connection.subflows[slot]?.client.startsWith(address) === true ? points : [],
  );
}

function seriesOf(name: string, kind: Series['kind'], points: readonly Point[], style: number): Series[] {
  return points.length === 0 ? [] : [{ name, kind, points, style }];
}
