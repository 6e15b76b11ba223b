/**
 * A subflow from every address of this host to every address of the peer. The client opens them (a server's SYNs would
 * mostly die in the client's NAT); either side announces the addresses marked `signal`.
 */
import type { PathAction, PathManager, PathManagerFactory, PathView } from './path-manager.js';
import { announcements, departures } from './signal.js';

/** Pairs without a path, in the order of the local addresses, as far as there is room. */
function missing(view: PathView): PathAction[] {
  const actions: PathAction[] = [];
  for (const local of view.localAddresses) {
    if (!local.subflow) continue;
    for (const remote of view.remoteAddresses) {
      if (actions.length >= view.subflowRoom) return actions;
      if (remote.address.family !== local.address.family) continue;
      const taken = view.paths.some(
        (path) =>
          path.local.equals(local.address) &&
          path.remote.port === remote.port &&
          path.remote.address.equals(remote.address),
      );
      if (!taken) actions.push({ type: 'open', local, remote, backup: local.backup });
    }
  }
  return actions;
}

const manager: PathManager = {
  name: 'full-mesh',
  decide(_event, view) {
    const actions = [...departures(view), ...announcements(view)];
    return view.isClient ? [...actions, ...missing(view)] : actions;
  },
};

/** Makes the full-mesh path manager. */
export const fullMesh: PathManagerFactory = () => manager;
