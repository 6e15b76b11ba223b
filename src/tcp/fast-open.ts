import { TcpOptionKind, fastOpenExperimentId } from '../wire/index.js';
import type { OutgoingSegment } from './segment.js';

/**
 * Fast Open on one connection: what its SYN, or the answer to one, says of it. Cookies are opaque here: who makes them,
 * who remembers them, and how many unproven connections there may be is for the owner to decide.
 *
 * Read first: RFC 7413 §2 and §4, RFC 6994 §3 (the older form of the option).
 */

/** What the SYN of an active open asks or offers. */
export interface FastOpenOffer {
  /** The peer's cookie; empty to ask for one; undefined for no option at all: the peer is known to need none. */
  readonly cookie: Uint8Array | undefined;
  /** Whether the option goes in its older form, under kind 254. */
  readonly experimental: boolean;
  /** Most payload that the SYN may carry; 0 for none. The peer's MSS as it was last heard, less its options. */
  readonly maxDataBytes: number;
}

/** How a passive open takes the SYN. */
export interface FastOpenAnswer {
  /** Whether the peer has proved its address: the SYN's payload counts, and data may leave before the peer's ACK. */
  readonly isAccepted: boolean;
  /** The cookie to hand out; undefined for none. */
  readonly cookie: Uint8Array | undefined;
  /** Whether the option goes in its older form, under kind 254: a peer is answered in the form it used. */
  readonly experimental: boolean;
}

/** Bytes that the option takes in a header, padded to a multiple of four. */
export function fastOpenOptionBytes(cookie: Uint8Array, experimental: boolean): number {
  return (2 + (experimental ? 2 : 0) + cookie.length + 3) & ~3;
}

/** Puts the option into the extension of `out`, which is empty so far. */
export function writeFastOpen(out: OutgoingSegment, cookie: Uint8Array, experimental: boolean): void {
  const { extension } = out;
  let at = 0;
  extension[at++] = experimental ? TcpOptionKind.EXPERIMENT : TcpOptionKind.FAST_OPEN;
  extension[at++] = 2 + (experimental ? 2 : 0) + cookie.length;
  if (experimental) {
    extension[at++] = fastOpenExperimentId >>> 8;
    extension[at++] = fastOpenExperimentId & 0xff;
  }
  extension.set(cookie, at);
  at += cookie.length;
  while ((at & 3) !== 0) extension[at++] = TcpOptionKind.NOP;
  out.extensionLength = at;
}
