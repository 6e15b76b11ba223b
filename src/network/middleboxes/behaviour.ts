/**
 * What a registered behaviour says of itself: its name, where real boxes were seen to do it, what Multipath TCP should
 * make of it, and how to make a box that does it.
 */

import type { RandomSource } from '../../base/index.js';
import type { IpAddress } from '../../wire/index.js';
import type { Middlebox } from '../middlebox.js';

/** What a transfer through a box comes to, from best to worst. */
export type Reaction =
  /** Every subflow lived and stayed Multipath TCP. */
  | 'unaffected'
  /** The connection lost a subflow, or did not get one, and went on. */
  | 'subflow closed'
  /** The connection became plain TCP and went on (RFC 8684 §3.7). */
  | 'fell back'
  /** The connection failed, on either side. */
  | 'connection lost';

/** Where a box stands. */
export type Placement =
  /** On the only path there is. */
  | 'only'
  /** On the first of two paths, where the connection begins. */
  | 'first'
  /** On the second of two paths, which is joined. */
  | 'second';

/** The places in the order of tables. */
export const placements: readonly Placement[] = ['only', 'first', 'second'];

/** What a box is made with. */
export interface MiddleboxSetup {
  /** Draws whatever the box draws. */
  readonly random: RandomSource;
  /** For translators: the addresses they show to the network, one for each family. */
  readonly publicAddresses: readonly IpAddress[];
  /**
   * For boxes that let the beginning of a stream pass: the bytes after which they begin. Default: what lets both paths of
   * a transfer of 200 kB come into use before.
   */
  readonly atByte?: number;
}

/** A kind of box. */
export interface MiddleboxBehaviour {
  /** Stable, in kebab-case. */
  readonly name: string;
  /** One sentence: what it does to packets. */
  readonly summary: string;
  /** Who saw such boxes. */
  readonly source: string;
  /**
   * What may come of a transfer through it, by place, with DSS checksums on. More than one where timing or the side
   * that notices first decides.
   */
  readonly expected: Readonly<Record<Placement, readonly Reaction[]>>;
  /** Whether the host behind it has private addresses, which it translates. */
  readonly translates?: boolean;
  /** Whether it changes the bytes of the stream, which nothing but a checksum can tell. */
  readonly changesBytes?: true;
  /** What its path must be like for it to show: a loss of packets before it, a pause in the transfer. */
  readonly needs?: { readonly lossProbability?: number; readonly pauseNs?: number };
  /** Makes a box. Each is for one path. */
  make(setup: MiddleboxSetup): Middlebox;
}
