import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CaptureReader, readCapture } from './capture-reader.js';
import { linkPayload } from './link.js';
import type { CapturedPacket } from './packet.js';

/** What tshark says of a packet. */
interface Expected {
  readonly time: string;
  readonly captured: number;
  readonly original: number;
  readonly ipLength: number;
  readonly interface: number;
  readonly comment: string;
}

const folder = join(import.meta.dirname, 'fixtures');
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<
  string,
  Expected[]
>;

function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(folder, name)));
}

/** The length of the IP packet, as its own header has it. */
function ipLength(packet: CapturedPacket): number | undefined {
  const payload = linkPayload(packet.linkType, packet.bytes, packet.offset, packet.length);
  if (payload === undefined) return undefined;
  const at = payload.offset;
  const word = (offset: number): number => (packet.bytes[at + offset]! << 8) | packet.bytes[at + offset + 1]!;
  expect(packet.bytes[at]! >>> 4).toBe(payload.etherType === 0x0800 ? 4 : 6);
  return payload.etherType === 0x0800 ? word(2) : word(4) + 40;
}

function describePacket(packet: CapturedPacket): Expected {
  return {
    time: `${packet.seconds}.${String(packet.nanoseconds).padStart(9, '0')}`,
    captured: packet.length,
    original: packet.originalLength,
    ipLength: ipLength(packet) ?? -1,
    interface: packet.interfaceIndex,
    comment: packet.comments.join(','),
  };
}

function describeBriefly(packet: CapturedPacket): string {
  const { frame, seconds, nanoseconds, length, originalLength } = packet;
  return [frame, seconds, nanoseconds, length, originalLength, ...packet.data()].join();
}

describe('captures of other tools', () => {
  it('are all listed', () => {
    const files = readdirSync(folder).filter((name) => /\.pcap(ng)?$/.test(name));
    expect(Object.keys(expected).sort()).toEqual(files.sort());
  });

  it.each(Object.keys(expected))('%s reads as tshark reads it', (name) => {
    const { packets, problem } = readCapture(fixture(name));
    expect(problem).toBeUndefined();
    // tshark numbers interfaces anew in every section, we do not.
    const rows = expected[name]!.map((row, i) =>
      name.startsWith('concatenated') && i >= 3 ? { ...row, interface: row.interface + 1 } : row,
    );
    expect(packets.map(describePacket)).toEqual(rows);
    expect(packets.map((packet) => packet.frame)).toEqual(rows.map((_, i) => i + 1));
  });

  it.each(Object.keys(expected))('%s reads the same a byte at a time', (name) => {
    const bytes = fixture(name);
    const reader = new CaptureReader();
    const rows: Expected[] = [];
    for (let i = 0; i < bytes.length; i++) {
      // A chunk of its own each time, spoilt as soon as the reader must be done with it.
      reader.push(bytes.slice(i, i + 1));
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
        rows.push(describePacket(packet));
      }
    }
    reader.end();
    expect(reader.next()).toBeUndefined();
    expect(reader.problem).toBeUndefined();
    expect(rows).toEqual(readCapture(bytes).packets.map(describePacket));
  });

  it.each(Object.keys(expected))('%s cut anywhere gives the packets before the cut and says so', (name) => {
    const bytes = fixture(name);
    const whole = readCapture(bytes).packets.map(describeBriefly);
    let complete = 0;
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { packets, problem, reader } = readCapture(bytes.subarray(0, cut));
      if (packets.some((packet, i) => describeBriefly(packet) !== whole[i]))
        throw new Error(`wrong at ${cut}`);
      if (problem === undefined) complete++;
      else if (problem.code !== 'truncated' || !reader.isTruncated || problem.offset > cut) {
        throw new Error(`cut at ${cut}, but told ${problem.code} at ${problem.offset}`);
      }
    }
    // Only a cut between two records goes unnoticed: behind each packet and block, no more.
    expect(complete).toBeGreaterThanOrEqual(whole.length + 1);
    expect(complete).toBeLessThanOrEqual(whole.length + 12);
  });

  it('keep what they say of sections and interfaces', () => {
    const { reader, packets } = readCapture(fixture('tshark-two-interfaces.pcapng'));
    expect(reader.section?.application).toContain('Dumpcap');
    expect(reader.interfaces.map(({ name, linkType }) => ({ name, linkType }))).toEqual([
      { name: 'lo', linkType: 1 },
      { name: 'any', linkType: 113 },
    ]);
    expect(packets[0]!.linkType).toBe(1);
  });

  it('keep their sections apart', () => {
    const { reader } = readCapture(fixture('concatenated-sections.pcapng'));
    expect(reader.interfaces.map(({ index, section, linkType }) => [index, section, linkType])).toEqual([
      [0, 0, 1],
      [1, 1, 229],
    ]);
    expect(reader.section?.index).toBe(1);
  });
});
