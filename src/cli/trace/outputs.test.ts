import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { beforeAll, describe, expect, it } from 'vitest';
import { CommandFolder } from '../../../test/support/run-subflow.js';
import { PcapngWriter, readCapture } from '../../capture/index.js';
import {
  type ConnectionReport,
  connectionTable,
  mappingTable,
  packetTable,
  subflowTable,
  type TraceReport,
} from '../../trace/index.js';

const folder = new CommandFolder();

async function report(...args: readonly string[]): Promise<TraceReport> {
  const { out, err, status } = await folder.run(['trace', '--json', ...args]);
  expect(status, err).toBe(0);
  return JSON.parse(out) as TraceReport;
}

/** A copy of the capture `from`: without the packets that `keeps` refuses, each with its number as a comment. */
function copyCapture(from: string, to: string, keeps: (frame: number) => boolean): void {
  const { reader, packets } = readCapture(folder.bytes(from));
  const writer = new PcapngWriter();
  for (const { linkType, name } of reader.interfaces) writer.addInterface({ linkType, name });
  for (const packet of packets) {
    packet.comments = [`number ${packet.frame}`];
    if (keeps(packet.frame)) writer.write(packet);
  }
  writeFileSync(join(folder.path, to), writer.take());
}

function sum(rows: readonly Record<string, string>[], column: string): number {
  return rows.reduce((total, row) => total + Number(row[column]), 0);
}

beforeAll(async () => {
  const demo = (seed: string, pcap: string) =>
    folder.run(['demo', '--simulate', '--size', '400k', '--seed', seed, '--pcap', pcap, '--json']);
  const made = await Promise.all([demo('1', 'one.pcapng'), demo('7', 'two.pcapng')]);
  for (const { status, err } of made) expect(status, err).toBe(0);
});

describe('subflow trace --csv', () => {
  it('writes a row for each packet, mapping, connection and subflow, which add up to the report', async () => {
    const { connections, packets } = await report('one.pcapng', '--csv', 'deep/tables');
    const rows = folder.table('deep/tables/packets.csv');
    const [connection] = connections;
    const { serverData, subflows } = connection!;
    expect(rows).toHaveLength(packets);
    for (const { id, serverBytes, serverToClient } of subflows) {
      const sent = rows.filter(({ subflow, sender }) => subflow === String(id) && sender === 'server');
      expect(sent).toHaveLength(serverToClient.packets);
      expect(sum(sent, 'payloadBytes')).toBe(serverBytes);
      expect(sum(sent, 'reinjectedBytes')).toBe(serverToClient.reinjectedBytes);
    }
    const mappings = folder.table('deep/tables/mappings.csv');
    // A DATA_FIN alone is in a mapping of its own, which maps no data.
    const ofData = mappings.filter(
      ({ dataFin, mappingBytes }) => dataFin === 'false' || mappingBytes !== '1',
    );
    expect(ofData.filter(({ sender }) => sender === 'server')).toHaveLength(serverData.mappings);
    expect(folder.table('deep/tables/connections.csv')).toMatchObject([
      { id: '0', version: '1', fallback: 'false', client: connection!.client, subflows: '2' },
    ]);
    expect(folder.table('deep/tables/subflows.csv')).toMatchObject([
      { connection: '0', id: '0', joined: 'false', serverBytes: String(subflows[0]!.serverBytes) },
      { connection: '0', id: '1', joined: 'true', serverBytes: String(subflows[1]!.serverBytes) },
    ]);
  });

  it('gives the same tables from standard input', async () => {
    await report('one.pcapng', '--csv', 'named');
    const { status, err } = await folder.run(['trace', '-', '--csv', 'piped'], 'one.pcapng');
    expect(status, err).toBe(0);
    expect(folder.text('piped/packets.csv')).toBe(folder.text('named/packets.csv'));
  });
});

/** An instant of a Parquet file, to the nanosecond. */
interface Instant {
  readonly ns: bigint;
}

const instantOf = (ns: bigint): Instant => ({ ns });

/** A value of a Parquet file as the CSV writes it. */
function fieldOf(value: unknown): string {
  if (value === null) return '';
  if (typeof value !== 'object') return String(value);
  const { ns } = value as Instant;
  const fraction = String(ns % 1_000_000_000n).padStart(9, '0');
  return new Date(Number(ns / 1_000_000n)).toISOString().replace(/\d{3}Z$/, `${fraction}Z`);
}

