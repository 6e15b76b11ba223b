/** Work that a signal ends in good order: what it opened is closed first, and then the program ends as the shell expects. */

import { setMaxListeners } from 'node:events';

/** Settles when the signal is aborted, also where it is already. Holds no process alive. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/**
 * Gives `work` a signal that is aborted at the first SIGINT or SIGTERM, or when the terminal goes (SIGHUP), unless `work` has a use of its
 * own for that. Once `work` has settled after that, the program
 * ends by the same signal; a second one does not wait for it.
 */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  // Everybody who has something to close listens.
  setMaxListeners(0, controller.signal);
  let received: NodeJS.Signals | undefined;
  const stop = (name: NodeJS.Signals): void => {
    received = name;
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', hangUp);
    controller.abort();
  };
  const hangUp = (name: NodeJS.Signals): void => {
    if (process.listenerCount('SIGHUP') === 1) stop(name);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', hangUp);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', hangUp);
    if (received !== undefined) process.kill(process.pid, received);
  }
}
