import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelMptcp, mayCreateTun } from '../linux/index.js';
import { type Finished, launcher, runSubflow, spawnSubflow } from '../../test/support/subflow-command.js';
import { describeWith, hasTool } from '../../test/support/with-rights.js';
import { commands } from './commands.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `subflow` to its end, in this process. */
const subflow = (...args: string[]): Promise<Finished> => runSubflow(folder, args);

/** One line that says what is wrong, and no stack trace. */
function expectOneLine(result: Finished, status: number, says: RegExp): void {
  expect(result.err).toMatch(says);
  expect(result.err.trim().split('\n')).toHaveLength(1);
  expect(result.err).not.toMatch(/\n\s+at /);
  expect(result.status).toBe(status);
}

describe('subflow', () => {
  it('tells its version and its commands', async () => {
    const { version } = JSON.parse(readFileSync(join(launcher, '..', '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await spawnSubflow(folder, ['--version'])).toEqual({ status: 0, out: `${version}\n`, err: '' });
    const help = await subflow('--help');
    expect(help.status).toBe(0);
    for (const { name, summary } of commands)
      expect(help.out).toMatch(new RegExp(`^  ${name} .*${summary.slice(0, 20)}`, 'm'));
  });

  it('ends its process with the status of the command', async () => {
    expectOneLine(await spawnSubflow(folder, ['frobnicate']), 2, /unknown command/);
    expectOneLine(await spawnSubflow(folder, ['trace', 'absent.pcap']), 1, /absent\.pcap/);
  });

  it.each([
    [['frobnicate'], /unknown command/],
    [['demo', '--frob'], /unknown option/],
    [['demo', '--size', 'big'], /'big' is not a size/],
    [['demo', '--size', '0'], /--size/],
    [['demo', '--wifi', '50M,10ms,200%'], /'200%'/],
    [['demo', '--wifi', '1,2,3,4'], /more than rate, delay and loss/],
    [['demo', '--lte', '1'], /rate is from/],
    [['demo', '--seed', '-1'], /'-1'/],
    [['demo', '--scheduler', 'fastest'], /no scheduler called 'fastest'; there are: lowest-rtt, .*ecf/],
    [
      ['demo', '--congestion', 'constructor'],
      /no congestion control called 'constructor'; there are: cubic, .*olia/,
    ],
    [['demo', '--fail-at', 'soon'], /'soon'/],
    [['get'], /missing required argument/],
    [['get', 'http://localhost/', '--raw', 'eth0'], /--raw goes with --transport userspace/],
    [['get', 'http://localhost/', '--mptcp-version', '0'], /--mptcp-version goes with --transport userspace/],
    [
      ['serve', '.', '--transport', 'userspace', '--tun', '10.77.0.0/30', '--mptcp-version', '2'],
      /'2' is no list of versions/,
    ],
    [['get', 'http://localhost/', '--scheduler', 'ecf'], /--scheduler goes with --transport userspace/],
    [['get', 'http://localhost/', '--service-type', 'fast'], /no service type called 'fast'/],
    [
      ['get', 'http://localhost/', '--transport', 'userspace', '--raw', 'lo', '--service-type', 'fast'],
      /no service type called 'fast'; there are: none, handover/,
    ],
    [
      ['serve', '.', '--transport', 'userspace', '--tun', '10.77.0.0/30', '--scheduler', 'fastest'],
      /no scheduler called 'fastest'; there are: lowest-rtt, .*ecf/,
    ],
    [['get', 'http://localhost/', '--transport', 'userspace'], /needs a --tun or --raw/],
    [['get', 'ftp://localhost/'], /not an http or https URL/],
    [['get', 'http://localhost/', '--transport', 'pigeon'], /'pigeon'/],
    [['serve', 'nowhere'], /not a folder/],
    [['serve', '.', '--listen', 'here'], /not an address and a port/],
    [['serve', '.', '--listen', '127.0.0.1:70000'], /70000/],
  ])('answers %j with one line and status 2', async (args, says) => {
    expectOneLine(await subflow(...args), 2, says);
  });
});

describeWith('subflow serve with our engine', [mayCreateTun(), kernelMptcp()], () => {
  it('in version 0 only, serves the kernel’s clients over TCP', async () => {
    writeFileSync(join(folder, 'zero.txt'), 'zero');
    const flags = ['--transport', 'userspace', '--tun', '10.79.8.0/30', '--mptcp-version', '0', '--json'];
    const server = spawn(process.execPath, [launcher, 'serve', folder, ...flags]);
    try {
      const lines = createInterface({ input: server.stdout });
      await new Promise((listening) => lines.once('line', listening));
      const got = await subflow('get', 'http://10.79.8.2:8080/zero.txt', '--json', '-o', 'got.txt');
      expect(got).toMatchObject({ status: 0, err: '' });
      expect(JSON.parse(got.out)).toMatchObject({ bytes: 4, multipath: false, mptcpVersion: null });
      expect(readFileSync(join(folder, 'got.txt'), 'utf8')).toBe('zero');
    } finally {
      server.kill('SIGTERM');
    }
  });
});

describe('subflow demo --simulate', () => {
  const run = ['demo', '--simulate', '--json', '--size', '4M', '--seed', '7'];

  it('survives the death of the Wi-Fi and says so in JSON', async () => {
    const result = await subflow(...run, '--pcap', 'demo.pcapng');
    expect(result.status).toBe(0);
    expect(result.err).toBe('');
    const report = JSON.parse(result.out) as Record<string, unknown> & { paths: { bytes: number }[] };
    expect(report).toMatchObject({
      schema: 'subflow/demo/1',
      peer: 'simulated',
      kernel: null,
      multipath: true,
      bytes: 4_000_000,
      sha256Match: true,
      pcap: 'demo.pcapng',
      paths: [
        { name: 'wifi', state: 'dead' },
        { name: 'lte', state: 'up' },
      ],
    });
    expect(report.handoverGapMs).toBeGreaterThan(0);
    for (const path of report.paths) expect(path.bytes).toBeGreaterThan(0);
    expect(readFileSync(join(folder, 'demo.pcapng')).subarray(0, 4)).toEqual(
      Buffer.of(0x0a, 0x0d, 0x0d, 0x0a),
    );
  });

  it('gives the same bytes for the same seed', async () => {
    const first = await subflow(...run, '--pcap', 'first.pcapng');
    const second = await subflow(...run, '--pcap', 'second.pcapng');
    expect(first.out.replace('first', 'second')).toBe(second.out);
    expect(
      readFileSync(join(folder, 'first.pcapng')).equals(readFileSync(join(folder, 'second.pcapng'))),
    ).toBe(true);
  });

  it('sends by the scheduler and the congestion control that are asked for', async () => {
    const report = async (...flags: string[]) =>
      JSON.parse((await subflow(...run, ...flags)).out) as Record<string, unknown> & { durationMs: number };
    const usual = await report();
    expect(usual).toMatchObject({ scheduler: null, congestion: null });
    const named = await report('--scheduler', 'lowest-rtt', '--congestion', 'cubic');
    expect(named).toEqual({ ...usual, scheduler: 'lowest-rtt', congestion: 'cubic' });
    // What goes over both paths adds nothing up.
    expect((await report('--scheduler', 'redundant')).durationMs).toBeGreaterThan(1.1 * usual.durationMs);
    const { durationMs } = await report('--congestion', 'bbr');
    expect(durationMs).not.toBe(usual.durationMs);
  });

  it('simulates, and says why, where algorithms are asked for that the kernel would not go by', async () => {
    const result = await subflow('demo', '--size', '100k', '--scheduler', 'ecf');
    expect(result.status).toBe(0);
    expect(result.err).toMatch(/^The kernel would send by algorithms of its own, .*: simulating\.$/m);
    expect(result.err).toContain('a simulated server');
  });

  it('keeps both paths with --fail-at never, and takes rates, delays and losses', async () => {
    const result = await subflow(
      ...['demo', '--simulate', '--json', '--size', '2M', '--fail-at', 'never'],
      ...['--wifi', '10M,5ms,1%', '--lte', ',20ms'],
    );
    const report = JSON.parse(result.out) as Record<string, unknown>;
    expect(report).toMatchObject({
      failedAtMs: null,
      handoverGapMs: null,
      sha256Match: true,
      paths: [
        { rateBps: 10e6, delayMs: 5, loss: 0.01, state: 'up' },
        { rateBps: 20e6, delayMs: 20, loss: 0, state: 'up' },
      ],
    });
  });

  it('writes a summary for a person, without a live picture in a pipe', async () => {
    const result = await subflow('demo', '--simulate', '--size', '1M');
    expect(result.status).toBe(0);
    expect(result.out).toMatch(/SHA-256 matches/);
    expect(result.err).not.toContain('\x1b[');
  });

  it('says at once when the capture cannot be written', async () => {
    const result = await subflow('demo', '--simulate', '--pcap', 'no/such/folder/x.pcapng');
    expectOneLine(result, 1, /cannot write no\/such\/folder\/x\.pcapng/);
  });

  it('says so when the disk is full', async () => {
    expectOneLine(await subflow('demo', '--simulate', '--json', '--pcap', '/dev/full'), 1, /ENOSPC|no space/);
  });
});

describeWith("tshark's view of a demo's capture", [hasTool('tshark')], () => {
  /** The fields of all packets that pass `filter`. */
  function tshark(filter: string, ...fields: string[]): string[] {
    const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
    const wanted = fields.flatMap((field) => ['-e', field]);
    const args = ['-r', join(folder, 'seen.pcapng'), '-Y', filter, '-T', 'fields', ...checks, ...wanted];
    return execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter((line) => line !== '');
  }

  it('finds nothing wrong, and one Multipath TCP connection with two subflows', async () => {
    const result = await subflow('demo', '--simulate', '--size', '2M', '--pcap', 'seen.pcapng');
    expect(result.status).toBe(0);
    const wrong = '_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0';
    expect(tshark(wrong, 'frame.number')).toEqual([]);
    expect(tshark('tcp', 'frame.number').length).toBeGreaterThan(1000);
    expect(new Set(tshark('mptcp.stream', 'mptcp.stream'))).toEqual(new Set(['0']));
    expect(new Set(tshark('mptcp.stream == 0', 'tcp.stream')).size).toBe(2);
  });
});

describe('subflow serve and get', () => {
  const content = Buffer.alloc(300_000, 'multipath ');
  let server: ChildProcess;
  let origin: string;

  beforeAll(async () => {
    const root = mkdtempSync(join(folder, 'www-'));
    writeFileSync(join(root, 'file.bin'), content);
    writeFileSync(join(root, '.hidden'), 'secret');
    server = spawn(process.execPath, [launcher, 'serve', root, '--listen', '127.0.0.1:0', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await new Promise((resolve) => {
      createInterface(server.stdout!).once('line', (text) => resolve([text]));
    })) as [string];
    const { port } = JSON.parse(line) as { port: number };
    origin = `http://127.0.0.1:${port}`;
  });
  afterAll(() => void server.kill());

  it('carry a file', async () => {
    const result = await subflow('get', `${origin}/file.bin`, '--json');
    expect(result.status).toBe(0);
    const report = JSON.parse(result.out) as Record<string, unknown>;
    expect(report).toMatchObject({
      schema: 'subflow/get/1',
      status: 200,
      bytes: content.length,
      output: 'file.bin',
    });
    expect(readFileSync(join(folder, 'file.bin')).equals(content)).toBe(true);
  });

  it('write to standard output, and to a file of another name', async () => {
    const printed = await spawnSubflow(folder, ['get', `${origin}/file.bin`, '-o', '-']);
    expect(printed.out).toBe(content.toString());
    expect((await subflow('get', `${origin}/file.bin`, '-o', 'other')).status).toBe(0);
    expect(readFileSync(join(folder, 'other')).equals(content)).toBe(true);
  });

  it('list a folder, and keep hidden files and what lies outside to themselves', async () => {
    expect((await subflow('get', `${origin}/`, '-o', '-')).out).toContain('file.bin');
    expectOneLine(await subflow('get', `${origin}/.hidden`), 1, /404/);
    expectOneLine(await subflow('get', `${origin}/..%2f..%2fetc%2fpasswd`), 1, /40[034]/);
  });

  it('explain what goes wrong in one line and leave no file behind', async () => {
    expectOneLine(await subflow('get', `${origin}/missing`), 1, /404/);
    expectOneLine(await subflow('get', 'http://127.0.0.1:1/x'), 1, /ECONNREFUSED/);
    expectOneLine(await subflow('get', 'http://name.invalid/x'), 1, /ENOTFOUND|EAI_AGAIN/);
    expectOneLine(await subflow('get', `${origin}/file.bin`, '-o', 'no/such/place'), 1, /cannot write/);
    const listen = origin.replace('http://', '');
    expectOneLine(await subflow('serve', '.', '--listen', listen), 3, /EADDRINUSE.*ss -ltnp/);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part') || name === 'missing')).toEqual([]);
  });
});

describe('subflow get, from servers that misbehave', () => {
  async function withServer<T>(server: net.Server, test: (origin: string) => Promise<T>): Promise<T> {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
    try {
      return await test(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.close();
    }
  }

  it('gives up on one that stalls', async () => {
    const sockets: net.Socket[] = [];
    const silent = net.createServer((socket) => sockets.push(socket));
    const result = await withServer(silent, (origin) => subflow('get', `${origin}/x`, '--timeout', '300ms'));
    for (const socket of sockets) socket.destroy();
    expectOneLine(result, 1, /sent nothing for 0\.3 s/);
  });

  it('notices a body that is cut short', async () => {
    const cutter = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nshort'));
    });
    const result = await withServer(cutter, (origin) => subflow('get', `${origin}/x`));
    expectOneLine(result, 1, /broke off after 5 B/);
  });

  it('stops following redirects that lead in a circle', async () => {
    const circle = http.createServer((request, response) => {
      response.writeHead(302, { location: request.url }).end();
    });
    const result = await withServer(circle, (origin) => subflow('get', `${origin}/x`));
    expectOneLine(result, 1, /more than 5 redirects/);
  });
});
