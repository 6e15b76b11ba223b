import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from './capture-reader.js';
import { LinkType } from './link.js';
import { CapturedPacket, type PacketDirection, type PacketToWrite } from './packet.js';
import { PcapWriter } from './pcap-writer.js';
import { PcapngWriter } from './pcapng-writer.js';

function packetAt(seconds: number, nanoseconds: number, data: Uint8Array): CapturedPacket {
  const packet = new CapturedPacket();
  packet.seconds = seconds;
  packet.nanoseconds = nanoseconds;
  packet.setBytes(data);
  return packet;
}

/** What must survive a round trip. */
function essence(packet: PacketToWrite): unknown[] {
  return [
    packet.interfaceIndex,
    packet.seconds,
    packet.nanoseconds,
    [...packet.bytes.subarray(packet.offset, packet.offset + packet.length)],
    packet.originalLength,
    packet.direction,
    packet.comments,
  ];
}

const anyPacket = fc
  .record({
    seconds: fc.nat(0xffff_ffff),
    nanoseconds: fc.nat(999_999_999),
    before: fc.nat(5),
    data: fc.uint8Array({ maxLength: 80 }),
    cut: fc.nat(1500),
    direction: fc.constantFrom<PacketDirection>('unknown', 'inbound', 'outbound'),
    comments: fc.array(
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0')),
      { maxLength: 3 },
    ),
  })
  .map(({ seconds, nanoseconds, before, data, cut, direction, comments }) => {
    const packet = packetAt(
      seconds,
      nanoseconds,
      new Uint8Array([...new Array<number>(before).fill(0xee), ...data]),
    );
    packet.offset = before;
    packet.length = data.length;
    packet.originalLength = data.length + cut;
    packet.direction = direction;
    packet.comments = comments;
    return packet;
  });

