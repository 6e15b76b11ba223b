import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabServer, serveLab } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-lab-'));
const site = join(folder, 'site');
let server: LabServer;
let port: number;

beforeAll(async () => {
  mkdirSync(join(site, 'assets'), { recursive: true });
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>lab</title>');
  writeFileSync(join(site, 'assets', 'a.js'), 'export {};');
  writeFileSync(join(site, '.hidden'), 'secret');
  writeFileSync(join(folder, 'outside.txt'), 'secret');
  server = await serveLab({ folder: site });
  port = Number(new URL(server.url).port);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the server says to a request as it stands, which no client would send so. */
function say(head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(`${head}\r\n\r\n`));
    socket.on('data', (bytes) => (answer += String(bytes)));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

async function status(target: string, lines: readonly string[] = [], method = 'GET'): Promise<number> {
  const head = [`${method} ${target} HTTP/1.1`, ...lines, 'Connection: close'];
  const hasHost = lines.some((line) => /^host:/i.test(line));
  if (!hasHost) head.splice(1, 0, `Host: 127.0.0.1:${port}`);
  return Number(/^HTTP\/1.1 (\d+)/.exec(await say(head.join('\r\n')))?.[1]);
}

describe('the server of the lab', () => {
  it('serves the page to whoever asks for it by its own address', async () => {
    expect(await status('/')).toBe(200);
    expect(await status('/assets/a.js')).toBe(200);
    expect(await status('/', [`Host: localhost:${port}`])).toBe(200);
    expect(await status('/', [`Origin: http://127.0.0.1:${port}`])).toBe(200);
    expect(await status('/', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate'])).toBe(200);
  });

  it('says that the page loads nothing from elsewhere, and that nobody frames it', async () => {
    const response = await fetch(server.url);
    const policy = response.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
    expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('answers to no name but its own, whatever address a resolver gave for it', async () => {
    expect(await status('/', ['Host: rebound.example'])).toBe(421);
    expect(await status('/', [`Host: rebound.example:${port}`])).toBe(421);
    expect(await status('/', [`Host: 127.0.0.1:${port + 1}`])).toBe(421);
    expect(await status('/', ['Host: 127.0.0.1'])).toBe(421);
  });

  it('refuses what other pages ask for', async () => {
    expect(await status('/', ['Origin: http://other.example'])).toBe(403);
    expect(await status('/', ['Origin: null'])).toBe(403);
    expect(await status('/assets/a.js', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors'])).toBe(403);
  });

  it('gives nothing from outside of its folder, and no hidden file', async () => {
    for (const target of [
      '/../outside.txt',
      '/%2e%2e/outside.txt',
      '/..%2foutside.txt',
      '/assets/..%5c..%5coutside.txt',
      '/.hidden',
      '/assets',
      '/assets/',
      '/%00',
      '//other.example/',
      'http://other.example/',
    ]) {
      expect(await status(target), target).toBeGreaterThanOrEqual(400);
      expect(
        await say(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close`),
      ).not.toContain('secret');
    }
  });

  it('takes GET and HEAD, and nothing else', async () => {
    expect(await status('/', [], 'HEAD')).toBe(200);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
      expect(await status('/', [], method)).toBe(405);
    expect(await status('*', [], 'OPTIONS')).toBeGreaterThanOrEqual(400);
  });

  it('says what to do where the page is not built', async () => {
    await expect(serveLab({ folder })).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_NO_LAB',
      hint: 'Build it with: npm run build',
    });
  });
});
