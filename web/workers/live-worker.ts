/**
 * Reads what the server tells of its machine, and draws it. Nothing else of the page may speak to the server: the policy of the page forbids
 * it, that of this worker does not (src/node/lab/lab-server.ts, which knows this file by its name).
 */
import {
  connectionKey,
  type MachineAnswer,
  type MachineCommand,
  type MachineConnection,
  type MachineEvent,
  MachineHistory,
  machineSchema,
  type MachineState,
  MAX_EVENTS,
} from '../../src/lab/index.js';
import { figureData } from '../../src/plot/index.js';
import type { LiveReply, LiveRequest, LiveTrouble } from '../protocol/live.js';
import { workerScope } from './scope.js';

/** Time before a server that went is asked again; twice as long each time, up to the second number, in ms. */
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 30_000;
/** Most characters of a line: a state with all that its bounds allow has fewer. */
const MAX_LINE_LENGTH = 16 << 20;

const scope = workerScope<LiveRequest, LiveReply>();

class Live {
  private token = '';
  private history = new MachineHistory();
  private chosen: string | undefined = undefined;
  private drawnKey: string | undefined = undefined;
  private last: MachineState | undefined = undefined;
  /** The page is at work on a picture; and there is news since. A page that is slow skips pictures, and none wait for it. */
  private isShowing = false;
  private isBehind = false;
  /** Those that no picture told of yet. */
  private events: readonly MachineEvent[] = [];
  private lostEvents = 0;
  /** Ends the stream that is read. */
  private stream: AbortController | undefined = undefined;

  handle(request: LiveRequest): void {
    switch (request.type) {
      case 'begin':
        return this.begin(request.token);
      case 'end':
        return this.end();
      case 'shown':
        this.isShowing = false;
        if (this.isBehind) this.show();
        return;
      case 'choose':
        this.chosen = request.key;
        this.drawnKey = undefined;
        return this.show();
      case 'control':
        return void this.control(request.command).then((answer) =>
          scope.postMessage({ type: 'answered', number: request.number, answer }),
        );
    }
  }

  /** Reads states; another secret is that of another run, of which nothing is known yet. */
  private begin(token: string): void {
    if (token !== this.token) {
      this.end();
      this.token = token;
      this.history = new MachineHistory();
      this.last = undefined;
      this.events = [];
      this.lostEvents = 0;
    }
    if (this.stream !== undefined) return;
    this.stream = new AbortController();
    void this.follow(this.stream.signal);
  }

  private end(): void {
    this.stream?.abort();
    this.stream = undefined;
  }

  /** Reads states until that is ended; asks again where the server went. */
  private async follow(signal: AbortSignal): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      const trouble = await this.read(signal, () => (waitMs = FIRST_WAIT_MS));
      if (signal.aborted) return;
      scope.postMessage({ type: 'trouble', trouble });
      if (trouble === 'refused') return;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = Math.min(MAX_WAIT_MS, 2 * waitMs);
    }
  }

  /** Reads one stream to its end, and gives why it ended. */
  private async read(signal: AbortSignal, onState: () => void): Promise<LiveTrouble> {
    const lines = this.lines(signal);
    for (;;) {
      const { done, value } = await lines.next();
      if (done === true) return value;
      if (signal.aborted) return 'gone';
      this.take(value);
      onState();
    }
  }

  /** The lines of one stream, and why it ended. */
  private async *lines(signal: AbortSignal): AsyncGenerator<string, LiveTrouble> {
    try {
      const response = await fetch('/api/state', { headers: this.headers(), signal });
      if (response.status === 503) return 'busy';
      if (!response.ok || response.body === null) return 'refused';
      let rest = '';
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        if (rest.length > MAX_LINE_LENGTH) return 'gone';
        yield* lines;
      }
    } catch {
      // The server went, or the page does not want more.
    }
    return 'gone';
  }

  private take(line: string): void {
    const state = JSON.parse(line) as MachineState;
    if (state.schema !== machineSchema) return;
    this.history.take(state);
    this.last = state;
    this.events = [...this.events, ...state.events].slice(-MAX_EVENTS);
    this.lostEvents += state.lostEvents;
    this.show();
  }

  private show(): void {
    const { last, history } = this;
    this.isBehind = this.isShowing;
    if (last === undefined || this.isShowing) return;
    this.isShowing = true;
    const state = { ...last, ...this.unshown(), connections: history.inOrder(last.connections) };
    const drawn = this.drawn(state.connections);
    this.drawnKey = drawn === undefined ? undefined : connectionKey(drawn);
    const figures = [history.ratesFigure()];
    if (drawn !== undefined) figures.push(history.shareFigure(drawn), history.rttFigure(drawn));
    scope.postMessage({
      ...{ type: 'picture', state, drawn: this.drawnKey },
      seenFor: state.connections.map((connection) => history.seenFor(connection)),
      figures: figures.map((figure, i) => figureData({ id: ['rates', 'subflows', 'rtt'][i]!, figure })),
    });
  }

  /** What happened since the last picture. */
  private unshown(): Pick<MachineState, 'events' | 'lostEvents'> {
    const { events, lostEvents } = this;
    this.events = [];
    this.lostEvents = 0;
    return { events, lostEvents };
  }

  /** The connection that was chosen, or that was drawn before, while it is there; else the busiest. */
  private drawn(connections: readonly MachineConnection[]): MachineConnection | undefined {
    const find = (key: string | undefined): MachineConnection | undefined =>
      connections.find((each) => connectionKey(each) === key);
    return find(this.chosen) ?? find(this.drawnKey) ?? connections[0];
  }

  private async control(command: MachineCommand): Promise<MachineAnswer> {
    try {
      const response = await fetch('/api/control', {
        method: 'POST',
        headers: { ...this.headers(), 'content-type': 'application/json' },
        body: JSON.stringify(command),
      });
      if (response.ok || response.status === 409) return (await response.json()) as MachineAnswer;
      return { isDone: false, said: `the server refuses it (${response.status})` };
    } catch {
      return { isDone: false, said: 'the server does not answer' };
    }
  }

  private headers(): Record<string, string> {
    return { authorization: `Bearer ${this.token}` };
  }
}

const live = new Live();
scope.onmessage = ({ data }) => live.handle(data);
