/** `subflow balance run` where things do not go as they should: signals at the wrong moment, rights that are missing. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { mayCreateNamespaces, mayUseXdp, NetworkNamespace } from '../../src/linux/index.js';
import { askStatus } from '../../src/node/balancer/status-socket.js';
import { launcher, runProgram } from '../support/subflow-command.js';
import { describeWith, hasTool } from '../support/with-rights.js';

const waiting = { timeout: 30_000, interval: 10 };

describeWith('balance run', [mayCreateNamespaces(), mayUseXdp(), hasTool('setpriv')], () => {
  let folder: string;
  let client: NetworkNamespace;
  let middle: NetworkNamespace;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-adverse-'));
    client = NetworkNamespace.create('client');
    middle = NetworkNamespace.create('middle');
    client.connectTo(middle, 'c0', 'b0');
    middle.ip('address add 10.1.0.1/24 dev b0');
  });
  afterEach(() => {
    client.close();
    middle.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = (): string => join(folder, 'balance.json');
  const socketPath = (): string => join(folder, 'balance.sock');

  /** A balancer whose only server answers nothing, so that it is waited for at the start. */
  function configure(changes: object = {}): void {
    const config = {
      ...{ name: 'b1', design: 'stateless', mode: 'generic', interfaces: ['b0'], source: '10.1.0.1' },
      ...{ services: ['192.0.2.1:443'], servers: [{ id: 1, address: '10.1.0.77' }] },
      ...{ store: { kind: 'folder', folder: join(folder, 'store') }, status: { socket: socketPath() } },
      ...changes,
    };
    writeFileSync(file(), JSON.stringify(config));
  }

  function spawn(): { readonly child: ChildProcess; readonly said: () => string } {
    const child = middle.spawn(process.execPath, [launcher, 'balance', 'run', '--config', file()], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    return { child, said: () => said };
  }

  it('reads its file anew on SIGHUP while it begins, and goes on', async () => {
    configure();
    const { child, said } = spawn();
    await vi.waitUntil(() => said().includes('generation-proposed'), waiting);
    child.kill('SIGHUP');
    await vi.waitUntil(() => child.signalCode !== null || said().includes('config-loaded'), waiting);
    expect(child.signalCode).toBeNull();
    expect((await askStatus(socketPath())).config.problem).toBeNull();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it.each(['xdp', 'user'])('says at once which right it lacks (%s)', async (path) => {
    configure({ path });
    const { status, err } = await runProgram(folder, 'setpriv', [
      ...['--bounding-set=-sys_admin,-bpf', process.execPath, launcher],
      ...['balance', 'run', '--config', file()],
    ]);
    expect(err).toMatch(/^subflow: packets cannot be steered: the program lacks CAP_BPF/);
    expect(status).toBe(3);
  });

  it('leaves a file alone that stands where its socket is to be, and says so', async () => {
    const precious = join(folder, 'precious');
    writeFileSync(precious, 'precious');
    configure({ status: { socket: precious } });
    const { child, said } = spawn();
    const [status] = (await once(child, 'exit')) as [number];
    expect(said()).toContain(`no socket at ${precious}: what has this name is no socket`);
    expect(status).toBe(3);
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    expect(middle.ip('link show dev b0')).not.toContain('xdp');
  });

  it.each(['xdp', 'user'])('ends and says why when its interface vanishes (%s)', async (path) => {
    configure({ path });
    const { child, said } = spawn();
    await vi.waitUntil(() => askStatus(socketPath()).catch(() => undefined), waiting);
    const ended = once(child, 'exit');
    middle.ip('link delete b0');
    expect(await ended).toEqual([1, null]);
    expect(said()).toMatch(/subflow: the data path ended: .*gone/);
  });

  it('leaves nothing behind whenever SIGTERM comes', async () => {
    // While the program loads, and while the data path waits for its neighbour, attaches, and is at work.
    for (const [word, ms] of [
      ['', 300],
      ['generation-proposed', 0],
      ['generation-proposed', 700],
      ['started', 0],
    ] as const) {
      configure({ store: { kind: 'folder', folder: join(folder, `store${word}${ms}`) } });
      const { child, said } = spawn();
      await vi.waitUntil(() => said().includes(word), waiting);
      await new Promise((resolve) => setTimeout(resolve, ms));
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await ended).toEqual([null, 'SIGTERM']);
      expect(said()).not.toMatch(/\n\s+at /);
      expect(middle.ip('link show dev b0')).not.toContain('xdp');
      await expect(askStatus(socketPath())).rejects.toMatchObject({ code: 'ERR_SUBFLOW_NO_BALANCER' });
    }
  });
});
