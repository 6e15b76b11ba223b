import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BalanceStatus } from '../../balancer/index.js';
import { askStatus, serveStatus } from './status-socket.js';

const status = async (): Promise<BalanceStatus> =>
  ({ schema: 'subflow/balance-status/1', name: 'b1' }) as BalanceStatus;

describe('the socket that tells the state of a balancer', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-status-'));
    path = join(folder, 'run', 's.sock');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is for its own user alone, tells who asks, and is gone when it is closed', async () => {
    const mask = process.umask();
    const socket = await serveStatus(path, status);
    expect(process.umask()).toBe(mask);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await askStatus(path)).toMatchObject({ name: 'b1' });
    await expect(serveStatus(path, status)).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BUSY' });
    await socket.close();
    await expect(askStatus(path)).rejects.toMatchObject({ code: 'ERR_SUBFLOW_NO_BALANCER' });
  });

  it('takes the place of one that a process left behind', async () => {
    mkdirSync(join(folder, 'run'));
    const program = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    expect(() => execFileSync(process.execPath, ['-e', program, path])).toThrow();
    expect(statSync(path).isSocket()).toBe(true);
    const socket = await serveStatus(path, status);
    expect(await askStatus(path)).toMatchObject({ name: 'b1' });
    await socket.close();
  });

  it('takes the place of nothing else', async () => {
    const file = join(folder, 'precious');
    writeFileSync(file, 'precious');
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const taken of [file, pipe, folder])
      await expect(serveStatus(taken, status)).rejects.toMatchObject({
        ...{ code: 'ERR_SUBFLOW_BAD_SOCKET', message: expect.stringContaining('no socket') },
      });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(statSync(pipe).isFIFO()).toBe(true);
  });

  it('says what is wrong where its folder cannot be made', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(serveStatus(join(file, 's.sock'), status)).rejects.toMatchObject({
      ...{ code: 'ERR_SUBFLOW_BAD_SOCKET', message: expect.stringContaining(file) },
    });
  });

  it('is no port, whatever its name looks like', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    for (const name of [String(port), '', 'a\0b'])
      await expect(askStatus(name)).rejects.toMatchObject({ code: 'ERR_SUBFLOW_NO_BALANCER' });
    server.close();
  });
});
