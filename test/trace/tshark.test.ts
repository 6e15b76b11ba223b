/**
 * The analyser against tshark, on captures of Linux's own making. Where the two differ by intent: tshark calls a segment a
 * retransmission, fast retransmission, spurious retransmission or out of order by heuristics of time; here bytes are either
 * repeated (retransmitted) or seen for the first time behind later ones (late). Every segment that tshark gives one of
 * the four names is one of the two here.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { CaptureReader } from '../../src/capture/index.js';
import { kernelMptcp, mayCreateNamespaces } from '../../src/linux/index.js';
import { type ConnectionReport, TraceAnalyzer, type TraceReport } from '../../src/trace/index.js';
import { captureLinuxTransfer, type LinuxCaptureOptions } from '../support/linux-capture.js';
import { describeWith, hasTool } from '../support/with-rights.js';

/** What we say of one packet that tshark says too. */
interface Row {
  readonly stream: number;
  readonly seq: number;
  readonly isRepeated: boolean;
  readonly mapping: number;
}

function analyse(file: string): { readonly report: TraceReport; readonly rows: readonly Row[] } {
  const reader = new CaptureReader();
  reader.push(readFileSync(file));
  reader.end();
  const analyzer = new TraceAnalyzer();
  const rows: Row[] = [];
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
    const o = analyzer.handle(packet)!;
    rows.push({
      stream: o.stream,
      seq: o.relativeSeq,
      isRepeated: o.retransmittedBytes > 0,
      mapping: o.mappingOffset,
    });
  }
  expect(reader.problem).toBeUndefined();
  return { report: analyzer.finish(), rows };
}

/** The values of some fields, a row for each packet. */
function dissect(file: string, fields: readonly string[], filter = ''): string[][] {
  const output = execFileSync(
    'tshark',
    [
      ...[
        '-n',
        '-r',
        file,
        '-T',
        'fields',
        '-d',
        'tcp.port==5201,data',
        '-o',
        'tcp.desegment_tcp_streams:FALSE',
      ],
      ...['-o', 'mptcp.relative_sequence_numbers:TRUE', '-o', 'mptcp.analyze_mappings:FALSE'],
      ...fields.flatMap((field) => ['-e', field]),
      ...(filter === '' ? [] : ['-Y', filter]),
    ],
    { encoding: 'utf8', stdio: 'pipe', maxBuffer: 256 << 20, timeout: 120_000 },
  );
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'));
}

const repeatedFilter =
  'tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission || ' +
  'tcp.analysis.out_of_order';

const repeatedOf = ({ subflows }: ConnectionReport): number =>
  subflows
    .flatMap(({ clientToServer, serverToClient }) => [clientToServer, serverToClient])
    .reduce((sum, { retransmittedPackets, latePackets }) => sum + retransmittedPackets + latePackets, 0);

const directory = mkdtempSync(join(tmpdir(), 'subflow-'));
afterAll(() => rmSync(directory, { recursive: true }));

const needs = [
  mayCreateNamespaces(),
  kernelMptcp(),
  hasTool('tshark'),
  hasTool('tcpdump'),
  hasTool('iperf3'),
];

describeWith('the analyser and tshark, of transfers between two kernels', needs, () => {
  it.each<[string, Omit<LinuxCaptureOptions, 'file'>]>([
    ['two subflows over IPv4, with losses', { bytes: 4e6, rateMbps: 60 }],
    ['two subflows over IPv6, the server sends', { bytes: 3e6, family: 6, reverse: true, rateMbps: 60 }],
    [
      'super-segments, cut by the snap length, checksums',
      { bytes: 6e6, offload: true, snapLength: 160, checksum: true },
    ],
    ['four connections at once', { bytes: 2e6, parallel: 4 }],
  ])('agree: %s', { timeout: 120_000 }, async (name, options) => {
    const file = join(directory, `${name.replace(/\W+/g, '-')}.pcap`);
    await captureLinuxTransfer({ file, ...options });
    const { report, rows } = analyse(file);
    const theirs = dissect(file, ['tcp.stream', 'mptcp.stream', 'tcp.seq', 'mptcp.dss.dsn']);

    expect(report.packets).toBe(theirs.length);
    expect(rows.map(({ stream }) => `${stream}`)).toEqual(theirs.map(([stream]) => stream));
    expect(rows.map(({ seq }) => `${seq}`)).toEqual(theirs.map(([, , seq]) => seq));
    expect(rows.map(({ mapping }) => (mapping < 0 ? '' : `${mapping}`))).toEqual(theirs.map((row) => row[3]));

    // Connections, and which streams are subflows of which.
    const byTshark = new Map<string, Set<number>>();
    for (const [stream, connection] of theirs) {
      if (connection === '' || connection === undefined) continue;
      byTshark.set(connection, (byTshark.get(connection) ?? new Set()).add(Number(stream)));
    }
    const ours = report.connections.map(({ subflows }) =>
      subflows.map(({ stream }) => stream).sort((a, b) => a - b),
    );
    expect(ours).toEqual([...byTshark.values()].map((streams) => [...streams].sort((a, b) => a - b)));

    const tokens = new Set(
      dissect(file, ['mptcp.expected_token'], 'mptcp.expected_token').map(([token]) => token),
    );
    const ourTokens = report.connections.flatMap(({ clientToken, serverToken }) => [
      clientToken,
      serverToken,
    ]);
    expect(new Set(ourTokens.map(String))).toEqual(tokens);
    const initial = new Set(
      dissect(file, ['mptcp.expected_idsn'], 'mptcp.expected_idsn').map(([idsn]) => idsn),
    );
    const ourInitial = report.connections.flatMap((one) => [
      one.clientInitialDataSeq,
      one.serverInitialDataSeq,
    ]);
    expect(new Set(ourInitial)).toEqual(initial);

    const counts = new Map<string, number>();
    for (const [subtypes] of dissect(file, ['tcp.options.mptcp.subtype'])) {
      for (const subtype of subtypes!.split(',').filter((text) => text !== '')) {
        counts.set(`${Number(subtype)}`, (counts.get(`${Number(subtype)}`) ?? 0) + 1);
      }
    }
    const { options: found } = report;
    expect([found.MP_CAPABLE, found.MP_JOIN, found.DSS, found.ADD_ADDR].map(String)).toEqual(
      ['0', '1', '2', '3'].map((subtype) => `${counts.get(subtype) ?? 0}`),
    );

    const repeated = dissect(file, ['frame.number'], `(${repeatedFilter}) && tcp.len > 0`);
    expect(report.connections.reduce((sum, connection) => sum + repeatedOf(connection), 0)).toBe(
      repeated.length,
    );
    if (options.rateMbps !== undefined) expect(repeated.length).toBeGreaterThan(0);
    for (const connection of report.connections) {
      expect(connection).toMatchObject({ version: 1, fallback: false, keysVerified: true });
      expect(connection.subflows[1]).toMatchObject({
        matchedBy: 'token',
        hmacVerified: true,
        isJoinComplete: true,
      });
    }
  });
});
