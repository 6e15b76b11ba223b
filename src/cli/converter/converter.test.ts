/** `subflow converter` and `subflow get --converter`, in a namespace of its own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { launcher } from '../../../test/support/subflow-command.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, NetworkNamespace } from '../../linux/index.js';

const place = '127.0.0.1:5124';

describeWith('subflow converter', [kernelMptcp(), mayCreateNamespaces(), hasTool('curl')], () => {
  let folder: string;
  let namespace: NetworkNamespace;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-converter-'));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'file'), 'content');
    namespace = NetworkNamespace.create('converter');
    namespace.sysctl('net.ipv4.tcp_fastopen', 3);
  });
  afterEach(() => {
    namespace.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function subflow(...args: string[]): ChildProcess {
    return namespace.spawn(process.execPath, [launcher, ...args, '--json'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Starts a command that goes on; gives what it says. */
  async function start(...args: string[]) {
    const child = subflow(...args);
    const said: Record<string, unknown>[] = [];
    const lines = createInterface(child.stdout!);
    lines.on('line', (line) => said.push(JSON.parse(line) as Record<string, unknown>));
    await once(lines, 'line');
    return { child, said, names: () => said.map(({ event }) => event) };
  }

  /** Downloads the file through the converter; gives the report, or what went wrong. */
  async function get(port: unknown, ...flags: string[]): Promise<Record<string, unknown>> {
    const url = `http://127.0.0.1:${String(port)}/file`;
    const child = subflow('get', url, '-o', '/dev/null', '--converter', place, ...flags);
    const [out, error] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
    return out === '' ? { error } : (JSON.parse(out) as Record<string, unknown>);
  }

  it('takes the message and the request from the SYN, from the second connection on', async () => {
    const server = await start('serve', folder, '--listen', '127.0.0.1:0');
    const { port } = server.said[0]!;
    const converter = await start('converter', '--listen', place, '--allow-loopback');
    expect(converter.said[0]).toMatchObject({
      event: 'listening',
      multipath: true,
      fastOpen: true,
      at: place,
    });
    const whole = { status: 200, bytes: 7, multipath: true, way: 'converter' };
    expect(await get(port, '--fast-open')).toMatchObject({ ...whole, fastOpen: false });
    expect(await get(port, '--fast-open')).toMatchObject({ ...whole, fastOpen: true });
    expect(namespace.counters().get('TcpExtTCPFastOpenPassive')).toBe(1);
    await expect
      .poll(() => converter.said.filter(({ event }) => event === 'closed'), { timeout: 20_000 })
      .toMatchObject([{ clientMultipath: true, serverMultipath: true }, { serverMultipath: true }]);
  });

  it('reads its rules again at SIGHUP, keeps them where the file is wrong, and ends in good order at SIGTERM', async () => {
    const server = await start('serve', folder, '--listen', '127.0.0.1:0');
    const { port } = server.said[0]!;
    const rules = join(folder, 'rules.json');
    const write = (deny: unknown): void =>
      writeFileSync(rules, JSON.stringify({ clients: ['127.0.0.0/8'], deny, allowLoopback: true }));
    write([]);
    const converter = await start('converter', '--listen', place, '--rules', rules);
    expect(await get(port)).toMatchObject({ status: 200 });
    write(['nonsense']);
    converter.child.kill('SIGHUP');
    await expect.poll(converter.names, { timeout: 20_000 }).toContain('rules-refused');
    expect(await get(port)).toMatchObject({ status: 200 });
    write(['127.0.0.0/8']);
    converter.child.kill('SIGHUP');
    await expect.poll(converter.names, { timeout: 20_000 }).toContain('rules-loaded');
    expect((await get(port))['error']).toContain('the converter refuses: not authorized');
    const exit = once(converter.child, 'exit');
    converter.child.kill('SIGTERM');
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(converter.names().slice(-2)).toEqual(['stopping', 'stopped']);
  });

  it("is no way to the machine's own addresses unless loopback is allowed, and neither is a proxy", async () => {
    namespace.ip('address add 9.9.9.9/32 dev lo');
    const server = await start('serve', folder, '--listen', '9.9.9.9:0');
    const url = `http://9.9.9.9:${String(server.said[0]!['port'])}/file`;
    await start('converter', '--listen', place);
    const refused = subflow('get', url, '-o', '/dev/null', '--converter', place);
    expect(await text(refused.stderr!)).toContain('the converter refuses: not authorized');
    await start('proxy', '--listen', '127.0.0.1:1080');
    await start('proxy', '--listen', '127.0.0.1:1081', '--allow-loopback');
    const statusBy = (port: number): Promise<string> => {
      const flags = ['-s', '-o', '/dev/null', '-w', '%{http_connect}', '--proxytunnel'];
      return text(namespace.spawn('curl', [...flags, '-x', `http://127.0.0.1:${port}`, url]).stdout!);
    };
    expect([await statusBy(1080), await statusBy(1081)]).toEqual(['403', '200']);
  });

  it('gives a server that does not answer its time, and no more (code 65)', async () => {
    const silent = NetworkNamespace.create('silent');
    try {
      namespace.connectTo(silent, 'c0', 's0');
      namespace.ip('address add 10.9.9.1/24 dev c0');
      const converter = await start(
        ...['converter', '--listen', place, '--allow-private', '--connect-timeout', '300ms'],
      );
      const url = 'http://10.9.9.2/';
      const child = subflow('get', url, '-o', '/dev/null', '--converter', place);
      expect(await text(child.stderr!)).toContain('the converter refuses: network failure');
      await expect.poll(converter.names, { timeout: 20_000 }).toContain('closed');
      expect(converter.said.at(-1)).toMatchObject({ error: 'network-failure', reason: 'ETIMEDOUT' });
    } finally {
      silent.close();
    }
  });

  it('tells that there is no way to a server (code 97)', async () => {
    const converter = await start('converter', '--listen', place);
    const child = subflow('get', 'http://9.9.9.8/', '-o', '/dev/null', '--converter', place);
    expect(await text(child.stderr!)).toContain('ENETUNREACH');
    await expect.poll(converter.names, { timeout: 20_000 }).toContain('closed');
    expect(converter.said.at(-1)).toMatchObject({ error: 'destination-unreachable', reason: 'ENETUNREACH' });
  });

  it('says what the kernel lacks, and serves plain TCP', async () => {
    namespace.sysctl('net.mptcp.enabled', 0);
    namespace.sysctl('net.ipv4.tcp_fastopen', 1);
    const { said } = await start('converter', '--listen', place);
    expect(said[0]).toMatchObject({ event: 'listening', multipath: false, fastOpen: false });
    const lacks = said[0]!['lacks'] as string[];
    expect(lacks.join()).toMatch(/Multipath TCP.*net\.mptcp\.enabled=1.*tcp_fastopen=3/s);
  });

  it('takes its options from a file, below those given, and what changes there at SIGHUP without dropping a connection', async () => {
    const server = await start('serve', folder, '--listen', '127.0.0.1:0');
    const { port } = server.said[0]!;
    const config = join(folder, 'converter.json');
    const write = (fields: object): void => writeFileSync(config, JSON.stringify(fields));
    write({ listen: '127.0.0.1:1', allowLoopback: true, maxPerClient: 7, idle: '60s' });
    const converter = await start('converter', '--listen', place, '--config', config);
    expect(converter.said[0]).toMatchObject({ schema: 'subflow/converter/1', level: 'info', at: place });
    expect(await get(port)).toMatchObject({ status: 200 });
    const client = namespace.spawn('bash', ['-c', 'exec 3<> /dev/tcp/127.0.0.1/5124; echo open; cat <&3'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(client.stdout!, 'data');
    const reload = async (fields: object, event: string): Promise<void> => {
      const before = converter.names().filter((name) => name === event).length;
      write(fields);
      converter.child.kill('SIGHUP');
      await expect
        .poll(() => converter.names().filter((name) => name === event).length, { timeout: 20_000 })
        .toBe(before + 1);
    };
    const lastRefusal = () => converter.said.findLast(({ event }) => event === 'config-refused')!;
    await reload({ plainTcp: true, requireCookie: true }, 'config-refused');
    expect(lastRefusal()).toMatchObject({
      ...{ level: 'error', reason: expect.stringMatching(/requireCookie, plainTcp|plainTcp, requireCookie/) },
    });
    await reload({ maxPerClient: 'many', idel: 1 }, 'config-refused');
    expect(lastRefusal()['reason']).toMatch(/:1: maxPerClient: 'many' is not.*has no field "idel"/s);
    expect(await get(port)).toMatchObject({ status: 200 });
    await reload(
      { deny: ['127.0.0.0/8'], allowLoopback: true, maxPerClient: 1, idle: '60s' },
      'config-loaded',
    );
    // The one that is there keeps its place, which is the last one now.
    expect((await get(port))['error']).toContain('the converter refuses: resource exceeded');
    expect(client.exitCode).toBeNull();
  });

  it('goes on as another user, tells metrics and health, and whoever reads neither holds it up', async () => {
    const server = await start('serve', folder, '--listen', '127.0.0.1:0');
    const { port } = server.said[0]!;
    const converter = await start(
      ...['converter', '--listen', '127.0.0.1:124', '--allow-loopback'],
      ...['--user', 'nobody', '--metrics', '9464'],
    );
    await expect.poll(converter.names, { timeout: 20_000 }).toContain('metrics-listening');
    expect(converter.names()).toEqual(['listening', 'privileges-dropped', 'metrics-listening']);
    const status = readFileSync(`/proc/${converter.child.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    expect(status).toMatch(/^CapPrm:\t0+$/m);
    // These ask for everything and never read it.
    const ask40 =
      'trap "" PIPE; for i in {1..40}; do exec {fd}<> /dev/tcp/127.0.0.1/9464; for j in {1..50}; do printf "GET /metrics HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n" >&$fd; done; done; echo asked; exec sleep 60';
    const deaf = namespace.spawn('bash', ['-c', ask40], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(deaf.stdout!, 'data');
    const url = `http://127.0.0.1:${String(port)}/file`;
    const client = subflow('get', url, '-o', '/dev/null', '--converter', '127.0.0.1:124');
    expect(JSON.parse(await text(client.stdout!))).toMatchObject({ status: 200, way: 'converter' });
    deaf.kill();
    const ask = (path: string): Promise<string> =>
      text(namespace.spawn('curl', ['-s', `http://127.0.0.1:9464${path}`]).stdout!);
    await expect
      .poll(() => ask('/metrics'), { timeout: 20_000 })
      .toMatch(/^subflow_converter_closed_total.* 1$/m);
    const metrics = await ask('/metrics');
    expect(metrics).toMatch(
      /^subflow_converter_connected_total{client_multipath="true",server_multipath="true"} 1$/m,
    );
    expect(metrics).toMatch(/^process_open_fds \d+$/m);
    expect(await ask('/healthz')).toBe('0 connections\n');
  });

  it('goes on when nobody reads its log, or it was closed', async () => {
    const server = await start('serve', folder, '--listen', '127.0.0.1:0');
    const { port } = server.said[0]!;
    const converter = await start('converter', '--listen', place, '--allow-loopback');
    converter.child.stdout!.destroy();
    for (let i = 0; i < 3; i++) expect(await get(port)).toMatchObject({ status: 200 });
    expect(converter.child.exitCode).toBeNull();
  });

  it('ends with status 3 for a user that is not there, and nothing of it is left', async () => {
    const child = subflow('converter', '--user', 'no-such-user', '--metrics', '9464');
    const exit = once(child, 'exit');
    expect(await text(child.stderr!)).toMatch(/there is no user 'no-such-user'/);
    expect(await exit).toEqual([3, null]);
  });

  it.each([
    [['--listen', 'nowhere:1'], /is not an address and a port/],
    [['--allow-client', '10.0.0.0/40'], /is no network/],
    [['--rules', '/nonexistent'], /ENOENT/],
    [['--idle', 'soon'], /soon/],
    [['--config', '/'], /it is no file/],
    [['--config', '/dev/zero'], /it is no file/],
    [['--metrics', 'here'], /no place to listen/],
    [['--group', 'nogroup'], /--group goes with --user/],
    [['--log-level', 'loud'], /debug, info, warn, error/],
    [['--idle', '0'], /24 days/],
    [['--drain', '99999999999'], /24 days/],
  ])('ends with status 2 for %j', async (flags, said) => {
    const child = subflow('converter', ...flags);
    const exit = once(child, 'exit');
    expect(await text(child.stderr!)).toMatch(said);
    expect(await exit).toEqual([2, null]);
  });
});
