/** What the verdict on a world has to know of the boxes in it. */

import { middleboxBehaviour } from '../../src/network/index.js';

/** Behaviours that change what a stream says. */
const changing: ReadonlySet<string> = new Set([
  'payload-rewriting',
  'payload-lengthening',
  'payload-shortening',
  'data-insertion',
  'data-injection',
]);

/** Whether a box of the behaviour called `name` changes payload. */
export function changesPayload(name: string | undefined): boolean {
  return name !== undefined && changing.has(name);
}

/**
 * Whether connections may end with an error because of such a box: it changes payload, or ends flows. Of the others no
 * connection may die, whatever else becomes of it.
 */
export function mayEndConnections(name: string | undefined): boolean {
  if (name === undefined) return false;
  const { expected } = middleboxBehaviour(name);
  return changing.has(name) || Object.values(expected).some((all) => all.includes('connection lost'));
}
