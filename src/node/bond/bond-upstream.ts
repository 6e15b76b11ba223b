/**
 * The way of a bond: through a converter, from whichever uplink answers first. An attempt begins from the best uplink; when it fails, or
 * has no answer for a while, the next begins from another, as RFC 8305 does with addresses. So an uplink that is dead and does not
 * know it delays connections and does not prevent them; the kernel's path manager adds the other uplinks to the one that won.
 */
import { codeOf, errorOf, netError } from '../net-error.js';
import {
  type OpenedConnection,
  PROXY_MARK,
  TunnelUpstream,
  type Upstream,
  type UpstreamRequest,
} from '../proxy/index.js';
import { parseHops } from '../tunnel/hop.js';

/** Time for an attempt before the next begins beside it, in ms: longer than a satellite needs. */
const HEAD_START_MS = 1_000;
/** Attempts for one connection. */
const MAX_ATTEMPTS = 16;

/** Errors that the converter or the server behind it answered: another uplink would not change them. */
function isFinal(error: Error): boolean {
  const code = codeOf(error) ?? '';
  return code.startsWith('ERR_SUBFLOW_CONVERT_') || code === 'ECONNREFUSED';
}

/** See the module. */
export class BondUpstream implements Upstream {
  readonly name: string;
  readonly isDirect = false;
  private readonly via: string;
  private readonly sources: () => readonly string[];

  /** `via`: as of {@link parseHops}; `sources`: addresses to begin from, best first; none: as the kernel chooses. Throws as that. */
  constructor(via: string, sources: () => readonly string[]) {
    parseHops(via);
    this.via = via;
    this.name = via;
    this.sources = sources;
  }

  open(request: UpstreamRequest): Promise<OpenedConnection> {
    const sources = this.sources().slice(0, MAX_ATTEMPTS);
    const attempts = sources.length === 0 ? [undefined] : sources;
    return new Race(
      attempts.map((localAddress) => this.from(localAddress)),
      request,
    ).run();
  }

  private from(localAddress: string | undefined): Upstream {
    return new TunnelUpstream(parseHops(this.via), { mark: PROXY_MARK, fastOpen: true, localAddress });
  }
}

/** Attempts one after the other, each beside those before it. */
class Race {
  private readonly waiting: Upstream[];
  private readonly request: UpstreamRequest;
  private readonly running = new Set<AbortController>();
  private timer: NodeJS.Timeout | undefined = undefined;
  private isOver = false;
  private settle: (winner: OpenedConnection | undefined, error: Error) => void = () => undefined;

  constructor(attempts: Upstream[], request: UpstreamRequest) {
    this.waiting = attempts;
    this.request = request;
  }

  run(): Promise<OpenedConnection> {
    const { signal } = this.request;
    return new Promise((resolve, reject) => {
      const abort = (): void => this.settle(undefined, errorOf(signal.reason));
      this.settle = (winner, error) => {
        this.isOver = true;
        clearTimeout(this.timer);
        signal.removeEventListener('abort', abort);
        for (const attempt of this.running) attempt.abort(error);
        if (winner === undefined) reject(error);
        else resolve(winner);
      };
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort);
      this.begin(netError('ENETUNREACH', 'connect'));
    });
  }

  /** Begins the next attempt; `error` is what came of the last one. */
  private begin(error: Error): void {
    clearTimeout(this.timer);
    const upstream = this.waiting.shift();
    if (upstream === undefined) {
      if (this.running.size === 0) this.settle(undefined, error);
      return;
    }
    const attempt = new AbortController();
    this.running.add(attempt);
    this.timer = setTimeout(() => this.begin(error), HEAD_START_MS);
    upstream.open({ ...this.request, signal: attempt.signal }).then(
      (opened) => {
        this.running.delete(attempt);
        // Another was there before.
        if (this.isOver) opened.end.reset();
        else this.settle(opened, error);
      },
      (thrown: unknown) => {
        this.running.delete(attempt);
        if (this.isOver) return;
        const failure = errorOf(thrown);
        if (isFinal(failure)) this.settle(undefined, failure);
        else this.begin(failure);
      },
    );
  }
}
