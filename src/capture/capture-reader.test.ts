import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionError } from '../base/index.js';
import { CaptureReader, readCapture } from './capture-reader.js';
import type { CapturedPacket } from './packet.js';

/** Builds files byte by byte, independently of the writers. */
class FileBuilder {
  readonly bytes: number[] = [];
  private readonly little: boolean;

  constructor(little = true) {
    this.little = little;
  }

  number(value: number, size: number): this {
    const digits = Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) & 0xff);
    this.bytes.push(...(this.little ? digits : digits.reverse()));
    return this;
  }

  u16(...values: number[]): this {
    for (const value of values) this.number(value, 2);
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.number(value, 4);
    return this;
  }

  raw(...values: number[]): this {
    this.bytes.push(...values);
    return this;
  }

  option(code: number, value: readonly number[]): this {
    return this.u16(code, value.length).raw(...value, ...new Array<number>(-value.length & 3).fill(0));
  }

  block(type: number, body: (block: FileBuilder) => void): this {
    const inner = new FileBuilder(this.little);
    body(inner);
    const total = 12 + inner.bytes.length;
    return this.u32(type, total)
      .raw(...inner.bytes)
      .u32(total);
  }

  section(minor = 0, major = 1): this {
    return this.block(0x0a0d0d0a, (block) => {
      block.u32(0x1a2b3c4d).u16(major, minor).u32(0xffffffff, 0xffffffff);
    });
  }

  interface(linkType: number, snapLength = 0, options: (block: FileBuilder) => void = () => undefined): this {
    return this.block(1, (block) => {
      block.u16(linkType, 0).u32(snapLength);
      options(block);
    });
  }

  packet(index: number, count: [number, number], data: readonly number[], original = data.length): this {
    return this.block(6, (block) => {
      block
        .u32(index, ...count, data.length, original)
        .raw(...data, ...new Array<number>(-data.length & 3).fill(0));
    });
  }

  get file(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }
}

function pcap(little: boolean, magic: number, linkType = 101): FileBuilder {
  return new FileBuilder(little).u32(magic).u16(2, 4).u32(0, 0, 65535, linkType);
}

/** What most tests look at. */
function summary(packet: CapturedPacket): unknown[] {
  return [packet.seconds, packet.nanoseconds, [...packet.data()], packet.originalLength];
}

function problemOf(file: Uint8Array): [string, number] | undefined {
  const { problem } = readCapture(file);
  return problem === undefined ? undefined : [problem.code, problem.offset];
}

describe('classic files', () => {
  it.each([
    ['little-endian, microseconds', true, 0xa1b2c3d4, 500_000_000],
    ['big-endian, microseconds', false, 0xa1b2c3d4, 500_000_000],
    ['little-endian, nanoseconds', true, 0xa1b23c4d, 500_000],
    ['big-endian, nanoseconds', false, 0xa1b23c4d, 500_000],
  ])('are read: %s', (_name, little, magic, nanoseconds) => {
    const file = pcap(little, magic).u32(1000, 500_000, 3, 60).raw(1, 2, 3).u32(1001, 0, 0, 0).file;
    const { reader, packets, problem } = readCapture(file);
    expect(problem).toBeUndefined();
    expect(reader.format).toBe('pcap');
    expect(packets.map(summary)).toEqual([
      [1000, nanoseconds, [1, 2, 3], 60],
      [1001, 0, [], 0],
    ]);
    expect(packets[0]!.linkType).toBe(101);
    expect(reader.interfaces).toMatchObject([{ index: 0, linkType: 101, snapLength: 65535 }]);
    expect(reader.section).toBeUndefined();
  });

  it('keep the link type apart from what else stands in its field', () => {
    const file = pcap(true, 0xa1b2c3d4, 0x2400_0001).u32(0, 0, 1, 1).raw(7).file;
    expect(readCapture(file).packets[0]!.linkType).toBe(1);
  });

  it('carry a fraction that runs over a second', () => {
    const file = pcap(true, 0xa1b2c3d4).u32(10, 2_500_000, 0, 0).file;
    expect(summary(readCapture(file).packets[0]!).slice(0, 2)).toEqual([12, 500_000_000]);
  });

  it('stop at a packet beyond the limit, and give those before it', () => {
    const file = pcap(true, 0xa1b2c3d4).u32(1, 0, 1, 1).raw(7).u32(2, 0, 262_145, 262_145).file;
    expect(readCapture(file).packets).toHaveLength(1);
    expect(problemOf(file)).toEqual(['bad-length', 24 + 17 + 8]);
    expect(readCapture(file, { maxPacketBytes: 300_000 }).problem?.code).toBe('truncated');
  });

  it('of another version are refused', () => {
    const file = new FileBuilder().u32(0xa1b2c3d4).u16(3, 0).u32(0, 0, 65535, 1).file;
    expect(problemOf(file)).toEqual(['bad-version', 4]);
  });
});

