/** What tshark makes of a capture that we wrote: nothing malformed, no bad checksum, and the same numbers as ours. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { uint64, uint64Distance, type Uint64 } from '../../src/base/index.js';
import { PcapngWriter } from '../../src/capture/index.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../src/linux/index.js';
import {
  CaptureObserver,
  type Direction,
  type Packet,
  type PacketObserver,
} from '../../src/network/index.js';
import {
  deriveKeyMaterial,
  DssFields,
  IpPacket,
  parseDss,
  parseIp,
  parseMptcpOption,
  parseTcp,
  TcpSegment,
} from '../../src/wire/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { Exchange } from './support/exchange.js';
import { TwoPaths, type Family } from './support/two-paths.js';

const BYTES = 1 << 20;
const link = { both: { rateBps: 50e6, delayNs: 5e6, queue: { ns: 50e6 } } };

/** Reads off every packet, with our own parsers, the data sequence number of its mapping relative to the initial one. */
class DataSequenceRecorder implements PacketObserver {
  /** By packet, in the order of the capture; undefined for one without a mapping. */
  readonly relative: (number | undefined)[] = [];
  private readonly ip = new IpPacket();
  private readonly tcp = new TcpSegment();
  private readonly dss = new DssFields();
  private readonly initial = new Map<Direction, Uint64>();

  observe(_now: number, { bytes }: Packet, direction: Direction): void {
    const { ip, tcp, dss } = this;
    expect(parseIp(bytes, 0, bytes.length, ip)).toBeUndefined();
    expect(parseTcp(bytes, ip.payloadOffset, ip.payloadLength, tcp)).toBeUndefined();
    let relative: number | undefined;
    for (let i = 0; i < tcp.mptcpCount; i++) {
      const [offset, length] = [tcp.mptcpOffsets[i]!, tcp.mptcpLengths[i]!];
      const option = parseMptcpOption(bytes, offset, length);
      if (option.ok && option.value.subtype === 'MP_CAPABLE' && option.value.senderKey !== undefined) {
        this.initial.set(direction, deriveKeyMaterial(uint64(option.value.senderKey), 1).initialDataSeq);
      }
      const initial = this.initial.get(direction);
      if (parseDss(bytes, offset, length, dss) !== undefined || !dss.hasMapping || initial === undefined)
        continue;
      expect(dss.seq64).toBe(true);
      relative = uint64Distance(dss.seqHi, dss.seqLo, initial);
    }
    this.relative.push(relative);
  }
}

/** Runs tshark over `file` and splits what it prints for `fields`; several values of a field are joined by commas. */
function dissect(file: string, fields: readonly string[], filter = ''): string[][] {
  const options = [
    'tcp.check_checksum:TRUE',
    'ip.check_checksum:TRUE',
    'mptcp.relative_sequence_numbers:TRUE',
  ];
  const output = execFileSync(
    'tshark',
    [
      ...['-n', '-r', file, '-T', 'fields', '-d', 'tcp.port==7000,data'],
      ...options.flatMap((option) => ['-o', option]),
      ...fields.flatMap((field) => ['-e', field]),
      ...(filter === '' ? [] : ['-Y', filter]),
    ],
    { encoding: 'utf8', stdio: 'pipe', maxBuffer: 64 << 20, timeout: 60_000 },
  );
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

/** The values of the first field, each once, the empty one left out. */
function distinct(rows: readonly string[][]): string[] {
  return [...new Set(rows.map((row) => row[0]!))].filter((value) => value !== '').sort();
}

describeWith('tshark', [mayCreateNamespaces(), mayCreateTun(), kernelMptcp(), hasTool('tshark')], () => {
  it.each<[Family, boolean]>([
    [4, false],
    [6, true],
  ])('agrees with us about a transfer over IPv%d, checksums: %s', async (family, checksum) => {
    const directory = mkdtempSync(join(tmpdir(), 'subflow-'));
    const file = join(directory, 'transfer.pcapng');
    const writer = new PcapngWriter();
    const recorder = new DataSequenceRecorder();
    const paths = new TwoPaths({
      family,
      links: [link, link],
      // Whole packets, as on a wire: super-segments have no checksum that anybody could check.
      offload: false,
      observers: [
        [new CaptureObserver(writer, { name: 'path 1' }), recorder],
        [new CaptureObserver(writer, { name: 'path 2' }), recorder],
      ],
    });
    try {
      paths.kernel.sysctl('net.mptcp.checksum_enabled', checksum ? 1 : 0);
      const exchange = await Exchange.begin(paths, { role: 'client', bytes: BYTES });
      await exchange.expectWhole();
      const { localToken, remoteToken } = exchange.ours.socket.connection;
      writeFileSync(file, writer.take());

      const faults = '_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0';
      expect(dissect(file, ['frame.number', '_ws.expert.message'], faults)).toEqual([]);
      expect(distinct(dissect(file, ['mptcp.stream']))).toEqual(['0']);
      expect(distinct(dissect(file, ['tcp.stream']))).toEqual(['0', '1']);
      expect(distinct(dissect(file, ['mptcp.expected_token']))).toEqual(
        [`${localToken}`, `${remoteToken}`].sort(),
      );
      expect(distinct(dissect(file, ['tcp.options.mptcp.recvtok']))).toEqual([`${remoteToken}`]);
      const theirs = dissect(file, ['mptcp.dss.dsn', 'frame.number']).map(([dsn]) =>
        dsn === '' ? undefined : Number(dsn),
      );
      expect(theirs).toEqual(recorder.relative);
      expect(theirs.filter((dsn) => dsn !== undefined).length).toBeGreaterThan((2 * BYTES) / 1500);
    } finally {
      paths.close();
      rmSync(directory, { recursive: true });
    }
  });
});
