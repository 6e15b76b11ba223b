import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { skippableFrame, zstandard } from '../../../test/support/capture-files.js';
import { LinkType, PcapWriter, type PacketToWrite } from '../../capture/index.js';
import { feedPackets, type FedFile } from './feed.js';
import { CaptureInput } from './input.js';
import type { ByteSource } from './source.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-feed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A capture of `count` packets of 1,000 bytes: packet i begins with the number i and has the time `first + i * step`. */
function capture(count: number, first = 0, step = 1): Uint8Array {
  const writer = new PcapWriter(LinkType.RAW);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array(1000);
    new DataView(bytes.buffer).setUint32(0, first + i * step);
    const packet: PacketToWrite = {
      ...{ interfaceIndex: 0, bytes, offset: 0, length: 1000, originalLength: 1000 },
      ...{ seconds: first + i * step, nanoseconds: 0, direction: 'unknown', comments: [] },
    };
    writer.write(packet);
    parts.push(writer.take().slice());
  }
  return Buffer.concat(parts);
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Standard input that gives `bytes` in pieces of up to `step`. */
function input(bytes: Uint8Array, step = 1): ByteSource {
  let at = 0;
  return {
    mayReadAhead: false,
    read(buffer) {
      const piece = bytes.subarray(at, at + Math.min(step, buffer.length));
      buffer.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
    close: () => Promise.resolve(),
  };
}

/** Reads `names` as one capture: the numbers that the packets begin with, and what came of the files. */
async function read(
  names: readonly string[],
  standardInput = input(new Uint8Array(0)),
): Promise<{ readonly numbers: readonly number[]; readonly files: readonly FedFile[] }> {
  const inputs = await Promise.all(names.map((name) => CaptureInput.open(name, standardInput)));
  const numbers: number[] = [];
  const files = await feedPackets(inputs, ({ bytes, offset }) => {
    numbers.push(new DataView(bytes.buffer, bytes.byteOffset + offset).getUint32(0));
  });
  return { numbers, files };
}

const range = (count: number, first = 0, step = 1): number[] =>
  Array.from({ length: count }, (_, index) => first + index * step);

describe('a capture that is fed', () => {
  // Several chunks, so that records lie across their borders and memory is used again.
  const long = capture(5000);

  it('comes whole and in order from a plain file', async () => {
    const { numbers, files } = await read([file('plain.pcap', long)]);
    expect(numbers).toEqual(range(5000));
    expect(files).toMatchObject([{ format: 'pcap', packets: 5000, problem: undefined }]);
  });

  it('comes from gzip, also of several members', async () => {
    const packed = Buffer.concat([gzipSync(long.subarray(0, 1_234_567)), gzipSync(long.subarray(1_234_567))]);
    expect((await read([file('members.pcap.gz', packed)])).numbers).toEqual(range(5000));
  });

  it('comes from Zstandard, also behind a frame to be skipped', async () => {
    const packed = Buffer.concat([skippableFrame(Buffer.alloc(3)), zstandard(long)]);
    expect((await read([file('skip.pcap.zst', packed)])).numbers).toEqual(range(5000));
  });

  it('comes from standard input, in pieces of any size, packed or not', async () => {
    for (const bytes of [long.subarray(0, 100_000), gzipSync(long)]) {
      const { numbers } = await read(['-'], input(bytes, 777));
      expect(numbers).toEqual(range(numbers.length));
      expect(numbers.length).toBeGreaterThan(90);
    }
  });

  it('is merged with others by time, the first file first where times are equal', async () => {
    const names = [file('even.pcap', capture(1500, 0, 2)), file('odd.pcap', capture(1500, 1, 2))];
    const { numbers, files } = await read(names);
    expect(numbers).toEqual(range(3000));
    expect(files.map(({ packets }) => packets)).toEqual([1500, 1500]);
    expect((await read([names[0]!, names[0]!])).numbers).toEqual(range(1500, 0, 2).flatMap((n) => [n, n]));
  });

  it('that is cut gives what stands before the cut, and says where', async () => {
    const cut = long.subarray(0, long.length - 500);
    const { numbers, files } = await read([file('cut.pcap', cut)]);
    expect(numbers).toEqual(range(4999));
    expect(files[0]!.problem).toMatchObject({ code: 'truncated' });
  });

  it.each([
    ['gzip', gzipSync(long)],
    ['Zstandard', zstandard(long)],
  ])('that is cut within %s gives what could be unpacked', async (name, packed) => {
    const { numbers, files } = await read([file(`cut-${name}`, packed.subarray(0, packed.length - 20))]);
    expect(numbers).toEqual(range(numbers.length));
    expect(files[0]!.problem).toMatchObject({ code: 'truncated' });
  });

  // Which of the two notices first, unpacker or reader, depends on what was hit.
  it.each([
    ['gzip', gzipSync(long)],
    ['Zstandard', zstandard(long)],
  ])('whose %s is damaged says so', async (name, packed) => {
    const damaged = Uint8Array.from(packed);
    damaged.fill(0xff, packed.length >> 1, (packed.length >> 1) + 64);
    const { numbers, files } = await read([file(`damaged-${name}`, damaged)]);
    expect(numbers.length).toBeLessThan(5000);
    expect(files[0]!.problem?.code).toMatch(/^(bad-compression|truncated|bad-length)$/);
  });

  it.each([
    ['an empty file', new Uint8Array(0), 'truncated'],
    ['no capture', Buffer.from('This is a text.'), 'not-a-capture'],
    ['gzip of no capture', gzipSync('This is a text.'), 'not-a-capture'],
  ])('that is %s is a problem with a name', async (name, bytes, code) => {
    const { numbers, files } = await read([file(name.replaceAll(' ', '-'), bytes)]);
    expect(numbers).toEqual([]);
    expect(files[0]!.problem).toMatchObject({ code });
  });

  it('cannot be a folder', async () => {
    await expect(CaptureInput.open(folder, input(new Uint8Array(0)))).rejects.toMatchObject({
      code: 'EISDIR',
    });
  });

  it('frees its file when the end is reached', async () => {
    const inputs = [await CaptureInput.open(file('freed.pcap', long), input(new Uint8Array(0)))];
    await feedPackets(inputs, () => undefined);
    expect(inputs[0]!.position).toBe(long.length);
  });
});
