/**
 * The way of a bond: through a converter, from whichever uplink answers first. An attempt begins from the best uplink; when it fails, or
 * has no answer for a while, the next begins from another, as RFC 8305 does with addresses. So an uplink that is dead and does not
 * know it delays connections and does not prevent them; the kernel's path manager adds the other uplinks to the one that won.
 */
import { SubflowError } from '../../base/index.js';
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

/** Gives addresses to begin from, best first; undefined among them: as the kernel chooses. None: nothing may go out. */
export type BondSources = () => readonly (string | undefined)[];

/** See the module. */
export class BondUpstream implements Upstream {
  readonly name: string;
  readonly isDirect = false;
  private readonly via: string;
  private readonly sources: BondSources;

  /** `via`: as of {@link parseHops}, which may throw. */
  constructor(via: string, sources: BondSources) {
    this.via = via;
    this.name = this.from(undefined).name;
    this.sources = sources;
  }

  /** Rejects with `ERR_SUBFLOW_UPLINKS_CAPPED` where nothing may go out; otherwise as the upstream. */
  async open(request: UpstreamRequest): Promise<OpenedConnection> {
    const sources = this.sources().slice(0, MAX_ATTEMPTS);
    if (sources.length === 0)
      throw new SubflowError(
        'ERR_SUBFLOW_UPLINKS_CAPPED',
        'the uplinks that are left have carried their caps',
        {
          hint: 'Raise a cap, or bring another uplink up.',
        },
      );
    return race(
      sources.map((localAddress) => {
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