describe('pcapng files', () => {
  it.each([true, false])('are read in both byte orders (little: %s)', (little) => {
    const file = new FileBuilder(little)
      .section()
      .interface(1)
      .packet(0, [0x0006_0c80, 0x1234_5678], [1, 2, 3, 4, 5], 99).file;
    const { reader, packets, problem } = readCapture(file);
    const count = (0x0006_0c80n << 32n) | 0x1234_5678n;
    expect(problem).toBeUndefined();
    expect(reader.format).toBe('pcapng');
    expect(packets.map(summary)).toEqual([
      [Number(count / 1_000_000n), Number(count % 1_000_000n) * 1000, [1, 2, 3, 4, 5], 99],
    ]);
  });

  it('have sections of their own byte order, interfaces and units', () => {
    const nanoseconds = (block: FileBuilder): FileBuilder => block.option(9, [9]);
    const first = new FileBuilder(true).section().interface(1).packet(0, [0, 5], [1]);
    const second = new FileBuilder(false)
      .section(2)
      .interface(113)
      .interface(101, 0, nanoseconds)
      .packet(1, [0, 5], [2])
      .packet(0, [0, 5], [3]);
    const { reader, packets, problem } = readCapture(Uint8Array.from([...first.bytes, ...second.bytes]));
    expect(problem).toBeUndefined();
    expect(packets.map((p) => [p.interfaceIndex, p.linkType, p.nanoseconds, p.data()[0]])).toEqual([
      [0, 1, 5000, 1],
      [2, 101, 5, 2],
      [1, 113, 5000, 3],
    ]);
    expect(reader.interfaces.map(({ section }) => section)).toEqual([0, 1, 1]);
  });

  it('skip what they need not know: names, statistics, secrets, custom blocks, unknown ones', () => {
    const file = new FileBuilder().section().interface(1);
    for (const type of [4, 5, 9, 0x0a, 0xbad, 0x4000_0bad, 0x8000_0001, 0x7777]) {
      file.block(type, (block) => block.raw(...new Array<number>(40).fill(type & 0xff)));
      file.packet(0, [0, type], [type & 0xff]);
    }
    const { packets, problem } = readCapture(file.file);
    expect(problem).toBeUndefined();
    expect(packets).toHaveLength(8);
  });

  it('skip a block of any size without holding it', () => {
    const size = 64 * 1024 * 1024;
    const reader = new CaptureReader();
    reader.push(
      new FileBuilder()
        .section()
        .interface(1)
        .u32(0x0a, size + 12).file,
    );
    expect(reader.next()).toBeUndefined();
    const chunk = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 64; i++) {
      reader.push(chunk);
      expect(reader.next()).toBeUndefined();
    }
    const window = (reader as unknown as { window: { available: number; carry: Uint8Array } }).window;
    expect(window.available).toBe(0);
    expect(window.carry.length).toBeLessThan(10_000);
    reader.push(new FileBuilder().u32(size + 12).packet(0, [0, 1], [42]).file);
    expect([...reader.next()!.data()]).toEqual([42]);
    reader.end();
    expect(reader.next()).toBeUndefined();
    expect(reader.problem).toBeUndefined();
  });

  it('skip a section of a version they do not know, and read the next', () => {
    const file = new FileBuilder().section(0, 2).interface(1).packet(0, [0, 1], [1]);
    file.section().interface(101).packet(0, [0, 1], [2]);
    const { packets, problem } = readCapture(file.file);
    expect(problem).toBeUndefined();
    expect(packets.map((packet) => packet.data()[0])).toEqual([2]);
  });

  it('tell comments and directions, and pass over other options', () => {
    const text = (value: string): number[] => [...new TextEncoder().encode(value)];
    const withOptions = (write: (block: FileBuilder) => void): FileBuilder =>
      new FileBuilder()
        .section()
        .interface(1)
        .block(6, (block) => {
          block.u32(0, 0, 0, 2, 2).raw(1, 2, 0, 0);
          write(block);
        });
    const { packets } = readCapture(
      withOptions((block) => {
        block.option(1, text('first')).option(5, [1, 2, 3, 4, 5, 6, 7, 8]).option(2, [2, 0, 0, 0]);
        block.option(1, text('zweiter, mit Ümlaut')).option(0, []).option(1, text('after the end'));
      }).file,
    );
    expect(packets[0]!.comments).toEqual(['first', 'zweiter, mit Ümlaut']);
    expect(packets[0]!.direction).toBe('outbound');
    // Without the end-of-options option the block ends the list.
    const open = readCapture(withOptions((block) => block.option(2, [0xfd, 0xff, 0, 0])).file);
    expect([open.problem, open.packets[0]!.direction]).toEqual([undefined, 'inbound']);
    // A flags option of the wrong length says nothing.
    const odd = readCapture(withOptions((block) => block.option(2, [1, 0])).file);
    expect([odd.problem, odd.packets[0]!.direction]).toEqual([undefined, 'unknown']);
  });

  it('do not let one packet inherit from the one before', () => {
    const file = new FileBuilder().section().interface(1);
    file.block(6, (block) => block.u32(0, 0, 0, 0, 0).option(1, [0x61]).option(2, [1, 0, 0, 0]));
    file.packet(0, [0, 0], []);
    file.block(3, (block) => block.u32(0));
    const { packets } = readCapture(file.file);
    expect(packets.map((p) => [p.comments.length, p.direction, p.hasTime])).toEqual([
      [1, 'inbound', true],
      [0, 'unknown', true],
      [0, 'unknown', false],
    ]);
  });

  it('read simple packets, cut at the snap length of the first interface', () => {
    const file = new FileBuilder().section().interface(101, 6);
    file.block(3, (block) => block.u32(100).raw(1, 2, 3, 4, 5, 6, 0, 0));
    file.block(3, (block) => block.u32(3).raw(7, 8, 9, 0));
    const { packets } = readCapture(file.file);
    expect(packets.map((p) => [[...p.data()], p.originalLength, p.hasTime, p.linkType])).toEqual([
      [[1, 2, 3, 4, 5, 6], 100, false, 101],
      [[7, 8, 9], 3, false, 101],
    ]);
  });

  it('read obsolete packet blocks', () => {
    const file = new FileBuilder()
      .section()
      .interface(101)
      .interface(1)
      .block(2, (block) => {
        block.u16(1, 77).u32(0, 1_000_001, 1, 50).raw(5, 0, 0, 0).option(2, [1, 0, 0, 0]);
      });
    const { packets } = readCapture(file.file);
    expect(packets.map(summary)).toEqual([[1, 1000, [5], 50]]);
    expect([packets[0]!.linkType, packets[0]!.direction]).toEqual([1, 'inbound']);
  });

  it('read what sections and interfaces say of themselves', () => {
    const text = (value: string): number[] => [...new TextEncoder().encode(value)];
    const file = new FileBuilder()
      .block(0x0a0d0d0a, (block) => {
        block.u32(0x1a2b3c4d).u16(1, 0).u32(0xffffffff, 0xffffffff);
        block.option(4, text('app')).option(3, text('os')).option(2, text('hw')).option(1, text('c1'));
        block.option(1, text('c2')).option(0, []);
      })
      .interface(1, 262_144, (block) => {
        block
          .option(2, text('eth0\0junk'))
          .option(3, text('the first'))
          .option(8, new Array<number>(8).fill(1));
        block.option(14, [0x9c, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).option(9, [3]);
      })
      .interface(1, 0, (block) => block.option(2, new Array<number>(5000).fill(0x61)))
      .packet(0, [0, 1_250], []).file;
    const { reader, packets } = readCapture(file);
    expect(reader.section).toEqual({
      index: 0,
      application: 'app',
      operatingSystem: 'os',
      hardware: 'hw',
      comments: ['c1', 'c2'],
    });
    expect(reader.interfaces[0]).toEqual({
      index: 0,
      section: 0,
      linkType: 1,
      snapLength: 262_144,
      name: 'eth0',
      description: 'the first',
    });
    expect(reader.interfaces[1]!.name).toHaveLength(1024);
    expect(summary(packets[0]!).slice(0, 2)).toEqual([-99, 250_000_000]);
  });
});

