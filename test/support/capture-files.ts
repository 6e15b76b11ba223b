/** Files as a browser gives them, without a browser. */
import { PassThrough, pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { unpackZstandard } from '../../src/capture/index.js';
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

/** Node's for gzip. */
export const unpackers: Unpackers = {
  gzip: gunzip,
  zstandard: (packed) => unpackZstandard(packed, Decompress),
};

/** Packs nothing: blocks as they are, with a window of 2 MiB (RFC 8878 §3.1.1), for Node 20 has no packer. */
export function zstandard(bytes: Uint8Array, blockBytes = 1 << 16): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from('28b52ffd0058', 'hex')];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const part = bytes.subarray(at, at + blockBytes);
    const header = Buffer.alloc(3);
    header.writeUIntLE((part.length << 3) | (at + blockBytes >= bytes.length ? 1 : 0), 0, 3);
    parts.push(header, part);
  }
  return Buffer.concat(parts);
}

/** A frame of Zstandard that is to be skipped (RFC 8878 §3.1.2). */
export function skippableFrame(bytes: Uint8Array): Uint8Array {
  const header = Buffer.from('502a4d1800000000', 'hex');
  header.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}