describe('subflow trace --parquet', () => {
  it('has the rows of the CSV, with types', async () => {
    await report('one.pcapng', '--csv', 'both', '--parquet', 'both');
    for (const { name, columns } of [packetTable, mappingTable, connectionTable, subflowTable]) {
      const { buffer, byteOffset, byteLength } = folder.bytes(`both/${name}.parquet`);
      const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      const rows = await parquetReadObjects({ file, parsers: { timestampFromNanoseconds: instantOf } });
      const asText = rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([key, value]) => [key, fieldOf(value)])),
      );
      expect(asText).toEqual(folder.table(`both/${name}.csv`));
      for (const { name: column, type } of columns.filter((each) => rows[0]![each.name] !== null)) {
        const types = {
          ...{ integer: 'bigint', real: 'number', text: 'string', boolean: 'boolean', instant: 'object' },
        };
        expect(typeof rows[0]![column], column).toBe(types[type]);
      }
    }
  });

  it('says in its schema what the columns are, and in its footer what is in them', async () => {
    await report('one.pcapng', '--parquet', 'typed');
    const { buffer, byteOffset, byteLength } = folder.bytes('typed/packets.parquet');
    const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
    const { schema, row_groups: groups } = parquetMetadata(file);
    const element = (name: string) => schema.find((each) => each.name === name)!;
    expect(element('packet')).toMatchObject({ type: 'INT64' });
    expect(element('time').logical_type).toEqual({ type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' });
    expect(element('dataFin')).toMatchObject({ type: 'BOOLEAN' });
    expect(element('sender')).toMatchObject({ type: 'BYTE_ARRAY', converted_type: 'UTF8' });
    const chunk = (name: string) =>
      groups[0]!.columns
        .map(({ meta_data: of }) => of!)
        .find(({ path_in_schema: path }) => path[0] === name)!;
    expect(chunk('sender').encodings).toContain('RLE_DICTIONARY');
    expect(chunk('packet').encodings).toEqual(['DELTA_BINARY_PACKED']);
    expect(chunk('packet').statistics).toMatchObject({ min_value: 1n, null_count: 0n });
  });

  it('says when there is no room or no such folder', async () => {
    const { err, status } = await folder.run(['trace', 'one.pcapng', '--parquet', '/proc/none']);
    expect(err).toMatch(/cannot write to \/proc\/none/);
    expect(status).toBe(1);
  });
});

describe('filters of subflow trace', () => {
  it('choose connections by number, address, port and token, all of which must fit', async () => {
    const { connections } = await report('one.pcapng', 'two.pcapng');
    expect(connections).toHaveLength(2);
    const second = connections[1]!;
    const port = second.client.split(':')[1]!;
    const token = `0x${second.serverToken!.toString(16)}`;
    const chosen = async (...args: readonly string[]): Promise<number[]> =>
      (await report('one.pcapng', 'two.pcapng', ...args)).connections.map(({ id }) => id);
    expect(await chosen('--connection', '1')).toEqual([1]);
    expect(await chosen('--port', port)).toEqual([1]);
    expect(await chosen('--token', token)).toEqual([1]);
    expect(await chosen('--token', token, '--token', String(connections[0]!.clientToken))).toEqual([0, 1]);
    expect(await chosen('--address', '10.0.1.2', '--connection', '0')).toEqual([0]);
    expect(await chosen('--filter', `port=${port},connection=1`)).toEqual([1]);
    expect(await chosen('--filter', `token=${token}`, '--filter', 'connection=1,time=..9s')).toEqual([1]);
    expect(await chosen('--connection', '0', '--filter', 'connection=1')).toEqual([0, 1]);
    const { err, status } = await folder.run(['trace', 'one.pcapng', '--address', '10.9.9.9']);
    expect(err).toMatch(/none of the 1 connections is what was asked for/);
    expect(status).toBe(1);
  });

  it('mean the same span of time in one word', async () => {
    const span = await report('one.pcapng', '--from', '30ms', '--to', '80ms');
    expect(await report('one.pcapng', '--filter', 'time=30ms..80ms')).toEqual(span);
    expect(await report('one.pcapng', '--filter', 'time=30ms..', '--filter', 'time=..80ms')).toEqual(span);
  });

  it('keep the rows of other connections and times out of the tables', async () => {
    await report(
      'one.pcapng',
      ...['two.pcapng', '--connection', '1', '--from', '30ms', '--to', '80ms', '--csv', 'part'],
    );
    const rows = folder.table('part/packets.csv');
    expect(rows.length).toBeGreaterThan(0);
    for (const { connection, atNs } of rows) {
      expect(connection).toBe('1');
      expect(Number(atNs)).toBeGreaterThanOrEqual(30e6);
      expect(Number(atNs)).toBeLessThanOrEqual(80e6);
    }
    expect(folder.table('part/subflows.csv').map(({ connection }) => connection)).toEqual(['1', '1']);
  });
});

