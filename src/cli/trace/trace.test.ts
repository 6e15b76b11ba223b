import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { CommandFolder } from '../../../test/support/run-subflow.js';
import type { ConnectionOptionsReport, TraceReport } from '../../trace/index.js';

const folder = new CommandFolder();

describe('subflow trace', () => {
  beforeAll(async () => {
    const made = await folder.run(['demo', '--simulate', '--size', '1M', '--pcap', 'demo.pcapng', '--json']);
    expect(made.status, made.err).toBe(0);
    writeFileSync(join(folder.path, 'demo.pcapng.gz'), gzipSync(folder.bytes('demo.pcapng')));
  });

  it('tells what the demo did: one connection, two subflows, the bytes that went over each', async () => {
    const { status, out } = await folder.run(['trace', 'demo.pcapng']);
    expect(status).toBe(0);
    expect(out).toMatch(/1 connection of Multipath TCP, 0 of plain TCP/);
    expect(out).toMatch(/Multipath TCP version 1, without checksums, closed/);
    expect(out).toMatch(/keys verified/);
    expect(out.match(/^ +[01] +[01] +10\.\d/gm)).toHaveLength(2);
  });

  it('prints one object for scripts, the same from a file, from gzip and from standard input', async () => {
    const [plain, packed, piped] = await Promise.all([
      folder.run(['trace', 'demo.pcapng', '--json']),
      folder.run(['trace', 'demo.pcapng.gz', '--json']),
      folder.run(['trace', '-', '--json'], 'demo.pcapng'),
    ]);
    const report = JSON.parse(plain.out) as TraceReport & { readonly schema: string };
    expect(report).toMatchObject({
      ...{ schema: 'subflow/trace/1', truncated: false, malformedOptions: 0 },
      options: { MP_CAPABLE: 3, MP_JOIN: 3 },
      connections: [
        {
          ...{ id: 0, version: 1, fallback: false, checksum: false, keysVerified: true, ending: 'closed' },
          subflows: [
            { joined: false, backup: false, addressId: 0 },
            { joined: true, hmacVerified: true },
          ],
        },
      ],
    });
    expect(report.connections[0]!.serverData.uniqueBytes).toBeGreaterThanOrEqual(1_000_000);
    for (const { out } of [packed, piped]) {
      expect({ ...(JSON.parse(out) as TraceReport), files: [] }).toEqual({ ...report, files: [] });
    }
  });

  it('explains the options of each handshake with --options, as text and in the JSON', async () => {
    const [text, json] = await Promise.all([
      folder.run(['trace', 'demo.pcapng', '--options']),
      folder.run(['trace', 'demo.pcapng', '--options', '--json']),
    ]);
    expect(text.out).toMatch(
      /Options of connection 0\n {2}Subflow 0: .*\n {4}SYN from the client at 0\.000000 s/,
    );
    expect(text.out).toMatch(/MP_CAPABLE: version 1, no key yet/);
    expect(text.out).toMatch(/Agreed: Multipath TCP version 1; no DSS checksums; data sequence numbers of/);
    expect(text.out).toMatch(
      /Options in the whole capture\n(.*\n)* {2}Multipath TCP: \d+\n(.*\n)* {4}MP_CAPABLE: 3/,
    );
    const { optionsReport } = JSON.parse(json.out) as { readonly optionsReport: ConnectionOptionsReport[] };
    const handshakes = optionsReport[0]!.subflows.map(({ packets }) =>
      packets.slice(0, 3).map(({ role }) => role),
    );
    expect(handshakes).toEqual([
      ['syn', 'syn-ack', 'third'],
      ['syn', 'syn-ack', 'third'],
    ]);
  });

  it('takes each file for a place of its own with --both-ends, and finds nothing between two equal ones', async () => {
    const { out } = await folder.run(['trace', 'demo.pcapng', 'demo.pcapng.gz', '--both-ends', '--json']);
    const { connections, findings, delays } = JSON.parse(out) as TraceReport;
    expect(connections.map(({ vantage }) => vantage)).toEqual([0, 1]);
    expect(delays!.clock).toMatchObject({ status: 'estimated', offsetNs: 0, uncertaintyNs: 0 });
    const text = await folder.run(['trace', 'demo.pcapng', 'demo.pcapng.gz', '--both-ends']);
    expect(text.out).toMatch(/The clock of place 2 is 0\.000 ms ahead of that of place 1, \+- 0\.000 ms/);
    expect(text.out).toMatch(
      /connection +subflow +sender +matched +least[^\n]*\n[- ]+\n +0 = 1 +0 = 0 +client +\d+/,
    );
    // Frames have numbers over both files.
    const numbers = connections.map(({ serverData }) =>
      Object.fromEntries(Object.entries(serverData).filter(([name]) => !/(Packet|Frame)s?$/.test(name))),
    );
    expect(numbers[1]).toEqual(numbers[0]);
    expect(findings.filter(({ code }) => /rewritten|changed|removed|translated/.test(code))).toEqual([]);
  });

  it('reports what stands before a cut, and says where the cut is', async () => {
    const bytes = folder.bytes('demo.pcapng');
    writeFileSync(join(folder.path, 'cut.pcapng'), bytes.subarray(0, bytes.length >> 1));
    const { status, out } = await folder.run(['trace', 'cut.pcapng', '--json']);
    expect(status).toBe(0);
    const report = JSON.parse(out) as TraceReport;
    expect(report.truncated).toBe(true);
    expect(report.files[0]!.problem).toMatchObject({ code: 'truncated' });
    expect(report.connections).toHaveLength(1);
  });

  it.each([
    ['no file', [], 2, /missing required argument/],
    ['a file that is not there', ['absent.pcap'], 1, /absent\.pcap/],
    ['a folder', ['.'], 1, /folder/],
    ['no capture', ['text'], 1, /neither a pcap nor a pcapng/],
    ['an empty file', ['empty'], 1, /empty/],
    ['standard input twice', ['-', '-'], 2, /only once/],
    ['a key that is none', ['demo.pcapng', '--key', '12'], 2, /16 hexadecimal digits/],
  ] as const)('says in one line what is wrong with %s', async (_, args, status, says) => {
    writeFileSync(join(folder.path, 'text'), 'This is a text.');
    writeFileSync(join(folder.path, 'empty'), '');
    const result = await folder.run(['trace', ...args]);
    expect(result.err).toMatch(says);
    expect(result.err.trim().split('\n')).toHaveLength(1);
    expect(result.status).toBe(status);
  });
});
