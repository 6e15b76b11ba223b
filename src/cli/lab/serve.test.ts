/** `subflow lab` as it is started: what it prints, what it refuses, and what somebody without rights sees. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { launcher, spawnSubflow } from '../../../test/support/subflow-command.js';
import { describeWith, isRoot } from '../../../test/support/with-rights.js';
import type { MachineState } from '../../lab/index.js';
import { kernelMptcp } from '../../linux/index.js';

const page = join(import.meta.dirname, '..', '..', '..', 'dist', 'web', 'index.html');
const isBuilt = existsSync(page)
  ? ({ available: true } as const)
  : ({ available: false, reason: 'the page is not built', hint: 'npm run build' } as const);

describeWith('subflow lab', [isBuilt, kernelMptcp()], () => {
  const folder = mkdtempSync(join(tmpdir(), 'subflow-lab-'));
  const children: ChildProcess[] = [];
  beforeAll(() => chmodSync(folder, 0o777));
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.kill()) await once(child, 'exit');
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Starts it, and gives the address that it prints. */
  async function start(
    args: readonly string[],
    options: { uid?: number; env?: NodeJS.ProcessEnv } = {},
  ): Promise<string> {
    const child = spawn(process.execPath, [launcher, 'lab', '--listen', '127.0.0.1:0', ...args], {
      ...{ stdio: ['ignore', 'ignore', 'pipe'], cwd: folder },
      ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
      env: { ...process.env, ...options.env },
    });
    children.push(child);
    for await (const line of createInterface(child.stderr!)) {
      const match = /^The lab is at (http:\S+) /.exec(line);
      if (match !== null) return match[1]!;
    }
    throw new Error('it did not say where it is');
  }

  /** The first state that the server at an address tells. */
  async function firstState(address: string): Promise<MachineState> {
    const [url, token] = address.split('#token=');
    const ended = new AbortController();
    const response = await fetch(`${url}api/state`, {
      headers: { authorization: `Bearer ${token}` },
      signal: ended.signal,
    });
    expect(response.status).toBe(200);
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('\n')) break;
    }
    ended.abort();
    return JSON.parse(text.split('\n', 1)[0]!) as MachineState;
  }

  it('prints an address with a secret of its own, and is read-only', async () => {
    const address = await start(['--no-open']);
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[0-9a-f]{32}$/);
    expect(await start(['--no-open'])).not.toContain(address.split('=')[1]);
    const { allowsControl, paths } = await firstState(address);
    expect(allowsControl).toBe(false);
    expect(paths.limits).toMatchObject({ subflows: expect.any(Number) as number });
  });

  describeWith('started by root as another user', [isRoot()], () => {
    it('says to who has no rights what is missing, and shows the rest', async () => {
      const { lacks, paths, allowsControl } = await firstState(
        await start(['--no-open', '--allow-control'], { uid: 65_534 }),
      );
      expect(lacks.join(' ')).toMatch(/Nothing can be changed: .*CAP_NET_ADMIN.* no events can be heard/);
      expect(allowsControl).toBe(false);
      expect(paths.endpoints).toBeNull();
      expect(paths.pathManager).not.toBeNull();
    });
  });

  it('says of a network namespace that is not there that it is not, and serves nothing', async () => {
    const args = ['lab', '--listen', '127.0.0.1:0', '--no-open', '--namespace', 'nowhere'];
    const { status, err } = await spawnSubflow(folder, args);
    expect(err).toMatch(/^subflow: network namespace nowhere: ENOENT.*`ip netns` lists them by name/);
    expect(status).toBe(3);
  });

  it('opens a file that leads to it, so that the secret is in no argument of a program', async () => {
    const opener = join(folder, 'xdg-open');
    writeFileSync(opener, `#!/bin/sh\necho "$@" > ${join(folder, 'opened')}\n`, { mode: 0o755 });
    const env = { DISPLAY: ':0', XDG_RUNTIME_DIR: folder, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const address = await start([], { env });
    await expect.poll(() => existsSync(join(folder, 'opened')), { timeout: 20_000 }).toBe(true);
    await expect.poll(() => readFileSync(join(folder, 'opened'), 'utf8'), { timeout: 20_000 }).toMatch(/\n$/);
    const file = readFileSync(join(folder, 'opened'), 'utf8').trim();
    expect(file).not.toContain(address.split('=')[1]);
    expect(readFileSync(file, 'utf8')).toContain(`url=${address}"`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [child] = children;
    child!.kill();
    await once(child!, 'exit');
    expect(readdirSync(folder).filter((name) => name.startsWith('subflow-lab-'))).toEqual([]);
  });

  it('takes no control over a network', async () => {
    const { status, err } = await spawnSubflow(folder, ['lab', '--listen', '192.0.2.1:0', '--allow-control']);
    expect(status).toBe(2);
    expect(err).toContain('ssh -L');
  });
});
