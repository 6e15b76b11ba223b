import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CommandFolder } from '../../../test/support/run-subflow.js';
import { tcpPacket } from '../../../test/simulation/packets.js';
import { LinkType, PcapngWriter, readCapture } from '../../capture/index.js';
import type { TraceReport } from '../../trace/index.js';
import { TcpFlag } from '../../wire/index.js';

const folder = new CommandFolder();
const { SYN, ACK } = TcpFlag;
const client = { source: '192.0.2.1', destination: '192.0.2.2', sourcePort: 5000, destinationPort: 80 };
const server = { source: '192.0.2.2', destination: '192.0.2.1', sourcePort: 80, destinationPort: 5000 };

/** A capture with a connection of plain TCP before that of the demo, to which numbers that count all would give 0. */
beforeAll(async () => {
  const demo = await folder.run(['demo', '--simulate', '--size', '200k', '--pcap', 'demo.pcapng', '--json']);
  expect(demo.status, demo.err).toBe(0);
  const { reader, packets } = readCapture(folder.bytes('demo.pcapng'));
  const writer = new PcapngWriter();
  for (const { linkType, name } of reader.interfaces) writer.addInterface({ linkType, name });
  const plain = writer.addInterface({ linkType: LinkType.RAW, name: 'plain' });
  const [first] = packets;
  for (const fields of [
    { ...client, flags: SYN, seq: 1, ack: 0 },
    { ...server, flags: SYN | ACK, seq: 1, ack: 2 },
    { ...client, seq: 2, ack: 2, payload: new Uint8Array(700) },
    { ...server, seq: 2, ack: 702 },
  ]) {
    const packet = first!.copy();
    packet.interfaceIndex = plain;
    packet.linkType = LinkType.RAW;
    packet.comments = [];
    packet.setBytes(tcpPacket(fields));
    packet.originalLength = packet.length;
    writer.write(packet);
  }
  for (const packet of packets) writer.write(packet);
  writeFileSync(join(folder.path, 'mixed.pcapng'), writer.take());
});

async function trace(...args: readonly string[]): Promise<TraceReport> {
  const { out, err, status } = await folder.run(['trace', 'mixed.pcapng', '--json', ...args]);
  expect(status, err).toBe(0);
  return JSON.parse(out) as TraceReport;
}

describe('the number of a connection', () => {
  it('names one connection, for subflow trace with plain TCP and without, and for subflow plot', async () => {
    const [multipath, ...others] = (await trace()).connections;
    expect(others).toEqual([]);
    expect(multipath).toMatchObject({ id: 0, protocol: 'mptcp' });
    const all = (await trace('--all')).connections;
    expect(all.map(({ id, protocol }) => [id, protocol])).toEqual([
      [0, 'mptcp'],
      [1, 'tcp'],
    ]);
    expect(all[0]!.serverToken).toBe(multipath!.serverToken);
    expect((await trace('--connection', '0')).connections).toEqual([multipath]);
    for (const { id, client: from } of all) {
      const plot = ['plot', 'mixed.pcapng', '--connection', `${id}`, '--kind', 'sequence'];
      const { out, err, status } = await folder.run([...plot, '--by', 'client', '--output', 'drawn']);
      expect(status, err).toBe(0);
      expect(out.trim()).toBe(`drawn/connection-${id}-sequence.svg`);
      expect(folder.text(out.trim())).toContain(`connection ${id}, ${from} to `);
    }
  });

  it('is that of the tables, where plain TCP is in them and the captures are files', async () => {
    await trace('--all', '--csv', 'tables');
    const rows = folder.table('tables/packets.csv');
    expect(rows.slice(0, 4).map(({ connection }) => connection)).toEqual(['1', '1', '1', '1']);
    expect(new Set(rows.slice(4).map(({ connection }) => connection))).toEqual(new Set(['0']));
    const { status, err } = await folder.run(['trace', '-', '--all', '--csv', 'piped'], 'mixed.pcapng');
    expect(status, err).toBe(0);
    const piped = folder.table('piped/packets.csv');
    expect(piped.slice(0, 4).map(({ connection }) => connection)).toEqual(['', '', '', '']);
    expect(piped.map(({ stream }) => stream)).toEqual(rows.map(({ stream }) => stream));
    expect(folder.text('piped/subflows.csv')).toBe(folder.text('tables/subflows.csv'));
  });
});
