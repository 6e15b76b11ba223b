/** A handshake with a proxy over a relay's socket, which reads nothing more once that is done. */
import type { RelaySocket } from '../relay/index.js';
import type { Handshake, HandshakeStep, TunnelFacts } from './handshake.js';
import { ProxyError } from './proxy-error.js';

/** A connection to the server through the proxy. */
export interface Shaken {
  /** How many bytes of those that were offered are sent. */
  readonly earlyBytes: number;
  /** What came from the server already. */
  readonly received: Uint8Array;
  readonly facts: TunnelFacts;
}

/** A failed handshake, and whether the same may be tried at once on another connection. */
export class HandshakeFailure extends Error {
  readonly error: Error;
  readonly mayRetry: boolean;

  constructor(error: Error, mayRetry: boolean) {
    super(error.message, { cause: error });
    this.error = error;
    this.mayRetry = mayRetry;
  }
}

/**
 * Goes through the handshake over `end`, which is connected. Rejects with a {@link HandshakeFailure}, or with the reason of
 * `signal`; `end` is reset then.
 */
export function shakeHands(
  end: RelaySocket,
  handshake: Handshake,
  early: Uint8Array,
  signal: AbortSignal,
): Promise<Shaken> {
  return new Promise((resolve, reject) => {
    const abort = (): void => fail(signal.reason as Error);
    const leave = (): void => signal.removeEventListener('abort', abort);
    let isOver = false;
    const fail = (error: Error): void => {
      if (isOver) return;
      isOver = true;
      leave();
      end.reset();
      reject(error);
    };
    const take = (step: HandshakeStep): boolean => {
      if (step.state === 'failed') {
        fail(new HandshakeFailure(step.error, step.mayRetry === true));
        return false;
      }
      if (step.send !== undefined) end.write(step.send);
      if (step.state === 'more') return true;
      isOver = true;
      leave();
      resolve({ earlyBytes: opening.earlyBytes, received: step.rest.slice(), facts: step.facts });
      return false;
    };
    const lost = (cause: Error): void =>
      fail(new ProxyError('ERR_SUBFLOW_PROXY_UNREACHABLE', `the proxy went away: ${cause.message}`, cause));
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    const opening = handshake.begin(early);
    end.listen({
      onBytes: (bytes) => !isOver && take(handshake.read(bytes)),
      onEnd: () => {
        if (!isOver) take(handshake.endOfStream());
      },
      onRoom: () => undefined,
      onClose: (error) => lost(error ?? new Error('closed')),
    });
    end.write(opening.bytes);
    end.resume();
  });
}