describe('a span of time and intervals', () => {
  it('--from and --to count what lies between, --interval shows it over time', async () => {
    const [whole] = (await report('one.pcapng')).connections;
    const part = await report('one.pcapng', '--from', '30ms', '--to', '80ms', '--interval', '10ms');
    expect(part).toMatchObject({ range: { fromNs: 30e6, toNs: 80e6 }, intervalNs: 10e6 });
    const { serverData, serverToken, durationNs } = part.connections[0]!;
    expect({ serverToken, durationNs }).toEqual({
      ...{ serverToken: whole!.serverToken, durationNs: whole!.durationNs },
    });
    expect(serverData.uniqueBytes).toBeLessThan(whole!.serverData.uniqueBytes / 2);
    const starts = serverData.intervals!.map(({ startNs }) => startNs / 1e6);
    expect(Math.min(...starts)).toBeGreaterThanOrEqual(30);
    expect(Math.max(...starts)).toBeLessThanOrEqual(80);
    expect(serverData.intervals!.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(serverData.uniqueBytes);
  });

  it('--statistics shows every number as text, with its span and intervals', async () => {
    const { out, err, status } = await folder.run(
      ['trace', 'one.pcapng', '--statistics', '--interval', '50ms', '--to', '200ms'],
      '',
    );
    expect(status, err).toBe(0);
    expect(out).toMatch(/Statistics of connection 0 from 0\.000 s to 0\.200 s/);
    expect(out).toMatch(/subflow +sender +packets +bytes +different +sent again/);
    expect(out).toMatch(/data of the .*waiting for the ACKs of/);
    expect(out).toMatch(/\n +0\.050 s +- +- +- +\d.* Mbit\/s +\d+ % +\d+ %\n/);
  });
});

/** What does not depend on the numbers of packets. */
/** What is the same in another file, where packets have other numbers. */
function essence({ subflows, serverData, serverToken, packets }: ConnectionReport): unknown {
  const data = Object.entries(serverData).filter(([name]) => !/Packets?$/.test(name));
  return { data, serverToken, packets, bytes: subflows.map(({ serverBytes }) => serverBytes) };
}

describe('subflow trace --write', () => {
  it('writes the packets of one connection, all its subflows, with comments and times', async () => {
    copyCapture('two.pcapng', 'noted.pcapng', () => true);
    const { connections } = await report('one.pcapng', 'noted.pcapng');
    await report('one.pcapng', 'noted.pcapng', '--connection', '1', '--write', 'alone.pcapng');
    const written = await report('alone.pcapng');
    expect(written.connections.map(essence)).toEqual([essence(connections[1]!)]);
    const { packets, problem } = readCapture(folder.bytes('alone.pcapng'));
    const source = readCapture(folder.bytes('noted.pcapng')).packets;
    expect(problem).toBeUndefined();
    expect(packets.map(({ comments, seconds, nanoseconds }) => ({ comments, seconds, nanoseconds }))).toEqual(
      source.map(({ comments, seconds, nanoseconds }) => ({ comments, seconds, nanoseconds })),
    );
  });

  it('has the packets of a join that only later numbers showed to belong there', async () => {
    // Without the handshakes, data sequence numbers alone tell what the second subflow belongs to.
    const { connections } = await report('one.pcapng', '--csv', 'whole');
    const handshakes = new Set(
      folder
        .table('whole/packets.csv')
        .filter(({ flags, optionBits }) => (Number(flags) & 2) !== 0 || (Number(optionBits) & 3) !== 0)
        .map(({ packet }) => Number(packet)),
    );
    copyCapture('one.pcapng', 'amid.pcapng', (frame) => !handshakes.has(frame));
    const amid = await report('amid.pcapng', '--connection', '0', '--write', 'all.pcapng', '--csv', 'amid');
    expect(amid.connections[0]!.subflows.map(({ matchedBy }) => matchedBy)).toContain('data-sequence');
    const count = connections[0]!.subflows.reduce(
      (total, { clientToServer, serverToClient }) => total + clientToServer.packets + serverToClient.packets,
      0,
    );
    expect(readCapture(folder.bytes('all.pcapng')).packets).toHaveLength(count - handshakes.size);
    expect(new Set(folder.table('amid/packets.csv').map(({ connection }) => connection))).toEqual(
      new Set(['0']),
    );
  });

  it.each([
    ['a folder that cannot be made', ['--csv', '/proc/none'], 1, /cannot write to \/proc\/none/],
    ['no space', ['--write', '/dev/full'], 1, /cannot write \/dev\/full: ENOSPC/],
    ['a folder that is not there', ['--write', 'absent/x.pcapng'], 1, /absent\/x\.pcapng: ENOENT/],
    ['the capture itself', ['--write', 'one.pcapng'], 2, /one of the files that are read/],
    ['a time that is none', ['--from', 'noon'], 2, /not a duration/],
    ['times in the wrong order', ['--from', '2s', '--to', '1s'], 2, /the time ends before it begins/],
    ['a filter of no such name', ['--filter', 'constructor=1'], 2, /'constructor=1' is no filter; write it/],
    ['a filter of a time that is no span', ['--filter', 'port=1,time=2s'], 2, /'2s' is no span of time/],
    ['an interval that is too short', ['--interval', '10us'], 2, /too short; give 1ms or more/],
    ['a token that is none', ['--token', 'zz'], 2, /not a token/],
    ['an address that is none', ['--address', 'host'], 2, /not an IP address/],
  ] as const)('says in one line what is wrong with %s', async (_, args, status, says) => {
    const before = folder.bytes('one.pcapng').length;
    const result = await folder.run(['trace', 'one.pcapng', ...args]);
    expect(result.err).toMatch(says);
    expect(result.err.trim().split('\n')).toHaveLength(1);
    expect(result.status).toBe(status);
    expect(folder.bytes('one.pcapng')).toHaveLength(before);
  });

  it('leave no half of a file when there is no room: what had the name before still has it', async () => {
    for (const [flag, place, name] of [
      ['--csv', 'full', 'full/packets.csv'],
      ['--parquet', 'full', 'full/packets.parquet'],
      ['--write', 'full/all.pcapng', 'full/all.pcapng'],
    ] as const) {
      mkdirSync(join(folder.path, 'full'), { recursive: true });
      writeFileSync(join(folder.path, name), 'old');
      const { err, status } = await folder.runInRoom(8, ['trace', 'one.pcapng', flag, place]);
      expect(err).toMatch(new RegExp(`^subflow: cannot write ${name}: EFBIG.*\n$`));
      expect(status).toBe(1);
      expect(folder.text(name)).toBe('old');
    }
    expect(readdirSync(join(folder.path, 'full')).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('write through a link, and into what is no file', async () => {
    writeFileSync(join(folder.path, 'behind.pcapng'), '');
    symlinkSync('behind.pcapng', join(folder.path, 'link.pcapng'));
    await report('one.pcapng', '--write', 'link.pcapng');
    expect(lstatSync(join(folder.path, 'link.pcapng')).isSymbolicLink()).toBe(true);
    expect(readCapture(folder.bytes('behind.pcapng')).packets.length).toBeGreaterThan(0);
    await report('one.pcapng', '--write', '/dev/null');
  });

  it('says that standard input cannot be read twice', async () => {
    const { status, err } = await folder.run(['trace', '-', '--write', 'x.pcapng'], 'one.pcapng');
    expect(err).toMatch(/reads the capture twice, which standard input cannot give; name a file/);
    expect(status).toBe(2);
  });
});

describe('the columns', () => {
  it('are those of the documentation', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/tables.md'), 'utf8').replace(
      / +/g,
      ' ',
    );
    for (const { name, about, columns } of [packetTable, mappingTable, connectionTable, subflowTable]) {
      expect(page).toContain(`\`${name}\`: ${about}`);
      for (const column of columns) {
        expect(page).toContain(`| \`${column.name}\` | ${column.type} | ${column.meaning} |`);
      }
    }
  });
});
