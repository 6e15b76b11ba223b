/**
 * The way of a bond: through a converter, from whichever uplink answers first. An attempt begins from the best uplink; when it fails, or
 * has no answer for a while, the next begins from another, as RFC 8305 does with addresses. So an uplink that is dead and does not
 * know it delays connections and does not prevent them; the kernel's path manager adds the other uplinks to the one that won.
 */
import { connect } from '../connect.js';
import { codeOf, netError } from '../net-error.js';
import { StreamEnd } from '../relay/index.js';
import type { Socket } from '../socket.js';
import type { OpenRequest, Upstream } from '../proxy/transparent.js';

/** Time for an attempt before the next begins beside it, in ms: longer than a satellite needs. */
const HEAD_START_MS = 1_000;
/** Attempts for one connection. */
const MAX_ATTEMPTS = 16;

/** Errors that the converter or the server behind it answered: another uplink would not change them. */
function isFinal(error: Error): boolean {
  const code = codeOf(error) ?? '';
  return code.startsWith('ERR_SUBFLOW_CONVERT_') || code === 'ECONNREFUSED';
}

/** What a bond connects with. */
export interface BondUpstreamOptions {
  /** Place of the converter, as in `192.0.2.1:5124`. */
  readonly converter: string;
  readonly mark: number;
  /** Addresses to begin from, best first; none: as the kernel chooses. */
  readonly sources: () => readonly string[];
}

/** See the module. */
export class BondUpstream implements Upstream {
  readonly name: string;
  private readonly options: BondUpstreamOptions;

  constructor(options: BondUpstreamOptions) {
    this.options = options;
    this.name = `converter ${options.converter}`;
  }

  open(request: OpenRequest): Promise<{ readonly end: StreamEnd }> {
    const sources = this.options.sources().slice(0, MAX_ATTEMPTS);
    const attempts = sources.length === 0 ? [undefined] : sources;
    return new Promise((resolve, reject) => {
      const race = new Race(
        attempts.map((source) => () => this.connectFrom(source, request)),
        (socket) => resolve({ end: new StreamEnd(socket) }),
        reject,
      );
      race.run(request.signal);
    });
  }

  private connectFrom(localAddress: string | undefined, { host, port }: OpenRequest): Socket {
    const { converter, mark } = this.options;
    return connect({
      ...{ host, port, converter, mark, transport: 'kernel', allowHalfOpen: true, noDelay: true },
      fastOpen: true,
      ...(localAddress !== undefined && { localAddress }),
    });
  }
}

/** Attempts one after the other, each beside those before it. */
class Race {
  private readonly attempts: (() => Socket)[];
  private readonly won: (socket: Socket) => void;
  private readonly lost: (error: Error) => void;
  private readonly running = new Set<Socket>();
  private timer: NodeJS.Timeout | undefined = undefined;
  private end: () => void = () => undefined;

  constructor(attempts: (() => Socket)[], won: (socket: Socket) => void, lost: (error: Error) => void) {
    this.attempts = attempts;
    this.won = won;
    this.lost = lost;
  }

  run(signal: AbortSignal): void {
    const abort = (): void => this.finish(undefined, signal.reason as Error);
    this.end = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort);
    this.next(netError('ENETUNREACH', 'connect'));
  }

  /** Begins the next attempt; `error` is what came of the last one. */
  private next(error: Error): void {
    clearTimeout(this.timer);
    const attempt = this.attempts.shift();
    if (attempt === undefined) {
      if (this.running.size === 0) this.finish(undefined, error);
      return;
    }
    const socket = attempt();
    this.running.add(socket);
    socket.once('connect', () => this.finish(socket, error));
    socket.on('error', (failure) => {
      if (!this.running.delete(socket)) return;
      if (isFinal(failure)) this.finish(undefined, failure);
      else this.next(failure);
    });
    this.timer = setTimeout(() => this.next(error), HEAD_START_MS);
  }

  private finish(winner: Socket | undefined, error: Error): void {
    clearTimeout(this.timer);
    this.end();
    const others = [...this.running].filter((socket) => socket !== winner);
    this.running.clear();
    for (const socket of others) socket.destroy();
    if (winner === undefined) this.lost(error);
    else this.won(winner);
  }
}
