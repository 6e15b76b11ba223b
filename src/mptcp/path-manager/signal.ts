/**
 * Announces the addresses of this host that are marked `signal` and opens nothing: what a server needs whose clients
 * open the subflows. Its two decisions are shared with the other path managers.
 */
import type { PathAction, PathManager, PathManagerFactory, PathView } from './path-manager.js';

/** Addresses to announce: marked, and not known to the peer yet. */
export function announcements(view: PathView): PathAction[] {
  return view.localAddresses
    .filter((local) => local.signal && !view.announcedIds.includes(local.id))
    .map((address) => ({ type: 'announce', address }));
}

/** What follows from addresses that this host no longer has: withdraw what was announced, close what used them. */
export function departures(view: PathView): PathAction[] {
  const actions: PathAction[] = [];
  for (const id of view.announcedIds) {
    if (!view.localAddresses.some((local) => local.id === id)) actions.push({ type: 'withdraw', id });
  }
  for (const path of view.paths) {
    const subflow = path.subflow;
    if (subflow === undefined || view.localAddresses.some((local) => local.address.equals(path.local)))
      continue;
    actions.push({ type: 'close', subflow });
  }
  return actions;
}

const manager: PathManager = {
  name: 'signal',
  decide: (_event, view) => [...departures(view), ...announcements(view)],
};

/** Makes the path manager that only announces. */
export const signal: PathManagerFactory = () => manager;
