/**
 * The way of a bond: through a converter, from whichever uplink answers first. An attempt begins from the best uplink; when it fails, or
 * has no answer for a while, the next begins from another, as RFC 8305 does with addresses. So an uplink that is dead and does not
 * know it delays connections and does not prevent them; the kernel's path manager adds the other uplinks to the one that won.
 */
import { codeOf } from '../net-error.js';
import {
  type OpenedConnection,
  PROXY_MARK,
  TunnelUpstream,
  type Upstream,
  type UpstreamRequest,
} from '../proxy/index.js';
import { race } from '../proxy/race.js';
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
    this.via = via;
    this.name = this.from(undefined).name;
    this.sources = sources;
  }

  open(request: UpstreamRequest): Promise<OpenedConnection> {
    const sources = this.sources().slice(0, MAX_ATTEMPTS);
    const attempts = sources.length === 0 ? [undefined] : sources;
    return race(
      attempts.map((localAddress) => {
        const upstream = this.from(localAddress);
        return (signal) => upstream.open({ ...request, signal });
      }),
      request.signal,
      { headStartMs: HEAD_START_MS, isFinal, discard: ({ end }) => end.reset() },
    );
  }

  private from(localAddress: string | undefined): Upstream {
    return new TunnelUpstream(parseHops(this.via), { mark: PROXY_MARK, fastOpen: true, localAddress });
  }
}
