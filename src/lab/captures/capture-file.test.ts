import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MemoryFile, skippableFrame, unpackers, zstandard } from '../../../test/support/capture-files.js';
import { CapturedPacket, CaptureReader, PcapngWriter, readCapture } from '../../capture/index.js';
import { CaptureFile, FileChunks, MAX_PLACES, PacketIndex, unpackLimits } from './index.js';

const folder = join(import.meta.dirname, '..', '..', 'capture', 'fixtures');
const fixtures = readdirSync(folder)
  .filter((name) => /\.pcap(ng)?$/.test(name))
  .map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))] as const);

const always = (): boolean => true;

/** A capture of `count` packets, each of `length` bytes that say its number. */
function made(count: number, length = 60): Uint8Array {
  const writer = new PcapngWriter();
  const on = writer.addInterface({ linkType: 1, name: '<b>eth\u202e0' });
  const packet = new CapturedPacket();
  const bytes = new Uint8Array(length);
  packet.interfaceIndex = on;
  for (let number = 1; number <= count; number++) {
    new DataView(bytes.buffer).setUint32(0, number);
    packet.setBytes(bytes);
    packet.setTime(number * 1000);
    packet.comments = number === 3 ? ['<script>alert(1)</script>'] : [];
    writer.write(packet);
  }
  return writer.take();
}

async function opened(file: MemoryFile): Promise<CaptureFile> {
  const capture = new CaptureFile(file, unpackers);
  await capture.read(() => undefined, always);
  return capture;
}

function numberIn({ bytes, offset }: CapturedPacket): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
}

describe('a place behind a packet', () => {
  it.each(fixtures)('is where another reader goes on with the same packets: %s', (_name, bytes) => {
    const whole = readCapture(bytes).packets;
    const reader = new CaptureReader();
    reader.push(bytes);
    reader.end();
    expect(reader.checkpoint()).toBeUndefined();
    for (let count = 1; reader.next() !== undefined; count++) {
      const place = reader.checkpoint()!;
      const other = CaptureReader.resume(place);
      other.push(bytes.subarray(place.position));
      other.end();
      const rest: CapturedPacket[] = [];
      for (let packet = other.next(); packet !== undefined; packet = other.next()) rest.push(packet.copy());
      expect(rest).toEqual(whole.slice(count));
      expect(other.interfaces).toEqual(readCapture(bytes).reader.interfaces);
    }
  });
});

describe('the index of a capture', () => {
  it('has a bounded number of places, however many packets there are', () => {
    const index = new PacketIndex();
    let packetCount = 0;
    const reader = {
      get packetCount() {
        return packetCount;
      },
      checkpoint: () => ({ position: packetCount, packetCount, format: 'pcap', parser: () => undefined! }),
    } as unknown as CaptureReader;
    for (packetCount = 1; packetCount <= 3_000_000; packetCount++) index.note(reader);
    expect(index.count).toBeLessThan(MAX_PLACES);
    expect(index.count).toBeGreaterThan(MAX_PLACES / 4);
    for (const wanted of [1, 2, index.stride, index.stride + 1, 1_234_567, 3_000_000, 9e9]) {
      const place = index.before(wanted)?.packetCount ?? 0;
      expect(place).toBeLessThan(wanted);
      if (wanted <= 3_000_000) expect(wanted - place).toBeLessThanOrEqual(index.stride);
    }
  });
});

