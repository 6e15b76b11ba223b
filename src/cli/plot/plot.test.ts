import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CommandFolder } from '../../../test/support/run-subflow.js';
import { plotKinds } from '../../plot/index.js';

const folder = new CommandFolder();

beforeAll(async () => {
  const demo = ['demo', '--simulate', '--size', '4M', '--wifi', '50M,10ms,1%', '--pcap', 'demo.pcapng'];
  const { status, err } = await folder.run([...demo, '--json']);
  expect(status, err).toBe(0);
});

describe('subflow plot', () => {
  it('draws every kind as an SVG of its own, and names the files', async () => {
    const { status, out, err } = await folder.run(['plot', 'demo.pcapng', '--output', 'all']);
    expect(status, err).toBe(0);
    const names = plotKinds.map((kind) => `connection-0-${kind}.svg`);
    expect(out.trim().split('\n')).toEqual(names.map((name) => `all/${name}`));
    expect(readdirSync(join(folder.path, 'all')).sort()).toEqual([...names].sort());
    const sequence = folder.text('all/connection-0-sequence.svg');
    expect(sequence).toMatch(/^<svg xmlns/);
    for (const says of [
      'subflow 0',
      'subflow 1',
      'DATA_ACK',
      'sent again on another subflow',
      '(MB)',
      '(s)',
    ]) {
      expect(sequence.includes(says), says).toBe(true);
    }
    expect(folder.text('all/connection-0-goodput.svg')).toContain('Mbit/s');
  });

  it('draws what was asked for: kinds, host and time', async () => {
    const { out, status, err } = await folder.run([
      ...['plot', 'demo.pcapng', '--kind', 'rtt', '--kind', 'goodput', '--from', '100ms', '--to', '200ms'],
      ...['--connection', '0', '--by', 'server', '--output', 'some'],
    ]);
    expect(status, err).toBe(0);
    expect(out.trim().split('\n')).toEqual(['some/connection-0-rtt.svg', 'some/connection-0-goodput.svg']);
    expect(folder.text('some/connection-0-goodput.svg')).toMatch(/>120<.*>140</s);
  });

  it('draws the same span of time whichever way it is given', async () => {
    const goodput = async (output: string, ...args: readonly string[]): Promise<string> => {
      await folder.run(['plot', 'demo.pcapng', '--kind', 'goodput', ...args, '--output', output]);
      return folder.text(`${output}/connection-0-goodput.svg`);
    };
    const span = await goodput('flags', '--from', '100ms', '--to', '200ms');
    expect(await goodput('word', '--filter', 'time=100ms..200ms')).toBe(span);
  });

  it('writes one page, files for xplot, and points, with the packets that show them', async () => {
    const { out, status, err } = await folder.run([
      ...['plot', 'demo.pcapng', '--kind', 'sequence', '--html', '--xplot', '--csv', '--output', 'forms'],
    ]);
    expect(status, err).toBe(0);
    expect(out.trim().split('\n')).toEqual([
      ...['forms/connection-0-sequence.xpl', 'forms/connection-0-sequence.csv', 'forms/connection-0.html'],
    ]);
    expect(folder.text('forms/connection-0.html')).toContain('Data sequence: connection 0');
    expect(folder.text('forms/connection-0-sequence.xpl')).toMatch(/^double double\ntitle\n/);
    const rows = folder.table('forms/connection-0-sequence.csv');
    await folder.run(['trace', 'demo.pcapng', '--csv', 'tables']);
    const packets = folder.table('tables/packets.csv');
    const drawn = rows.filter(({ series }) => series === 'subflow 1');
    expect(drawn.length).toBeGreaterThan(100);
    for (const { x, y, top, packet } of drawn) {
      const { atNs, dataOffset, payloadBytes } = packets[Number(packet) - 1]!;
      expect(Number(x)).toBeCloseTo(Number(atNs) / 1e9, 9);
      expect([y, top]).toEqual([dataOffset, String(Number(dataOffset) + Number(payloadBytes))]);
    }
  });

  it('draws a connection as each place saw it, with --both-ends', async () => {
    copyFileSync(join(folder.path, 'demo.pcapng'), join(folder.path, 'other.pcapng'));
    const { out, status, err } = await folder.run([
      ...['plot', 'demo.pcapng', 'other.pcapng', '--both-ends', '--kind', 'goodput', '--csv', '--html'],
      ...['--output', 'ends'],
    ]);
    expect(status, err).toBe(0);
    expect(out.trim().split('\n')).toEqual([
      ...['ends/connection-0-goodput.csv', 'ends/connection-1-goodput.csv', 'ends/connection-0.html'],
    ]);
    expect(folder.text('ends/connection-1-goodput.csv')).toBe(folder.text('ends/connection-0-goodput.csv'));
    expect(folder.text('ends/connection-0.html')).toContain('Goodput at place 2: connection 1');
    const together = await folder.run(['plot', 'demo.pcapng', 'other.pcapng', '--output', 'one']);
    expect(together.out).not.toContain('connection-1');
  });

  it.each([
    ['no kind', ['demo.pcapng', '--kind', 'pie'], 2, /'pie' is no kind of plot; choose among sequence/],
    ['a host that is none', ['demo.pcapng', '--by', 'router'], 2, /router.*client, server/],
    ['a connection that is not there', ['demo.pcapng', '--connection', '5'], 1, /none of the 1 connections/],
    ['nothing to draw', ['demo.pcapng', '--by', 'client', '--kind', 'rtt'], 1, /nothing to draw.*--by/],
    ['standard input', ['-'], 2, /subflow plot reads the capture twice/],
    [
      'a folder that cannot be made',
      ['demo.pcapng', '--output', '/proc/no'],
      1,
      /cannot write to \/proc\/no/,
    ],
  ] as const)('says in one line what is wrong with %s', async (_, args, status, says) => {
    const result = await folder.run(['plot', ...args]);
    expect(result.err).toMatch(says);
    expect(result.err.trim().split('\n')).toHaveLength(1);
    expect(result.status).toBe(status);
  });
});