describe('damaged files', () => {
  const header = (): FileBuilder => new FileBuilder().section().interface(1);
  const at = header().bytes.length;

  it.each<[string, Uint8Array, [string, number]]>([
    ['no capture', Uint8Array.from([1, 2, 3, 4, 5]), ['not-a-capture', 0]],
    ['gzip', Uint8Array.from([0x1f, 0x8b, 8, 0]), ['compressed', 0]],
    ['zstd', Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd]), ['compressed', 0]],
    ['nothing', new Uint8Array(0), ['truncated', 0]],
    ['three bytes', Uint8Array.from([0x0a, 0x0d, 0x0d]), ['truncated', 0]],
    ['no byte-order magic', new FileBuilder().u32(0x0a0d0d0a, 28, 5, 0, 0, 0, 28).file, ['bad-magic', 8]],
    ['a block too short for itself', header().u32(6, 8, 0, 0).file, ['bad-length', at + 4]],
    ['a block of an odd length', header().u32(6, 33, 0).file, ['bad-length', at + 4]],
    ['a block beyond the limit', header().u32(6, 0x4000_0000, 0).file, ['bad-length', at + 4]],
    ['a section too short', new FileBuilder().u32(0x0a0d0d0a, 16, 0x1a2b3c4d, 16).file, ['bad-length', 4]],
    ['an interface too short', header().block(1, (b) => b.u32(1)).file, ['bad-length', at + 4]],
    ['a packet too short', header().block(6, (b) => b.u32(0, 0, 0, 0)).file, ['bad-length', at + 4]],
    ['a simple packet too short', header().block(3, () => undefined).file, ['bad-length', at + 4]],
    ['two lengths that differ', header().u32(6, 32, 0, 0, 0, 0, 0, 36).file, ['bad-length', at + 28]],
    ['two that differ, skipped', header().u32(5, 16, 0, 20, 0, 0).file, ['bad-length', at + 12]],
    ['more data than block', header().block(6, (b) => b.u32(0, 0, 0, 5, 5, 0)).file, ['bad-length', at + 20]],
    ['data of 4 GiB', header().block(6, (b) => b.u32(0, 0, 0, 0xffffffff, 5)).file, ['bad-length', at + 20]],
    ['an interface nobody described', header().packet(1, [0, 0], []).file, ['unknown-interface', at + 8]],
    [
      'a simple packet without one',
      new FileBuilder().section().block(3, (b) => b.u32(0)).file,
      ['unknown-interface', 36],
    ],
    [
      'an option too long',
      header().block(6, (b) => b.u32(0, 0, 0, 0, 0).u16(1, 9).u32(0)).file,
      ['bad-length', at + 30],
    ],
    [
      'an option of the interface too long',
      header().interface(1, 0, (b) => b.u16(2, 5).u32(0)).file,
      ['bad-length', at + 18],
    ],
    [
      'an option of the section too long',
      new FileBuilder().block(0x0a0d0d0a, (b) => {
        b.u32(0x1a2b3c4d).u16(1, 0).u32(0, 0).u16(2, 5).u32(0);
      }).file,
      ['bad-length', 26],
    ],
  ])('are stopped at: %s', (_name, file, problem) => {
    expect(problemOf(file)).toEqual(problem);
    expect(readCapture(file).problem!.message).not.toBe('');
  });

  it('take no more interfaces than the limit', () => {
    const file = new FileBuilder().section().interface(1).interface(1).interface(1).file;
    expect(readCapture(file, { maxInterfaces: 3 }).problem).toBeUndefined();
    expect(readCapture(file, { maxInterfaces: 2 }).problem?.code).toBe('too-many-interfaces');
  });

  it('give nothing more once stopped', () => {
    const reader = new CaptureReader();
    reader.push(header().u32(6, 8, 0).file);
    expect(reader.next()).toBeUndefined();
    const problem = reader.problem;
    reader.push(header().packet(0, [0, 0], []).file);
    expect(reader.next()).toBeUndefined();
    expect(reader.problem).toBe(problem);
  });
});