describe('a packet of a capture', () => {
  it.each(fixtures)('is found again, in any order: %s', async (name, bytes) => {
    const { packets, reader } = readCapture(bytes);
    const skipped = [skippableFrame(Buffer.alloc(40)), skippableFrame(Buffer.alloc(0))];
    const packed = zstandard(bytes, 1000);
    for (const form of [bytes, gzipSync(bytes), packed, Buffer.concat([...skipped, packed])]) {
      const capture = await opened(new MemoryFile(name, form));
      for (const wanted of [packets.length, 1, Math.ceil(packets.length / 2)]) {
        const found = await capture.find(wanted, always);
        expect(found!.packet).toEqual(packets[wanted - 1]);
        expect(found!.on).toEqual(reader.interfaces[found!.packet.interfaceIndex]);
      }
      for (const wanted of [0, -1, 1.5, Number.NaN, packets.length + 1, 1e300]) {
        expect(await capture.find(wanted, always)).toBeUndefined();
      }
    }
  });

  it('costs the bytes around it, not those of the file', async () => {
    const file = new MemoryFile('long', made(60_000));
    const capture = await opened(file);
    const before = file.readBytes;
    expect(numberIn((await capture.find(51_234, always))!.packet)).toBe(51_234);
    // A search reads a piece, and the one behind it in advance.
    expect(file.readBytes - before).toBeLessThan(600_000);
    const near = file.readBytes;
    for (const next of [51_235, 51_233, 51_300, 51_110]) {
      expect(numberIn((await capture.find(next, always))!.packet)).toBe(next);
    }
    expect(file.readBytes).toBe(near);
  });

  it('is found in a packed file by unpacking it anew, told on the way, and may be given up', async () => {
    const capture = await opened(new MemoryFile('long.gz', gzipSync(made(60_000))));
    const told: number[] = [];
    const found = await capture.find(59_000, ({ readBytes }) => told.push(readBytes) > 0);
    expect(numberIn(found!.packet)).toBe(59_000);
    expect(told.length).toBeGreaterThan(3);
    expect(await capture.find(30_000, () => false)).toBeUndefined();
    expect(numberIn((await capture.find(30_000, always))!.packet)).toBe(30_000);
  });

  it('keeps bounded company: of large packets fewer', async () => {
    const capture = await opened(new MemoryFile('large', made(300, 200_000)));
    const found = await capture.find(200, always);
    expect(numberIn(found!.packet)).toBe(200);
    const { kept } = capture as unknown as { kept: ReadonlyMap<number, unknown> };
    expect(kept.size).toBeLessThan(50);
  });
});

describe('a file that is read piece by piece', () => {
  const bytes = made(30_000, 100);

  it('says so when it shrinks or vanishes meanwhile, and what came before holds', async () => {
    const shrinking = new MemoryFile('shrinks', bytes);
    const capture = new CaptureFile(shrinking, unpackers);
    const report = await capture.read(
      () => undefined,
      () => {
        shrinking.shrink(2_000_000);
        return true;
      },
    );
    expect(report!.packets).toBeGreaterThan(5000);
    expect(report!.problem).toMatchObject({ code: 'unreadable' });
    shrinking.vanish();
    expect(await capture.find(20, always)).toBeUndefined();
    const gone = new MemoryFile('folder', bytes);
    gone.vanish();
    const nothing = await new CaptureFile(gone, unpackers).read(() => undefined, always);
    expect(nothing).toMatchObject({ packets: 0, problem: { code: 'unreadable' } });
  });

  it('may be left at any piece', async () => {
    const capture = new CaptureFile(new MemoryFile('left', bytes), unpackers);
    expect(
      await capture.read(
        () => undefined,
        () => false,
      ),
    ).toBeUndefined();
  });

  it('ends with a sentence where packed data is damaged or cut', async () => {
    const packed = gzipSync(bytes);
    for (const cut of [3, 12, 200, packed.length - 5]) {
      const capture = new CaptureFile(new MemoryFile('cut', packed.subarray(0, cut)), unpackers);
      const report = await capture.read(() => undefined, always);
      expect(report!.problem).not.toBeNull();
    }
  });

  it('stops unpacking what grows beyond all measure, and refuses windows beyond what zstd itself takes', async () => {
    // Records of no length: a capture that is nothing but headers.
    const bomb = Buffer.alloc(unpackLimits.freeBytes + 2 ** 22);
    Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex').copy(bomb);
    const packed = new MemoryFile('bomb', gzipSync(bomb, { level: 1 }));
    let unpacked = 0;
    const chunks = new FileChunks(packed, unpackers);
    for await (const chunk of chunks.from()) unpacked += chunk.length;
    expect(unpacked).toBeLessThan(bomb.length);
    expect(chunks.problem?.message).toMatch(/more than 200 times its size/);
    // RFC 8878 §3.1.1.1.2: an exponent of 21 is a window of two gigabytes; then one segment of four.
    for (const header of ['28b52ffd00a8', '28b52ffda0ffffffff', '28b52ffde0ffffffffffffff00']) {
      const frame = Buffer.from(`${header}00000000`, 'hex');
      const skipped = skippableFrame(Buffer.alloc(5));
      const many = Array.from({ length: 100 }, () => skipped);
      for (const form of [frame, Buffer.concat([skipped, frame]), Buffer.concat([...many, frame])]) {
        const window = new FileChunks(new MemoryFile('window', form), unpackers);
        for await (const chunk of window.from()) expect(chunk).toBeUndefined();
        expect(window.problem?.message).toMatch(/--long/);
      }
    }
  });
});