describe('PcapngWriter', () => {
  it('writes what the reader reads', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyPacket, fc.nat(2)), { maxLength: 8 }), (packets) => {
        const writer = new PcapngWriter();
        const chunks: Uint8Array[] = [];
        for (let i = 0; i < 3; i++) writer.addInterface({ linkType: LinkType.RAW, name: `path${i}` });
        for (const [packet, index] of packets) {
          packet.interfaceIndex = index;
          writer.write(packet);
          if (packet.seconds % 2 === 0) chunks.push(writer.take());
        }
        chunks.push(writer.take());
        const result = readCapture(new Uint8Array(Buffer.concat(chunks)));
        expect(result.problem).toBeUndefined();
        expect(result.packets.map(essence)).toEqual(packets.map(([packet]) => essence(packet)));
        expect(result.reader.interfaces.map(({ name }) => name)).toEqual(['path0', 'path1', 'path2']);
      }),
    );
  });

  it('says what it is and what the interfaces are', () => {
    const writer = new PcapngWriter({
      comments: ['key 1', 'key 2'],
      operatingSystem: 'simulated',
      hardware: 'none',
    });
    const interfaces = [
      { linkType: LinkType.RAW, name: 'wifi', description: 'the fast one', snapLength: 100 },
      { linkType: LinkType.ETHERNET },
    ];
    expect(interfaces.map((description) => writer.addInterface(description))).toEqual([0, 1]);
    const { reader } = readCapture(writer.take());
    expect(reader.section).toEqual({
      index: 0,
      application: 'subflow',
      operatingSystem: 'simulated',
      hardware: 'none',
      comments: ['key 1', 'key 2'],
    });
    expect(reader.interfaces).toEqual([
      { index: 0, section: 0, ...interfaces[0] },
      { index: 1, section: 0, linkType: LinkType.ETHERNET, name: '', description: '', snapLength: 0 },
    ]);
    expect(readCapture(new PcapngWriter({ application: 'other' }).take()).reader.section?.application).toBe(
      'other',
    );
  });

  it('takes an interface after packets have been written', () => {
    const writer = new PcapngWriter();
    writer.addInterface({ linkType: LinkType.RAW });
    writer.write(packetAt(1, 0, Uint8Array.of(1)));
    const late = packetAt(2, 0, Uint8Array.of(2));
    late.interfaceIndex = writer.addInterface({ linkType: LinkType.ETHERNET });
    writer.write(late);
    expect(readCapture(writer.take()).packets.map(({ linkType }) => linkType)).toEqual([101, 1]);
  });

  it('never writes fewer bytes on the wire than were captured', () => {
    const writer = new PcapngWriter();
    writer.addInterface({ linkType: LinkType.RAW });
    const packet = packetAt(1, 0, Uint8Array.of(1, 2, 3));
    packet.originalLength = 1;
    writer.write(packet);
    expect(readCapture(writer.take()).packets[0]!.originalLength).toBe(3);
  });

  it('hands bytes over once, and never touches them again', () => {
    const writer = new PcapngWriter();
    writer.addInterface({ linkType: LinkType.RAW });
    const first = writer.take();
    const copy = [...first];
    expect([writer.pendingBytes, writer.take().length]).toEqual([0, 0]);
    writer.write(packetAt(1, 0, new Uint8Array(100_000).fill(1)));
    expect(writer.pendingBytes).toBeGreaterThan(100_000);
    expect([...first]).toEqual(copy);
  });

  it('refuses what no reader could take', () => {
    const writer = new PcapngWriter();
    const packet = packetAt(0, 0, new Uint8Array(4));
    const code = (run: () => void): string => {
      try {
        run();
      } catch (error) {
        return (error as { code: string }).code;
      }
      return 'taken';
    };
    expect(code(() => writer.write(packet))).toBe('ERR_SUBFLOW_CAPTURE_INTERFACE');
    writer.addInterface({ linkType: LinkType.RAW });
    const before = writer.pendingBytes;
    expect(code(() => writer.write(packetAt(-1, 0, new Uint8Array(4))))).toBe('ERR_SUBFLOW_CAPTURE_TIME');
    expect(code(() => writer.write(packetAt(2 ** 35, 0, new Uint8Array(4))))).toBe(
      'ERR_SUBFLOW_CAPTURE_TIME',
    );
    expect(code(() => writer.write(packetAt(0, 0, new Uint8Array(262_145))))).toBe(
      'ERR_SUBFLOW_CAPTURE_SIZE',
    );
    packet.comments = ['x'.repeat(65_536)];
    expect(code(() => writer.write(packet))).toBe('ERR_SUBFLOW_CAPTURE_TEXT');
    expect(writer.pendingBytes).toBe(before);
    packet.comments = ['x'.repeat(65_535)];
    expect(code(() => writer.write(packet))).toBe('taken');
    expect(readCapture(writer.take()).packets[0]!.comments[0]).toHaveLength(65_535);
  });
});

describe('PcapWriter', () => {
  it('writes what the reader reads, but for what the format has no place for', () => {
    fc.assert(
      fc.property(fc.array(anyPacket, { maxLength: 8 }), (packets) => {
        const writer = new PcapWriter(LinkType.RAW);
        for (const packet of packets) writer.write(packet);
        const result = readCapture(writer.take());
        expect(result.problem).toBeUndefined();
        expect(result.packets.map(essence)).toEqual(
          packets.map((packet) => [...essence(packet).slice(0, 5), 'unknown', []]),
        );
        expect(result.packets.every(({ linkType }) => linkType === LinkType.RAW)).toBe(true);
      }),
    );
  });

  it('refuses what the format cannot hold', () => {
    const writer = new PcapWriter(LinkType.RAW);
    expect(() => writer.write(packetAt(2 ** 32, 0, new Uint8Array(4)))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_CAPTURE_TIME' }),
    );
    expect(() => writer.write(packetAt(0, 0, new Uint8Array(262_145)))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_CAPTURE_SIZE' }),
    );
    expect(writer.pendingBytes).toBe(24);
  });
});
