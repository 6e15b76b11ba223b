/**
 * Announces as `signal` does, and makes the initial subflow a backup once another one is open: for a server behind a balancer
 * whose own address or port clients can reach. All data then goes past the balancer's choice of a server for the first
 * subflow, which is there for when the others fail.
 * Read first: RFC 8684 §3.3.8 (MP_PRIO).
 */
import type { PathAction, PathManager, PathManagerFactory, PathView } from './path-manager.js';
import { announcements, departures } from './signal.js';

/** Makes the initial subflow a backup while there is another one to carry the data, and an ordinary one otherwise. */
function initialPriority(view: PathView): PathAction[] {
  const open = view.paths.flatMap(({ subflow }) => (subflow?.state === 'active' ? [subflow] : []));
  const initial = open.find(({ join }) => join === undefined);
  if (initial === undefined) return [];
  const backup = open.length > 1;
  return initial.backup === backup ? [] : [{ type: 'set-backup', subflow: initial, backup }];
}

const manager: PathManager = {
  name: 'bypass',
  decide: (_event, view) => [...departures(view), ...announcements(view), ...initialPriority(view)],
};

/** Makes the path manager that announces and leaves the initial subflow in reserve. */
export const bypass: PathManagerFactory = () => manager;
