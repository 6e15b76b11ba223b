/**
 * One path carries the data, the others stand by: a subflow from every address of this host to the address that the
 * connection began with, all but one of them backups. The one in use is that of the first address that is not marked
 * `backup` and has an open subflow; when that goes, the next one takes over, and hands back when it has returned. The
 * client decides; a server only announces. What Apple's hosts do in their hand-over mode.
 * Read first: RFC 8684 §3.3.8.
 */
import type { Subflow } from '../subflow.js';
import type {
  LocalAddress,
  PathAction,
  PathManager,
  PathManagerFactory,
  PathState,
  PathView,
} from './path-manager.js';
import { announcements, departures } from './signal.js';

/** This host's addresses in the order in which they are to be used. */
function inOrder(view: PathView): LocalAddress[] {
  const usable = view.localAddresses.filter((local) => local.subflow || hasOpen(view, local));
  return [...usable.filter((local) => !local.backup), ...usable.filter((local) => local.backup)];
}

function pathsOf(view: PathView, local: LocalAddress): PathState[] {
  return view.paths.filter((path) => path.local.equals(local.address));
}

function isOpen(subflow: Subflow | undefined): subflow is Subflow {
  return subflow?.state === 'active';
}

function hasOpen(view: PathView, local: LocalAddress): boolean {
  return pathsOf(view, local).some(({ subflow }) => isOpen(subflow));
}

/** Subflows that are missing, as far as there is room: one an address, to the first of the peer's of its family. */
function missing(view: PathView, order: readonly LocalAddress[]): PathAction[] {
  const actions: PathAction[] = [];
  for (const local of order) {
    if (actions.length >= view.subflowRoom) break;
    if (!local.subflow || pathsOf(view, local).length > 0) continue;
    const remote = view.remoteAddresses.find(({ address }) => address.family === local.address.family);
    // A newcomer stands by until it is open: only then is it known to be better than what there is.
    if (remote !== undefined) actions.push({ type: 'open', local, remote, backup: true });
  }
  return actions;
}

/** Changes that make the subflow of the first open address the one in use. */
function priorities(view: PathView, order: readonly LocalAddress[]): PathAction[] {
  const first = order.find((local) => hasOpen(view, local));
  if (first === undefined) return [];
  const actions: PathAction[] = [];
  for (const { local, subflow } of view.paths) {
    if (!isOpen(subflow) || !order.some(({ address }) => address.equals(local))) continue;
    const backup = !local.equals(first.address);
    if (subflow.backup !== backup) actions.push({ type: 'set-backup', subflow, backup });
  }
  // First the one that is to carry the data: there should never be none.
  return actions.sort(
    (a, b) => Number(a.type === 'set-backup' && a.backup) - Number(b.type === 'set-backup' && b.backup),
  );
}

const manager: PathManager = {
  name: 'active-backup',
  decide(_event, view) {
    const actions = [...departures(view), ...announcements(view)];
    if (!view.isClient) return actions;
    const order = inOrder(view);
    return [...actions, ...priorities(view, order), ...missing(view, order)];
  },
};

/** Makes the path manager that keeps one path in use and the others in reserve. */
export const activeBackup: PathManagerFactory = () => manager;
