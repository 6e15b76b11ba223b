/**
 * A subflow from every address of this host to every address of the peer. The client opens them (a server's SYNs would
 * mostly die in the client's NAT); either side announces the addresses marked `signal`. Between the families it needs a
 * NAT64: with a prefix every address reaches every other, and the peer has to announce nothing for it.
 */
import type { IpAddress } from '../../wire/index.js';
import type { PathAction, PathManager, PathManagerFactory, PathView } from './path-manager.js';
import { addressFrom, prefixesOf } from './reach.js';
import { announcements, departures } from './signal.js';

/** Pairs without a path, in the order of the local addresses, as far as there is room. */
function missing(view: PathView): PathAction[] {
  const actions: PathAction[] = [];
  const prefixes = prefixesOf(view.localAddresses);
  for (const local of view.localAddresses) {
    if (!local.subflow) continue;
    for (const remote of view.remoteAddresses) {
      if (actions.length >= view.subflowRoom) return actions;
      const address = addressFrom(local, remote.address, prefixes);
      if (address === undefined || isTaken(view, actions, local.address, address, remote.port)) continue;
      const target = address === remote.address ? remote : { ...remote, address };
      actions.push({ type: 'open', local, remote: target, backup: local.backup });
    }
  }
  return actions;
}

/** Whether the pair has a path, or is to have one: a peer may announce what it was reached at through a NAT64. */
function isTaken(
  view: PathView,
  actions: readonly PathAction[],
  local: IpAddress,
  remote: IpAddress,
  port: number,
): boolean {
  return (
    view.paths.some(
      (path) => path.local.equals(local) && path.remote.port === port && path.remote.address.equals(remote),
    ) ||
    actions.some(
      (action) =>
        action.type === 'open' &&
        action.local.address.equals(local) &&
        action.remote.port === port &&
        action.remote.address.equals(remote),
    )
  );
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
