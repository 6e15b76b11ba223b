/**
 * Connections that nobody asked a proxy for, in namespaces of their own: a host behind a machine whose rules bring its connections to a
 * transparent listener there, and programs of that machine itself. Over IPv4 and IPv6, with TPROXY and with redirection.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, it } from 'vitest';
import {
  connectKernel,
  isMultipath,
  kernelMptcp,
  listenKernel,
  markSocket,
  mayCreateNamespaces,
  NetworkNamespace,
} from '../../src/linux/index.js';
import {
  Capture,
  type CaptureMode,
  type CapturePlan,
  PROXY_MARK,
  TransparentListener,
  type TransparentOptions,
  type Upstream,
} from '../../src/node/proxy/index.js';
import { parseNetwork, RelaySocket } from '../../src/node/relay/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** The server's address by version of IP. */
const serverAddress = { 4: '10.2.0.2', 6: 'fd02::2' } as const;
const SERVER_PORT = 8080;
const LISTEN_PORT = 5123;

/** A host of a LAN, the machine with the proxy, and a server beyond it, which sends back what it gets. */
interface World {
  readonly host: NetworkNamespace;
  readonly machine: NetworkNamespace;
  /** Connections that the server has had: who from, and whether over Multipath TCP. */
  readonly seen: { readonly from: string; readonly isMultipath: boolean }[];
}

