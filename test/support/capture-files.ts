/** Files as a browser gives them, without a browser. */
import { PassThrough, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ByteFile } from '../../src/lab/index.js';

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

/** By Node's unpacker. */
export async function* gunzip(packed: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
  const out = new PassThrough();
  pipeline(Readable.from(packed), createGunzip(), out, () => undefined);
  for await (const chunk of out) yield new Uint8Array(chunk as Buffer);
}
