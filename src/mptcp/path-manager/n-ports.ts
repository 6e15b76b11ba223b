/**
 * Several subflows between the same two addresses, each from a port of its own: for paths that are told apart by ports only,
 * as where routers spread flows over several links (ECMP), and for a host with one address. After the path manager
 * `ndiffports` of the out-of-tree kernel. The client opens them, one after the other; either side announces what is marked.
 *
 * Its companion `binder`, which chooses among gateways by loose source routing, has no equal here: routers drop packets with
 * that option (RFC 7126 §4.4 tells them to), so that it works in networks made for it only.
 */
import { SubflowError } from '../../base/index.js';
import type { IpAddress } from '../../wire/index.js';
import type {
  LocalAddress,
  PathAction,
  PathEvent,
  PathManager,
  PathManagerFactory,
  PathState,
  PathView,
} from './path-manager.js';
import { announcements, departures } from './signal.js';

/** As many as the out-of-tree kernel has by default. */
const DEFAULT_COUNT = 2;
/** More than that no connection can have. */
const MAX_COUNT = 255;

class PortPaths implements PathManager {
  readonly name = 'n-ports';
  private readonly count: number;
  /** Address of this host that the connection began with; undefined until it is seen. */
  private origin: IpAddress | undefined = undefined;

  constructor(count: number) {
    this.count = count;
  }

  decide(_event: PathEvent, view: PathView): readonly PathAction[] {
    const actions = [...departures(view), ...announcements(view)];
    if (!view.isClient) return actions;
    this.origin ??= view.paths.find(({ subflow }) => subflow?.isInitial === true)?.local;
    const local = view.localAddresses.find(({ address }) => this.origin?.equals(address) === true);
    const next = local === undefined ? undefined : this.missing(view, local);
    return next === undefined ? actions : [...actions, next];
  }

  /** The next subflow; undefined while there are enough, one is on its way, or the pair has to rest. */
  private missing(view: PathView, local: LocalAddress): PathAction | undefined {
    const remote = view.remoteAddresses.find(
      ({ id, address }) => id === 0 && address.family === local.address.family,
    );
    if (remote === undefined || !local.subflow || view.subflowRoom <= 0) return undefined;
    const own = view.paths.filter(
      (path) => path.local.equals(local.address) && path.remote.address.equals(remote.address),
    );
    if (own.length >= this.count || own.some(isUnderWay)) return undefined;
    return { type: 'open', local, remote, backup: local.backup };
  }
}

/** Whether nothing more should be asked for on the pair now. */
function isUnderWay({ subflow }: PathState): boolean {
  return subflow === undefined || subflow.state === 'opening' || subflow.state === 'joining';
}

/** Makes path managers that keep `count` subflows, 1 to 255, the first one included. Throws `ERR_SUBFLOW_BAD_SETTING`. */
export function nPortsFor(count: number): PathManagerFactory {
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_COUNT)) {
    throw new SubflowError('ERR_SUBFLOW_BAD_SETTING', `${count} is no number of subflows`, {
      hint: `Take 1 to ${MAX_COUNT}, and settings with as many maxSubflows.`,
    });
  }
  return () => new PortPaths(count);
}

/** Makes the path manager that keeps two subflows from different ports. */
export const nPorts: PathManagerFactory = nPortsFor(DEFAULT_COUNT);
