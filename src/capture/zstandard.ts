/**
 * Captures that are packed with Zstandard: how they are known, and how they are unpacked piece by piece, so that what comes of
 * a few bytes is taken before more is unpacked. The unpacker itself is given: who reads no such capture need not load one.
 * Read first: RFC 8878 §3.1.
 */

/** As much of an unpacker as is used here. */
export interface ZstandardUnpacker {
  /** Unpacks what is whole by now. Throws where the data is damaged, or cut when `isLast` is said. */
  push(packed: Uint8Array, isLast?: boolean): void;
}

/** Makes an unpacker, which calls `take` with every piece, from within `push`. */
export type ZstandardUnpackerClass = new (take: (piece: Uint8Array) => void) => ZstandardUnpacker;

/** Bytes that the unpacker is given at once: of each four it may make a block of 128 KiB (RFC 8878 §3.1.1.2). */
const PUSH_BYTES = 1024;

/** Whether a file that begins so is packed with Zstandard, also behind frames that are to be skipped. */
export function isZstandard(head: Uint8Array): boolean {
  const [a, b, c, d] = head;
  return (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) || isSkippable(head);
}

/** Bytes of the frame that begins so and is to be skipped; 0 for any other, or where its header of eight bytes is not whole. */
export function skippableBytes(head: Uint8Array): number {
  if (head.length < 8 || !isSkippable(head)) return 0;
  return 8 + new DataView(head.buffer, head.byteOffset, head.length).getUint32(4, true);
}

function isSkippable([a = 0, b, c, d]: Uint8Array): boolean {
  return a >= 0x50 && a <= 0x5f && b === 0x2a && c === 0x4d && d === 0x18;
}

/** Unpacks; the memory of what it is given may be used again as soon as it asks for more. Throws where the data is damaged. */
export async function* unpackZstandard(
  packed: AsyncIterable<Uint8Array>,
  Unpacker: ZstandardUnpackerClass,
): AsyncGenerator<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const unpacker = new Unpacker((piece) => void pieces.push(piece));
  for await (const chunk of packed) {
    for (let at = 0; at < chunk.length; at += PUSH_BYTES) {
      // It keeps what it does not understand yet.
      unpacker.push(chunk.slice(at, at + PUSH_BYTES));
      yield* pieces.splice(0);
    }
  }
  unpacker.push(new Uint8Array(0), true);
  yield* pieces.splice(0);
}
