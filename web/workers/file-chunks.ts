/**
 * The bytes of a file that a reader gave, piece by piece, unpacked where they are packed: a capture may be larger than
 * memory. What the bytes mean is for `CaptureReader` to say.
 */
import { Decompress } from 'fzstd';
import { type ParseError, parseError } from '../../src/base/index.js';

/** Bytes read at once. */
const CHUNK_BYTES = 1 << 20;

export class FileChunks {
  /** Bytes of the file that were read. */
  readBytes = 0;
  /** Why unpacking ended before its time; what came before holds. */
  problem: ParseError | undefined = undefined;
  private readonly file: File;

  constructor(file: File) {
    this.file = file;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const magic = new Uint8Array(await this.file.slice(0, 4).arrayBuffer());
    const isGzip = magic[0] === 0x1f && magic[1] === 0x8b;
    // RFC 8878 §3.1.1.
    const isZstandard = magic[0] === 0x28 && magic[1] === 0xb5 && magic[2] === 0x2f && magic[3] === 0xfd;
    if (isGzip) yield* this.unpacked(this.gunzip());
    else if (isZstandard) yield* this.unpacked(this.unzstd());
    else yield* this.plain();
  }

  private async *plain(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let at = 0; at < this.file.size; at += CHUNK_BYTES) {
      const chunk = new Uint8Array(await this.file.slice(at, at + CHUNK_BYTES).arrayBuffer());
      this.readBytes += chunk.length;
      yield chunk;
    }
  }

  private async *unpacked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.problem = parseError(
        'bad-compression',
        this.readBytes,
        `the packed data is damaged or cut: ${why}`,
      );
    }
  }

  private async *gunzip(): AsyncGenerator<Uint8Array> {
    const source = this.plain();
    const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        const step = await source.next();
        if (step.done === true) controller.close();
        else controller.enqueue(step.value);
      },
    });
    const reader = packed.pipeThrough(new DecompressionStream('gzip')).getReader();
    try {
      for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  private async *unzstd(): AsyncGenerator<Uint8Array> {
    const pieces: Uint8Array[] = [];
    const unpacker = new Decompress((piece) => void pieces.push(piece));
    for await (const chunk of this.plain()) {
      unpacker.push(chunk);
      yield* pieces.splice(0);
    }
    unpacker.push(new Uint8Array(0), true);
    yield* pieces.splice(0);
  }
}
