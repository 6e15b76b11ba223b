/**
 * A frame taken apart, as plain data: layers in the order of the bytes, fields within them, and within those what shares their
 * bytes. Names, meanings and summaries are for people and may change.
 */

/** A field of a packet: where it stands in its bytes, what it holds, and what that means. */
export interface DissectedField {
  readonly name: string;
  /** In words: a number in the base that people read it in, a flag by its name, an address, some of a long string. */
  readonly value: string;
  /** From the start of the frame. */
  readonly offset: number;
  readonly length: number;
  /** Which bits of these bytes are meant, the first byte highest; absent where all are. At most 4 bytes have one. */
  readonly mask?: number;
  /** What it is there for. */
  readonly meaning?: string;
  /** Where that is laid down: `RFC 8684 §3.3.1`. */
  readonly source?: string;
  /** What it is made of, in the order of the bytes. Those that share a byte have masks without a common bit. */
  readonly fields?: readonly DissectedField[];
}

/** A header, or the payload. */
export interface DissectedLayer {
  readonly name: string;
  /** The layer in one line. */
  readonly summary: string;
  readonly offset: number;
  readonly length: number;
  readonly fields: readonly DissectedField[];
}

/** All that there is of a frame. */
export interface Dissection {
  /** From the link header inwards; each begins where the one before it ends, or behind. */
  readonly layers: readonly DissectedLayer[];
  /** Why it could not be read to its end; null where it could. */
  readonly problem: string | null;
}
