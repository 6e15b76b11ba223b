/** As root, in processes of their own: what was dropped is dropped for good. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { mayCreateNamespaces } from '../../linux/index.js';

/** Tells, when asked, what becomes of reading a file of root's, and which capabilities its thread has. */
const worker = `
  const { parentPort } = require('node:worker_threads');
  const { readFileSync } = require('node:fs');
  parentPort.on('message', () => {
    const capabilities = readFileSync('/proc/thread-self/status', 'utf8').match(/CapEff:\\s*(\\w+)/)[1];
    let secret = 'done';
    try { readFileSync(__dirname + '/secret'); } catch (error) { secret = error.code; }
    parentPort.postMessage({ secret, capabilities });
  });`;

const dist = join(import.meta.dirname, '../../../dist');

describeWith('privileges that are dropped', [mayCreateNamespaces(), hasTool('unshare')], () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-privileges-'));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'secret'), 'secret', { mode: 0o600 });
    writeFileSync(join(folder, 'worker.cjs'), worker);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs a program as root in a network namespace of its own; gives what it said as JSON. */
  function run(program: string): Promise<Record<string, unknown>> {
    const prelude = `
      import { dropPrivileges } from ${JSON.stringify(join(dist, 'node/daemon/index.js'))};
      import * as linux from ${JSON.stringify(join(dist, 'linux/index.js'))};
      import fs from 'node:fs';
      import net from 'node:net';
      import { execFileSync } from 'node:child_process';
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      import dns from 'node:dns/promises';
      const codeOf = async (action) => { try { await action(); return 'done'; } catch (error) { return error.code ?? error.message; } };
      const folder = ${JSON.stringify(folder)};
    `;
    return new Promise((resolve, reject) => {
      const args = ['--net', process.execPath, '--input-type=module', '-e', prelude + program];
      execFile('unshare', args, { cwd: folder, timeout: 60_000 }, (error, out, err) => {
        if (error !== null && out === '') reject(new Error(err));
        else resolve(JSON.parse(out) as Record<string, unknown>);
      });
    });
  }

  it('close what only root may do, on every thread, and cannot be had again', async () => {
    const said = await run(`
      // Threads of libuv, of V8, and of the program are all there before.
      await fs.promises.readFile(folder + '/secret');
      const worker = new Worker(folder + '/worker.cjs');
      await once(worker, 'online');
      const became = dropPrivileges({ user: 'nobody' });
      const asked = once(worker, 'message');
      worker.postMessage('read');
      const server = net.createServer();
      console.log(JSON.stringify({
        ...became,
        uid: process.getuid(), euid: process.geteuid(), groups: process.getgroups(),
        sync: await codeOf(() => fs.readFileSync(folder + '/secret')),
        pool: await codeOf(() => fs.promises.readFile(folder + '/secret')),
        worker: (await asked)[0].secret,
        shadow: await codeOf(() => fs.promises.readFile('/etc/shadow')),
        make: await codeOf(() => fs.promises.writeFile('/etc/subflow-test', '')),
        port: await codeOf(() => { server.listen(80, '0.0.0.0'); return once(server, 'listening'); }),
        netlink: await codeOf(() => execFileSync('ip', ['link', 'add', 'd0', 'type', 'dummy'], { stdio: 'pipe' })),
        back: await codeOf(() => process.setuid(0)), backEffective: await codeOf(() => process.seteuid(0)),
        privileged: fs.readFileSync('/proc/self/status', 'utf8').match(/NoNewPrivs:\\s*(\\d)/)[1],
        capabilities: linux.processCredentials().map(({ capabilities }) => String(capabilities)),
      }));
      await worker.terminate();
    `);
    expect(said).toMatchObject({
      ...{ uid: 65_534, euid: 65_534, gid: 65_534, groups: [65_534] },
      ...{ sync: 'EACCES', pool: 'EACCES', worker: 'EACCES', shadow: 'EACCES', make: 'EACCES' },
      ...{ port: 'EACCES', back: 'EPERM', backEffective: 'EPERM' },
      privileged: '1',
    });
    expect(said['netlink']).not.toBe('done');
    const capabilities = said['capabilities'] as string[];
    expect(capabilities.length).toBeGreaterThan(4);
    expect(new Set(capabilities)).toEqual(new Set(['0']));
  });

  it('leave what was kept by name to the main thread and the threads that it starts then, and to no program', async () => {
    const said = await run(`
      await fs.promises.readFile(folder + '/secret');
      dropPrivileges({ user: 'nobody', keep: ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE'] });
      const server = net.createServer();
      const transparent = linux.socket(2, 1, 0);
      const worker = new Worker(folder + '/worker.cjs');
      worker.postMessage('read');
      const [{ capabilities: later }] = await once(worker, 'message');
      await worker.terminate();
      console.log(JSON.stringify({
        transparent: await codeOf(() => linux.setsockopt(transparent, 0, 19, 1)),
        port: await codeOf(() => { server.listen(80, '0.0.0.0'); return once(server, 'listening'); }),
        raw: linux.mayOpenRawSockets().available,
        manage: linux.mayManagePaths().available,
        secret: await codeOf(() => fs.promises.readFile(folder + '/secret')),
        back: await codeOf(() => process.setuid(0)),
        program: execFileSync('grep', ['CapEff', '/proc/self/status'], { encoding: 'utf8' }).trim().split(/\\s+/)[1],
        later,
        threads: linux.processCredentials().filter(({ capabilities }) => capabilities !== 0n).length,
      }));
      server.close();
    `);
    expect(said).toMatchObject({
      ...{ transparent: 'done', port: 'done', raw: false, manage: true, secret: 'EACCES', back: 'EPERM' },
      ...{ program: '0000000000000000', later: '0000000000001400' },
    });
  });

  it.each([
    [{ user: 'no-such-user-here' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: 'root' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: '0' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: '' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: '-1' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: '4294967295' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: '4000000000' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: 'nobody', group: 'no-such-group-here' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: 'nobody', group: 'root' }, 'ERR_SUBFLOW_UNKNOWN_USER'],
    [{ user: 'nobody', keep: ['CAP_SYS_ADMIN'] }, 'ERR_SUBFLOW_INVALID_ARGUMENT'],
    [{ user: 'nobody', keep: ['toString'] }, 'ERR_SUBFLOW_INVALID_ARGUMENT'],
  ])('are dropped for %j not at all: %s', async (options, code) => {
    const said = await run(`
      const code = await codeOf(() => dropPrivileges(${JSON.stringify(options)}));
      console.log(JSON.stringify({ code, uid: process.getuid(), raw: linux.mayOpenRawSockets().available }));
    `);
    expect(said).toEqual({ code, uid: 0, raw: true });
  });

  it('are those of a user by number too, with a group of its own', async () => {
    const said = await run(`
      const became = dropPrivileges({ user: '4000000000', group: '4000000001' });
      const again = await codeOf(() => dropPrivileges({ user: 'nobody' }));
      console.log(JSON.stringify({ ...became, groups: process.getgroups(), again }));
    `);
    expect(said).toEqual({
      ...{ uid: 4_000_000_000, gid: 4_000_000_001, groups: [4_000_000_001], again: 'ERR_SUBFLOW_NOT_ROOT' },
    });
  });
});