function makeWorld(): World {
  const [host, machine, far] = ['host', 'machine', 'far'].map((name) => NetworkNamespace.create(name)) as [
    NetworkNamespace,
    NetworkNamespace,
    NetworkNamespace,
  ];
  open.push(host, machine, far);
  host.connectTo(machine, 'eth0', 'lan');
  machine.connectTo(far, 'wan', 'eth0');
  host.ip(
    ...['address add 10.1.0.2/24 dev eth0', 'route add default via 10.1.0.1'],
    ...['address add fd01::2/64 dev eth0', 'route add ::/0 via fd01::1'],
  );
  machine.ip(
    ...['address add 10.1.0.1/24 dev lan', 'address add fd01::1/64 dev lan'],
    ...['address add 10.2.0.1/24 dev wan', 'address add fd02::1/64 dev wan'],
  );
  far.ip('address add 10.2.0.2/24 dev eth0', 'address add fd02::2/64 dev eth0');
  const seen: { from: string; isMultipath: boolean }[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const fd = (socket as unknown as { _handle: { fd: number } })._handle.fd;
    seen.push({ from: socket.remoteAddress!, isMultipath: isMultipath(fd) });
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen({ fd: listenKernel({ address: '::', port: SERVER_PORT, namespace: far }) });
  open.push(server);
  return { host, machine, seen };
}

const rules = { clients: ['10.0.0.0/8', 'fd00::/8'].map(parseNetwork), deny: [], allowLoopback: false };

async function startListener(
  { machine }: World,
  mode: CaptureMode,
  options: Partial<TransparentOptions> = {},
): Promise<TransparentListener> {
  const listener = await TransparentListener.start({
    ...{ mode, port: LISTEN_PORT, namespace: machine, rules: { ...rules, allowPrivate: true } },
    upstream: upstreamIn(machine),
    ...options,
  });
  open.push(listener);
  return listener;
}

/** Directly, from the machine. */
function upstreamIn(namespace: NetworkNamespace): Upstream {
  return {
    ...{ name: 'direct', isDirect: true },
    open: async ({ host, port }) => {
      const address = String(host);
      const fd = connectKernel({
        ...{ address, port, namespace },
        prepare: (made) => markSocket(made, PROXY_MARK),
      });
      const end = await new Promise<RelaySocket>((resolve, reject) => {
        const made = RelaySocket.connecting(fd, { address, port }, (error) => {
          if (error === undefined) resolve(made);
          else reject(error);
        });
      });
      return {
        ...{ end, earlyBytes: 0, received: new Uint8Array(0), way: 'direct' },
        ...{ bound: undefined, isServerMultipath: undefined, synBytes: 0 },
      };
    },
  };
}

function plan(mode: CaptureMode, changes: Partial<CapturePlan> = {}): CapturePlan {
  return {
    ...{ mode, port: LISTEN_PORT, families: [4, 6] },
    ...{ isLocal: true, interfaces: ['lan'], except: [], ports: [], isRestRefused: true },
    ...changes,
  };
}

function apply({ machine }: World, wanted: CapturePlan): Capture {
  const capture = Capture.apply(wanted, machine);
  open.push({ close: () => capture.undo() });
  return capture;
}

function dial(namespace: NetworkNamespace, family: 4 | 6, protocol: 'tcp' | 'mptcp' = 'tcp'): net.Socket {
  const fd = connectKernel({ address: serverAddress[family], port: SERVER_PORT, protocol, namespace });
  const socket = new net.Socket({ fd, allowHalfOpen: true });
  socket.on('error', () => undefined);
  open.push({ close: () => socket.destroy() });
  return socket;
}

/** Sends so many bytes and the end, and gives what came back until the end. */
async function exchange(socket: net.Socket, sent: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(sent);
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

const needs = [kernelMptcp(), mayCreateNamespaces(), hasTool('nft')];
describeWith('a transparent proxy', needs, () => {
  for (const mode of ['tproxy', 'redirect'] as const) {
    for (const family of [4, 6] as const) {
      it(`${mode}: takes what a host behind it and its own programs connect to over IPv${family}, and sends it on over Multipath TCP`, async () => {
        const world = makeWorld();
        const listener = await startListener(world, mode);
        apply(world, plan(mode));
        for (const from of [world.host, world.machine])
          expect((await exchange(dial(from, family), bytes)).equals(bytes)).toBe(true);
        const own = family === 4 ? '::ffff:10.2.0.1' : 'fd02::1';
        expect(world.seen).toEqual([
          { from: own, isMultipath: true },
          { from: own, isMultipath: true },
        ]);
        expect(listener.relays.totals).toEqual({ clientBytes: 200_000, serverBytes: 200_000 });
      });
    }
  }

  it('speaks Multipath TCP to a client that does, as the server that it stands for', async () => {
    const world = makeWorld();
    await startListener(world, 'tproxy');
    apply(world, plan('tproxy'));
    const socket = dial(world.host, 4, 'mptcp');
    socket.write('ping');
    await once(socket, 'data');
    expect(socket.remoteAddress).toBe('10.2.0.2');
    expect(isMultipath((socket as unknown as { _handle: { fd: number } })._handle.fd)).toBe(true);
  });

  it('keeps what a client says, its end too, until the server is there', async () => {
    const world = makeWorld();
    const upstream = upstreamIn(world.machine);
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const late: Upstream = { ...upstream, open: (request) => gate.then(() => upstream.open(request)) };
    const listener = await startListener(world, 'tproxy', { upstream: late });
    apply(world, plan('tproxy'));
    const echoed = exchange(dial(world.host, 4), bytes);
    await expect.poll(() => listener.relays.connections).toBe(1);
    go();
    expect((await echoed).equals(bytes)).toBe(true);
  });

  it('passes a reset of a client on, and resets a client whose server refuses', async () => {
    const world = makeWorld();
    const events: [string, Record<string, unknown>][] = [];
    await startListener(world, 'tproxy', { log: (event, fields) => events.push([event, fields]) });
    apply(world, plan('tproxy'));
    const client = dial(world.host, 4);
    client.write('ping');
    await once(client, 'data');
    client.resetAndDestroy();
    await expect.poll(() => events.at(-1)?.[1]['outcome'], { timeout: 20_000 }).toBe('client-reset');
    const refused = new net.Socket({
      fd: connectKernel({ address: '10.2.0.2', port: 9, protocol: 'tcp', namespace: world.host }),
    });
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    await expect
      .poll(() => events.at(-1))
      .toMatchObject([
        'closed',
        { server: '10.2.0.2:9', outcome: 'failed', error: 'refused', reason: 'ECONNREFUSED' },
      ]);
  });

  it('refuses who comes by itself, for that would go around in circles, and whom its rules refuse', async () => {
    const world = makeWorld();
    const events: [string, Record<string, unknown>][] = [];
    const log: TransparentOptions['log'] = (event, fields) => events.push([event, fields]);
    const listener = await startListener(world, 'tproxy', { log });
    apply(world, plan('tproxy'));
    const attempt = async (address: string, port: number): Promise<unknown> => {
      const fd = connectKernel({ address, port, protocol: 'tcp', namespace: world.host });
      const socket = new net.Socket({ fd });
      socket.on('error', () => undefined).resume();
      await new Promise((resolve) => socket.once('close', resolve));
      return events.at(-1)?.[1]['reason'];
    };
    expect(await attempt('10.1.0.1', LISTEN_PORT)).toBe('not-captured');
    listener.change({ rules: { ...rules, allowPrivate: false } });
    expect(await attempt('10.2.0.2', SERVER_PORT)).toBe('private');
    listener.change({ rules: { ...rules, allowPrivate: true, clients: [] } });
    expect(await attempt('10.2.0.2', SERVER_PORT)).toBe('client');
    expect(listener.relays.connections).toBe(0);
  });

  it("leaves connections to the machine's own servers alone, and those that are older than the rules", async () => {
    const world = makeWorld();
    await startListener(world, 'tproxy');
    const own = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    own.listen({ fd: listenKernel({ address: '10.1.0.1', port: 22, namespace: world.machine }) });
    open.push(own);
    const older = dial(world.machine, 4);
    older.write('ping');
    await once(older, 'data');
    apply(world, plan('tproxy'));
    older.write('ping');
    await once(older, 'data');
    const client = new net.Socket({
      fd: connectKernel({ address: '10.1.0.1', port: 22, protocol: 'tcp', namespace: world.host }),
    });
    open.push({ close: () => client.destroy() });
    client.write('ping');
    await once(client, 'data');
    expect(world.seen).toHaveLength(1);
  });

  it('refuses aloud what is not TCP, and counts it', async () => {
    const world = makeWorld();
    const capture = apply(world, plan('tproxy', { isLocal: false }));
    expect(await udpError(world.host, '10.2.0.2')).toBe('EHOSTUNREACH');
    const counts = new Map((await capture.refused()).map(({ kind, packets }) => [kind, packets]));
    expect(counts.get('udp')).toBeGreaterThan(0);
    expect(counts.get('tcp')).toBe(0);
  });

  it('leaves nothing behind, nor what one before it left when it was killed, and touches nothing of others', async () => {
    const world = makeWorld();
    const { machine } = world;
    const state = (): string =>
      machine.run(() =>
        execFileSync(
          'sh',
          ['-c', 'nft list ruleset; for f in 4 6; do ip -$f rule; ip -$f route show table all; done'],
          { encoding: 'utf8' },
        ),
      );
    machine.run(() => execFileSync('nft', ['add', 'table', 'inet', 'others']));
    machine.ip('rule add pref 90 fwmark 7 lookup 7', 'route add 192.0.2.0/24 dev wan table 7');
    const before = state();
    // What is not undone is what is left by SIGKILL.
    Capture.apply(plan('tproxy'), machine);
    const killed = state();
    const again = Capture.apply(plan('tproxy'), machine);
    expect(state()).toBe(killed);
    again.undo();
    again.undo();
    expect(state()).toBe(before);
    const redirecting = Capture.apply(plan('redirect'), machine);
    const other = Capture.apply(plan('tproxy', { port: LISTEN_PORT + 1 }), machine);
    redirecting.undo();
    expect(state()).toContain('subflow_capture_5124');
    other.undo();
    expect(state()).toBe(before);
  });

  it('makes no rules at all where some cannot be made', () => {
    const { machine } = makeWorld();
    const state = (): string =>
      machine.ip('rule') + machine.run(() => execFileSync('nft', ['list', 'ruleset'])).toString();
    const before = state();
    const { PATH } = process.env;
    try {
      process.env['PATH'] = '/nowhere';
      expect(() => Capture.apply(plan('tproxy'), machine)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_MISSING_TOOL' }) as Error,
      );
    } finally {
      process.env['PATH'] = PATH;
    }
    expect(state()).toBe(before);
  });
});

/** What a program that sends datagrams is told. */
async function udpError(namespace: NetworkNamespace, address: string): Promise<string> {
  const program = `
    const socket = require('node:dgram').createSocket('udp4');
    socket.on('error', ({ code }) => { console.log(code); process.exit(); });
    socket.connect(53, '${address}', () => setInterval(() => socket.send('?'), 100));
  `;
  const child = namespace.spawn(process.execPath, ['-e', program], { stdio: 'pipe' });
  const [said] = (await once(child.stdout!, 'data')) as [Buffer];
  return String(said).trim();
}
