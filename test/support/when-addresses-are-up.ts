/** Tries, and the time between them in ms: two seconds in all. */
const MAX_TRIES = 200;
const PAUSE_MS = 10;

/**
 * What `action` gives as soon as it does not throw: the kernel brings IPv6 addresses of a new interface into use in its own time,
 * `nodad` or not, and on a busy machine that may be after the command that set them has returned.
 */
export function whenAddressesAreUp<T>(action: () => T): T {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 1; ; tries++) {
    try {
      return action();
    } catch (error) {
      if (tries >= MAX_TRIES) throw error;
      Atomics.wait(clock, 0, 0, PAUSE_MS);
    }
  }
}
