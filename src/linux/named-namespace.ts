/** Network namespaces that others made, by a path or by the name that ip-netns(8) knows them by. */
import { closeSync, openSync } from 'node:fs';
import { CLONE_NEWNET } from './constants.js';
import { setns } from './libc.js';
import { elsewhere } from './namespace.js';

/**
 * Runs `action` on this thread in the namespace, and comes back whatever happens; where the thread is, without one. What it opens stays
 * in the namespace. `action` must be done when it returns.
 * @throws as opening does where there is none, and SystemError `EPERM` without CAP_SYS_ADMIN.
 */
export function insideNamespaceAt<T>(place: string | undefined, action: () => T): T {
  if (place === undefined) return action();
  const there = openSync(place.includes('/') ? place : `/run/netns/${place}`, 'r');
  try {
    return elsewhere(() => setns(there, CLONE_NEWNET), action);
  } finally {
    closeSync(there);
  }
}