describe('CaptureReader', () => {
  it('knows nothing of the file before its first bytes, and says nothing is wrong', () => {
    const reader = new CaptureReader();
    expect(reader.next()).toBeUndefined();
    expect([reader.format, reader.problem, reader.packetCount, reader.interfaces]).toEqual([
      undefined,
      undefined,
      0,
      [],
    ]);
  });

  it('waits for more as long as the end was not said', () => {
    const file = pcap(true, 0xa1b2c3d4).u32(1, 0, 4, 4).raw(1, 2, 3, 4).file;
    const reader = new CaptureReader();
    reader.push(file.subarray(0, 42));
    expect(reader.next()).toBeUndefined();
    expect(reader.isTruncated).toBe(false);
    reader.push(file.subarray(42));
    expect(reader.next()?.frame).toBe(1);
    reader.end();
    expect(reader.next()).toBeUndefined();
    expect(reader.problem).toBeUndefined();
    expect(() => reader.push(file)).toThrow(AssertionError);
  });

  it('reads a file the same in chunks of any size', () => {
    const builder = new FileBuilder().section().interface(1);
    for (let i = 0; i < 30; i++) {
      builder.packet(
        0,
        [0, i],
        Array.from({ length: (i * 37) % 300 }, (_, j) => i + j),
      );
      if (i % 5 === 0) builder.block(0x77, (block) => block.raw(...new Array<number>(4 * i).fill(i)));
    }
    const file = builder.file;
    const whole = readCapture(file).packets.map(summary);
    expect(whole).toHaveLength(30);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        const reader = new CaptureReader();
        const seen: unknown[] = [];
        for (let i = 0, from = 0; from < file.length; i++) {
          const size = Math.max(1, sizes[i % sizes.length]!);
          reader.push(file.slice(from, from + size));
          from += size;
          if (i % 3 === 2) continue;
          for (let packet = reader.next(); packet !== undefined; packet = reader.next())
            seen.push(summary(packet));
        }
        reader.end();
        for (let packet = reader.next(); packet !== undefined; packet = reader.next())
          seen.push(summary(packet));
        expect(reader.problem).toBeUndefined();
        expect(seen).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });
});
