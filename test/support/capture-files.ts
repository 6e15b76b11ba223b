/** Files as a browser gives them, without a browser. */
import { PassThrough, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import type { ByteFile, Unpackers } from '../../src/lab/index.js';

/** A file that holds `bytes`; counts what is read of it. */
export class MemoryFile implements ByteFile {
  readonly name: string;
  readonly size: number;
  /** Bytes that were asked for. */
  readBytes = 0;
  private bytes: Uint8Array;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
    this.size = bytes.length;
  }

  slice(from: number, to: number): { arrayBuffer(): Promise<ArrayBuffer> } {
    return {
      arrayBuffer: () => {
        const piece = new Uint8Array(this.bytes.subarray(from, to));
        this.readBytes += piece.length;
        return Promise.resolve(piece.buffer);
      },
    };
  }

  /** Somebody cuts it while it is open; what it said of its size stays said. */
  shrink(bytes: number): void {
    this.bytes = this.bytes.subarray(0, bytes);
  }

  /** Somebody removes it, or it is a folder: a browser refuses to read it. */
  vanish(): void {
    this.slice = () => ({ arrayBuffer: () => Promise.reject(new Error('NotFoundError')) });
  }
}

async function* gunzip(packed: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
  const out = new PassThrough();
  pipeline(Readable.from(packed), createGunzip(), out, () => undefined);
  for await (const chunk of out) yield new Uint8Array(chunk as Buffer);
}

async function* unzstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const unpacker = new Decompress((piece) => void pieces.push(piece));
  for await (const chunk of packed) {
    unpacker.push(chunk);
    yield* pieces.splice(0);
  }
  unpacker.push(new Uint8Array(0), true);
  yield* pieces.splice(0);
}

/** Node's for gzip. */
export const unpackers: Unpackers = { gzip: gunzip, zstandard: unzstd };
