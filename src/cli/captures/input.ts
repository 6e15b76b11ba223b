/**
 * The bytes of a capture, wherever they are: a file or standard input, as it is or packed with gzip or Zstandard. What
 * the bytes mean is for `CaptureReader` to say. Memory: three chunks, and the window of the unpacker.
 */

import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { type ParseError, parseError } from '../../base/index.js';
import { isZstandard, unpackZstandard } from '../../capture/index.js';
import { type ByteSource, FileSource } from './source.js';

/** Bytes read at once. */
const CHUNK_BYTES = 1 << 18;
/** One chunk is looked at, one may still be referred to by a record that began in it, one is being read. */
const BUFFERS = 3;

/** Standard input, as a name of a file. */
export const STANDARD_INPUT = '-';

export class CaptureInput {
  /** As the user gave it. */
  readonly name: string;
  /** Bytes of the file, packed as it may be; NaN where that is not known. */
  readonly sizeBytes: number;
  private readonly source: ByteSource;
  private readBytes = 0;
  private found: ParseError | undefined = undefined;

  private constructor(name: string, sizeBytes: number, source: ByteSource) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.source = source;
  }

  /** Opens the file `name`, or takes `standardInput` for `-`. Throws what the system says when it cannot. */
  static async open(name: string, standardInput: ByteSource): Promise<CaptureInput> {
    if (name === STANDARD_INPUT) return new CaptureInput('standard input', Number.NaN, standardInput);
    const handle = await open(name);
    const status = await handle.stat();
    if (status.isDirectory()) {
      await handle.close();
      throw Object.assign(new Error(`${name} is a folder, not a capture`), { code: 'EISDIR' });
    }
    return new CaptureInput(name, status.isFile() ? status.size : Number.NaN, new FileSource(handle));
  }

  /** How much of {@link sizeBytes} has been read. */
  get position(): number {
    return this.readBytes;
  }

  /** Why the bytes ended before their time: `bad-compression` or `truncated`; known when they have ended. */
  get problem(): ParseError | undefined {
    return this.found;
  }

  /**
   * The bytes, unpacked, once. A chunk's memory is used again: it holds until the one after the next is asked for.
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const chunks = readAll(this.source);
    const first = await chunks.next();
    if (first.done === true) return;
    const all = this.counted(first.value, chunks);
    const [a, b] = first.value;
    if (a === 0x1f && b === 0x8b) yield* this.unpacked(gunzip(all));
    else if (isZstandard(first.value)) yield* this.unpacked(unzstd(all));
    else yield* all;
  }

  private async *counted(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      this.readBytes += first.length;
      yield first;
      for (let step = await rest.next(); step.done !== true; step = await rest.next()) {
        this.readBytes += step.value.length;
        yield step.value;
      }
    } finally {
      await rest.return(undefined);
    }
  }

  /** What was unpacked before a fault counts; the fault is kept. */
  private async *unpacked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isCut = /unexpected end of file|unexpected EOF/i.test(message);
      this.found = isCut
        ? parseError('truncated', this.readBytes, 'the packed data ends too early')
        : parseError('bad-compression', this.readBytes, `the packed data is damaged: ${message}`);
    }
  }
}

/** Where it may, reads ahead by one chunk, so that reading goes on while the chunk before it is looked at. */
async function* readAll(source: ByteSource): AsyncGenerator<Uint8Array> {
  const buffers = Array.from({ length: BUFFERS }, () => new Uint8Array(CHUNK_BYTES));
  const read = async (index: number): Promise<Uint8Array> => {
    const buffer = buffers[index % BUFFERS]!;
    return buffer.subarray(0, await source.read(buffer));
  };
  try {
    let pending: Promise<Uint8Array> | undefined = undefined;
    for (let index = 0; ; index++) {
      const chunk: Uint8Array = await (pending ?? read(index));
      if (chunk.length === 0) return;
      if (!source.mayReadAhead) {
        yield chunk;
        continue;
      }
      pending = read(index + 1);
      // Who stops early leaves this one unread: its failure then concerns nobody.
      pending.catch(() => undefined);
      yield chunk;
    }
  } finally {
    await source.close();
  }
}

async function* gunzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unpacker = createGunzip({ chunkSize: CHUNK_BYTES });
  const feeding = (async () => {
    for await (const chunk of chunks) {
      // The memory of a chunk is used again: it must be consumed before the next is asked for.
      await new Promise<void>((resolve) => unpacker.write(chunk, () => resolve()));
      if (unpacker.destroyed) return;
    }
    unpacker.end();
  })();
  feeding.catch((error: unknown) => unpacker.destroy(error as Error));
  for await (const chunk of unpacker) yield chunk as Uint8Array;
  await feeding;
}

async function* unzstd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  yield* unpackZstandard(chunks, Decompress);
}
