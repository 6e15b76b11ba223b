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
      mapping: o.mappingOffset,
    });
  }
  expect(reader.problem).toBeUndefined();
  return { report: analyzer.finish(), rows };
}

/** Names that tshark has for segments that do not come in their turn. */
const untimely = [
  'tcp.analysis.retransmission',
  'tcp.analysis.fast_retransmission',
  'tcp.analysis.spurious_retransmission',
  'tcp.analysis.out_of_order',
  // The last byte alone, sent again, is taken for a keep-alive.
  'tcp.analysis.keep_alive',
] as const;

const fields = [
  'tcp.stream',
  'mptcp.stream',
  'tcp.seq',
  'mptcp.dss.dsn',
  'tcp.len',
  'mptcp.expected_token',
  'mptcp.expected_idsn',
  'tcp.options.mptcp.subtype',
  ...untimely,
] as const;

type Field = (typeof fields)[number];

/** What tshark says of each packet. */
function dissect(file: string): Record<Field, string>[] {
  const settings = [
    'tcp.desegment_tcp_streams:FALSE',
    'mptcp.relative_sequence_numbers:TRUE',
    'mptcp.analyze_mappings:FALSE',
  ];
  const output = execFileSync(
    'tshark',
    [
      ...['-n', '-r', file, '-T', 'fields', '-d', 'tcp.port==5201,data'],
      ...settings.flatMap((setting) => ['-o', setting]),
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', stdio: 'pipe', maxBuffer: 256 << 20, timeout: 120_000 },
  );
  const lines = output.split('\n').slice(0, -1);
  return lines.map((line) => {
    const values = line.split('\t');
    return Object.fromEntries(fields.map((field, i) => [field, values[i] ?? ''])) as Record<Field, string>;
  });
}

/** The different values of a field. */
function distinct(rows: readonly Record<Field, string>[], field: Field): Set<string> {
  return new Set(rows.map((row) => row[field]).filter((value) => value !== ''));
}

const repeatedOf = ({ subflows }: ConnectionReport): number =>
  subflows
    .flatMap(({ clientToServer, serverToClient }) => [clientToServer, serverToClient])
    .reduce((sum, { retransmittedPackets, latePackets }) => sum + retransmittedPackets + latePackets, 0);

const directory = mkdtempSync(join(tmpdir(), 'subflow-'));
afterAll(() => rmSync(directory, { recursive: true }));

const needs = [mayCreateNamespaces(), kernelMptcp(), hasTool('tshark'), hasTool('tcpdump')];

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
    const theirs = dissect(file);

    expect(report.packets).toBe(theirs.length);
    expect(rows.map(({ stream }) => `${stream}`)).toEqual(theirs.map((row) => row['tcp.stream']));
    expect(rows.map(({ seq }) => `${seq}`)).toEqual(theirs.map((row) => row['tcp.seq']));
    const mappings = rows.map(({ mapping }) => (mapping < 0 ? '' : `${mapping}`));
    expect(mappings).toEqual(theirs.map((row) => row['mptcp.dss.dsn']));

    // Connections, and which streams are subflows of which.
    const byTshark = new Map<string, Set<number>>();
    for (const { 'mptcp.stream': connection, 'tcp.stream': stream } of theirs) {
      if (connection === '') continue;
      byTshark.set(connection, (byTshark.get(connection) ?? new Set()).add(Number(stream)));
    }
    const { connections } = report;
    const streams = connections.map(({ subflows }) => new Set(subflows.map(({ stream }) => stream)));
    expect(streams).toEqual([...byTshark.values()]);

    const tokens = connections.flatMap(({ clientToken, serverToken }) => [clientToken, serverToken]);
    expect(new Set(tokens.map(String))).toEqual(distinct(theirs, 'mptcp.expected_token'));
    const initial = connections.flatMap((one) => [one.clientInitialDataSeq, one.serverInitialDataSeq]);
    expect(new Set(initial)).toEqual(distinct(theirs, 'mptcp.expected_idsn'));

    const subtypes = theirs.flatMap((row) => row['tcp.options.mptcp.subtype'].split(','));
    const countOf = (subtype: string): number => subtypes.filter((text) => text === subtype).length;
    const { MP_CAPABLE, MP_JOIN, DSS, ADD_ADDR } = report.options;
    expect([MP_CAPABLE, MP_JOIN, DSS, ADD_ADDR]).toEqual(['0', '1', '2', '3'].map(countOf));

    const repeated = theirs.filter(
      (row) => row['tcp.len'] !== '0' && untimely.some((name) => row[name] !== ''),
    );
    expect(connections.reduce((sum, connection) => sum + repeatedOf(connection), 0)).toBe(repeated.length);
    if (options.rateMbps !== undefined) expect(repeated.length).toBeGreaterThan(0);
    for (const connection of connections) {
      expect(connection).toMatchObject({ version: 1, fallback: false, keysVerified: true });
      expect(connection.subflows[1]).toMatchObject({
        matchedBy: 'token',
        hmacVerified: true,
        isJoinComplete: true,
      });
    }
  });
});
