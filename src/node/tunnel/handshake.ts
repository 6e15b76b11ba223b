/**
 * What a client says to a proxy before a connection is through, as a state machine of bytes: it opens nothing and reads no
 * clock. One for each protocol, and {@link HandshakeChain} for several proxies one behind the other.
 *
 * ```
 *  begin --> more --read--> more ... --read--> done: what follows is the server's
 *                              \--read--> failed: the connection is of no more use
 * ```
 */
import type { Endpoint } from '../../wire/index.js';

/** The first bytes of a handshake. */
export interface Opening {
  readonly bytes: Uint8Array;
  /** How many of the bytes that were offered are among them. */
  readonly earlyBytes: number;
}

/** What to do next. `send`: bytes to send first, where there are any. */
export type HandshakeStep =
  | { readonly state: 'more'; readonly send?: Uint8Array }
  | {
      readonly state: 'done';
      readonly send?: Uint8Array;
      /** What the server sent already: a view, good until the bytes that were read change. */
      readonly rest: Uint8Array;
      readonly facts: TunnelFacts;
    }
  | HandshakeFailed;

/** The end of a handshake that came to nothing. */
export interface HandshakeFailed {
  readonly state: 'failed';
  readonly error: Error;
  /** The same may be tried once more at once, on another connection. */
  readonly mayRetry?: boolean;
}

/** What a proxy says of the connection that it opened. */
export interface TunnelFacts {
  /** Where the proxy connects from; undefined where it does not tell. */
  readonly bound?: Endpoint | undefined;
  /** Whether the server speaks Multipath TCP with the last proxy; undefined where it does not tell. */
  readonly isServerMultipath?: boolean | undefined;
  /** Bytes of the application that the server took from the last proxy's SYN; undefined where it does not tell. */
  readonly synBytes?: number | undefined;
}

/** See the module. */
export interface Handshake {
  /** Called once, first. `early` is what there is for the server by now: a protocol may take some of it along. */
  begin(early: Uint8Array): Opening;
  /** Takes what came. */
  read(bytes: Uint8Array): HandshakeStep;
  /** The proxy ended the stream before the handshake was done. */
  endOfStream(): HandshakeFailed;
}

const nothing = new Uint8Array(0);

/** Several handshakes one after the other, each inside the connection that the one before opened. */
export class HandshakeChain implements Handshake {
  private readonly hops: readonly Handshake[];
  /** What each has to send once the one before it is done. */
  private readonly pending: Uint8Array[] = [];
  private at = 0;

  /** `hops`: at least one, the nearest proxy first. */
  constructor(hops: readonly Handshake[]) {
    this.hops = hops;
  }

  begin(early: Uint8Array): Opening {
    let inner: Opening = { bytes: early, earlyBytes: early.length };
    for (let i = this.hops.length - 1; i >= 0; i--) {
      const opening = this.hops[i]!.begin(inner.bytes);
      const isLast = i === this.hops.length - 1;
      // What the last does not take stays with the caller; what another does not, waits here.
      this.pending[i + 1] = isLast ? nothing : inner.bytes.slice(opening.earlyBytes);
      inner = { bytes: opening.bytes, earlyBytes: isLast ? opening.earlyBytes : inner.earlyBytes };
    }
    return inner;
  }

  read(bytes: Uint8Array): HandshakeStep {
    let rest = bytes;
    const send: Uint8Array[] = [];
    for (;;) {
      const step = this.hops[this.at]!.read(rest);
      if (step.state === 'failed') return step;
      if (step.send !== undefined) send.push(step.send);
      if (step.state === 'more') return { state: 'more', ...sending(send) };
      this.at++;
      const next = this.pending[this.at]!;
      if (next.length > 0) send.push(next);
      if (this.at === this.hops.length) return { ...step, ...sending(send) };
      if (step.rest.length === 0) return { state: 'more', ...sending(send) };
      rest = step.rest;
    }
  }

  endOfStream(): HandshakeFailed {
    return this.hops[this.at]!.endOfStream();
  }
}

/** Bytes to send, in one piece; nothing where there are none. */
export function sending(parts: readonly Uint8Array[]): { readonly send?: Uint8Array } {
  return parts.length === 0 ? {} : { send: joined(parts) };
}

/** All parts in one piece. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
