/**
 * The bytes of a file that somebody gave, piece by piece, unpacked where they are packed: a capture may be larger than
 * memory. What the bytes mean is for `CaptureReader` to say. Whatever the file does meanwhile, it ends with a sentence.
 * Read first: RFC 8878 §3.1.1 (frames of Zstandard), RFC 1952 §2.3.1 (members of gzip).
 */
import { formatSize, type ParseError, parseError } from '../../base/index.js';
import { isZstandard, skippableBytes } from '../../capture/index.js';

/** A file as a browser gives it: `File` is one, and so is `Blob`. */
export interface ByteFile {
  readonly name: string;
  readonly size: number;
  slice(from: number, to: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Unpacks a format; what runs this knows how. It throws where the data is damaged. */
export type Unpack = (packed: AsyncIterable<Uint8Array<ArrayBuffer>>) => AsyncIterable<Uint8Array>;

export interface Unpackers {
  readonly gzip: Unpack;
  readonly zstandard: Unpack;
}

/** Bytes read at once. */
const CHUNK_BYTES = 1 << 20;

/** Bytes that tell how a file is packed, and what its first frame of Zstandard asks for. */
const HEAD_BYTES = 18;
/** Frames to be skipped that are looked behind: programs write one. */
const MAX_SKIPPED = 16;

/** What a file may ask of its reader before it is taken for a trap. */
export const unpackLimits = {
  /** Bytes that anything may unpack to. */
  freeBytes: 256 * 2 ** 20,
  /** Beyond, how many times its packed size: captures do not reach a tenth of it. */
  ratio: 200,
  /** Window of Zstandard; `zstd` itself refuses more unless told otherwise. */
  windowBytes: 128 * 2 ** 20,
};

export class FileChunks {
  /** Bytes of the file that were read. */
  readBytes = 0;
  /** Why the bytes ended before their time; what came before holds. */
  problem: ParseError | undefined = undefined;
  private readonly file: ByteFile;
  private readonly unpackers: Unpackers;
  private readonly chunkBytes: number;

  constructor(file: ByteFile, unpackers: Unpackers, chunkBytes = CHUNK_BYTES) {
    this.file = file;
    this.unpackers = unpackers;
    this.chunkBytes = chunkBytes;
  }

  /** The bytes, unpacked, from offset `from` of the unpacked file on. Each chunk is the caller's. */
  async *from(from = 0): AsyncGenerator<Uint8Array> {
    const head = await this.read(0, HEAD_BYTES);
    if (head === undefined) return;
    const [a, b] = head;
    const { unpackers } = this;
    if (a === 0x1f && b === 0x8b) yield* skip(this.unpacked(unpackers.gzip(this.plain(0))), from);
    else if (!isZstandard(head)) yield* this.plain(from);
    else if ((await this.window(head)) <= unpackLimits.windowBytes)
      yield* skip(this.unpacked(unpackers.zstandard(this.plain(0))), from);
    else {
      this.stop(
        `its window is not known, or more than ${formatSize(unpackLimits.windowBytes)}: pack it again without --long`,
      );
    }
  }

  /** Bytes of the window that the first frame asks for which is not to be skipped; Infinity where too many are before it. */
  private async window(head: Uint8Array): Promise<number> {
    let frame: Uint8Array = head;
    let at = 0;
    for (let skipped = 0; skippableBytes(frame) > 0; skipped++) {
      at += skippableBytes(frame);
      if (skipped >= MAX_SKIPPED) return Number.POSITIVE_INFINITY;
      if (at >= this.file.size) return 0;
      frame = (await this.read(at, at + HEAD_BYTES)) ?? new Uint8Array(0);
    }
    return zstandardWindow(frame);
  }

  /** Reads one piece ahead, so that the file is read while what came before is looked at. */
  private async *plain(from: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { file, chunkBytes } = this;
    let next = this.read(from, from + chunkBytes);
    for (let at = from; at < file.size;) {
      const chunk = await next;
      if (chunk === undefined) return;
      at += chunk.length;
      this.readBytes = at;
      if (at < file.size) next = this.read(at, at + chunkBytes);
      yield chunk;
    }
  }

  /** The bytes between two offsets; undefined when they cannot be had any more. */
  private async read(from: number, to: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { file } = this;
    const wanted = Math.min(to, file.size) - from;
    try {
      const bytes = new Uint8Array(await file.slice(from, from + wanted).arrayBuffer());
      if (bytes.length === wanted) return bytes;
    } catch {
      // A browser says no more than that it cannot; what it says is not for people.
    }
    this.problem ??= parseError(
      'unreadable',
      from,
      'it cannot be read, or changed or vanished while it was: open it again',
    );
    return undefined;
  }

  private async *unpacked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    try {
      for await (const chunk of chunks) {
        yield chunk;
        bytes += chunk.length;
        if (bytes > unpackLimits.freeBytes && bytes > unpackLimits.ratio * this.readBytes) {
          return this.stop(`it unpacks to more than ${unpackLimits.ratio} times its size`);
        }
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.stop(`it is damaged or cut: ${why}`);
    }
  }

  private stop(why: string): void {
    this.problem ??= parseError('bad-compression', this.readBytes, `the packed data ends here: ${why}`);
  }
}

/** The chunks without the first `count` bytes. */
async function* skip(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    // Who waits for the first one should hear that there is progress.
    yield left === 0 ? chunk : chunk.subarray(Math.min(left, chunk.length));
    left -= Math.min(left, chunk.length);
  }
}

/** Bytes of the window that a frame asks for (RFC 8878 §3.1.1.1). */
function zstandardWindow(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (head.length < 6) return 0;
  const descriptor = head[4]!;
  const isSingle = (descriptor & 0x20) !== 0;
  if (!isSingle) {
    const base = 2 ** (10 + (head[5]! >>> 3));
    return base + (base / 8) * (head[5]! & 7);
  }
  const at = 5 + [0, 1, 2, 4][descriptor & 3]!;
  const sizeBytes = [1, 2, 4, 8][descriptor >>> 6]!;
  if (at + sizeBytes > head.length) return 0;
  if (sizeBytes === 1) return head[at]!;
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  return sizeBytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
