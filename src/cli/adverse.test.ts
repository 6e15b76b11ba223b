/** The command line where its surroundings are against it: readers that leave, signals, requests that are none. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { launcher } from '../../test/support/subflow-command.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-adverse-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly err: string;
}

/** Runs `command` in a shell, where `subflow` stands for the program. */
function shell(command: string): Promise<Ended> {
  return new Promise((resolve) => {
    const script = `subflow() { '${process.execPath}' '${launcher}' "$@"; }\n${command}`;
    execFile('bash', ['-c', script], { cwd: folder, timeout: 110_000 }, (error, _out, err) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ status, signal: error?.signal ?? null, err });
    });
  });
}

/** A server that answers each request with a head and a little of the body, and no more. */
async function staller(): Promise<{ readonly url: string; close(): void }> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nshort'));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Sends bytes to a port and gives the first line of the answer. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (bytes) => (answer += String(bytes)));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer.split('\r\n')[0]!));
  });
}

describe('subflow, when nobody reads what it says', () => {
  it('ends quietly', async () => {
    const result = await shell('subflow demo --simulate --json --size 100k | true; exit ${PIPESTATUS[0]}');
    expect([result.status, result.err]).toEqual([0, '']);
  });

  it('ends quietly in the middle of a download, which has no end', async () => {
    const server = http.createServer((_request, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const result = await shell(
      `subflow get http://127.0.0.1:${port}/x -o - | head -c 5 > /dev/null; exit \${PIPESTATUS[0]}`,
    );
    server.close();
    expect([result.status, result.err]).toEqual([0, '']);
  });

  it('says so when the output cannot be written', async () => {
    const result = await shell('subflow demo --simulate --json --size 100k > /dev/full');
    expect(result.status).toBe(1);
    expect(result.err).toMatch(/^subflow: cannot write the output: .*\n$/);
  });
});

describe('subflow get', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('leaves no half of a file when %s ends it', async (signal) => {
    const server = await staller();
    const child = spawn(process.execPath, [launcher, 'get', `${server.url}/half`], {
      cwd: folder,
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('exit', (_status, by) => resolve(by)));
    const halves = (): string[] => readdirSync(folder).filter((name) => name.startsWith('half'));
    while (!halves().some((name) => statSync(join(folder, name)).size > 0)) {
      await new Promise((done) => setTimeout(done, 10));
    }
    child.kill(signal);
    expect(await ended).toBe(signal);
    expect(halves()).toEqual([]);
    server.close();
  });

  it('writes into a pipe and does not take its place', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const server = net.createServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwhole'));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const reader = new Promise<string>((resolve) => {
      execFile('timeout', ['90', 'cat', pipe], (_error, out) => resolve(out));
    });
    const result = await shell(`subflow get http://127.0.0.1:${port}/x -o pipe`);
    expect(result.status).toBe(0);
    expect(await reader).toBe('whole');
    expect(statSync(pipe).isFIFO()).toBe(true);
    server.close();
  });

  it('takes a name that is no UTF-8 as it stands', async () => {
    const result = await shell('subflow get http://127.0.0.1:1/%E0%A4%A');
    expect([result.status, result.err]).toEqual([1, expect.stringMatching(/^subflow: .*ECONNREFUSED.*\n$/)]);
  });
});

describe('subflow serve', () => {
  it('answers whatever is asked, lives on, and ends while clients hold on', async () => {
    const root = mkdtempSync(join(folder, 'www-'));
    writeFileSync(join(root, 'file'), 'content');
    writeFileSync(join(root, 'large'), Buffer.alloc(64 << 20));
    const child = spawn(process.execPath, [launcher, 'serve', root, '--listen', '127.0.0.1:0', '--json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const lines = createInterface(child.stdout);
    const line = await new Promise<string>((resolve) => lines.once('line', resolve));
    const { port } = JSON.parse(line) as { port: number };
    const targets = [
      '//',
      '//etc/',
      'http://',
      'http://[',
      '*',
      '/%E0%A4%A/',
      '/%00',
      '/../../etc/passwd',
      '/\\',
    ];
    for (const target of targets) {
      const answer = await ask(port, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(answer, target).toMatch(/^HTTP\/1\.1 (200|30[1-8]|40[0-9]) /);
    }
    expect(await ask(port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    const held = net.connect(port, '127.0.0.1');
    held.on('error', () => undefined).write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => held.once('data', resolve));
    held.pause();
    // From now on nobody reads its log.
    lines.close();
    child.stdout.destroy();
    expect(await ask(port, 'GET /file HTTP/1.0\r\n\r\n')).toBe('HTTP/1.1 200 OK');
    expect(await ask(port, 'GET /file HTTP/1.0\r\n\r\n')).toBe('HTTP/1.1 200 OK');
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    held.destroy();
  });
});
