/**
 * Connects to the first of several addresses that answers: the next attempt begins when one fails, or has not answered for a
 * while, and those before go on. Read first: RFC 8305 §5.
 */
import type { IpAddress } from '../../wire/index.js';
import { codeOf, netError } from '../net-error.js';
import type { SocketEnd } from '../relay/index.js';

/** Time between the beginnings of two attempts, in ms (RFC 8305 §8: the recommended one). */
export const ATTEMPT_DELAY_MS = 250;

/** Errors that say less than any other: they are of this host, not of a server. */
const weak = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EHOSTUNREACH']);

/** The winner. */
export interface Raced {
  readonly end: SocketEnd;
  readonly address: IpAddress;
}

/**
 * Races for `addresses`, at least one, in their order. Rejects with the error that says most, or with the reason of `signal`;
 * nothing is left open then.
 */
export function race(
  addresses: readonly IpAddress[],
  connect: (address: IpAddress) => SocketEnd,
  signal: AbortSignal,
): Promise<Raced> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<SocketEnd>();
    const errors: Error[] = [];
    let next = 0;
    let timer: NodeJS.Timeout | undefined;
    const finish = (winner?: SocketEnd): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      next = addresses.length;
      for (const attempt of attempts) if (attempt !== winner) attempt.reset();
      attempts.clear();
    };
    const abort = (): void => {
      finish();
      reject(signal.reason as Error);
    };
    const fail = (attempt: SocketEnd | undefined, error: Error): void => {
      if (attempt !== undefined && !attempts.delete(attempt)) return;
      errors.push(error);
      if (next < addresses.length) begin();
      else if (attempts.size === 0) {
        finish();
        reject(strongest(errors));
      }
    };
    const begin = (): void => {
      clearTimeout(timer);
      const address = addresses[next++]!;
      let attempt: SocketEnd;
      try {
        attempt = connect(address);
      } catch (error) {
        fail(undefined, error as Error);
        return;
      }
      attempts.add(attempt);
      attempt.socket.once('error', (error) => fail(attempt, error));
      // Whatever ends it without a word.
      attempt.socket.once('close', () => fail(attempt, netError('ECONNRESET', 'connect')));
      attempt.socket.once('connect', () => {
        if (!attempts.has(attempt)) return;
        finish(attempt);
        resolve({ end: attempt, address });
      });
      if (next < addresses.length) timer = setTimeout(begin, ATTEMPT_DELAY_MS);
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    begin();
  });
}

function strongest(errors: readonly Error[]): Error {
  return errors.findLast((error) => !weak.has(codeOf(error) ?? '')) ?? errors[0]!;
}
