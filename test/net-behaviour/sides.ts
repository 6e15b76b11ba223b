/**
 * The same scenario on sockets of `node:net` and on kernel sockets of ours: what happens is written down, and has to be the same. A scenario
 * gives all that it saw, in an order that does not depend on which side's turn it was.
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { kernelMptcp } from '../../src/linux/index.js';
import { connect, createServer } from '../../src/node/index.js';
import { describeWith } from '../support/with-rights.js';

/** The functions that a scenario may use of either. */
export interface Side {
  connect(options: net.TcpNetConnectOpts): net.Socket;
  createServer(options?: net.ServerOpts, listener?: (socket: net.Socket) => void): net.Server;
}

const node: Side = {
  connect: (options) => net.connect(options),
  createServer: (options = {}, listener) => net.createServer(options, listener),
};

const ours: Side = {
  connect: (options) => connect({ ...options, transport: 'kernel' } as never) as unknown as net.Socket,
  createServer: (options = {}, listener) =>
    createServer({ ...options, transport: 'kernel' } as never, listener as never) as unknown as net.Server,
};

type Scenario = (world: World) => Promise<unknown>;

/** One run of a scenario; whatever it opened is closed after it. */
export class World {
  readonly side: Side;
  private readonly opened: (() => void)[] = [];

  constructor(side: Side) {
    this.side = side;
  }

  /** A server that listens, and its port. */
  async server(
    listener?: (socket: net.Socket) => void,
    options: net.ServerOpts = {},
  ): Promise<{ server: net.Server; port: number }> {
    const server = this.keep(this.side.createServer(options, listener));
    server.on('connection', (socket: net.Socket) => this.keepSocket(socket));
    server.listen({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    return { server, port: (server.address() as AddressInfo).port };
  }

  client(options: net.TcpNetConnectOpts): net.Socket {
    return this.keepSocket(this.side.connect({ host: '127.0.0.1', ...options }));
  }

  /** Two ends of a connection. */
  async pair(
    options: Partial<net.TcpNetConnectOpts> = {},
    serverOptions: net.ServerOpts = {},
  ): Promise<{ client: net.Socket; peer: net.Socket; server: net.Server }> {
    const { server, port } = await this.server(undefined, serverOptions);
    const taken = once(server, 'connection');
    const client = this.client({ ...options, port });
    await once(client, 'connect');
    const [peer] = (await taken) as [net.Socket];
    return { client, peer, server };
  }

  /** A port of this machine where nobody listens. */
  async closedPort(): Promise<number> {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    await new Promise((done) => probe.close(done));
    return port;
  }

  keep(server: net.Server): net.Server {
    this.opened.push(() => server.close());
    return server;
  }

  /** Has a socket go away at the end; its errors are for the scenario to see. */
  keepSocket(socket: net.Socket): net.Socket {
    socket.on('error', () => undefined);
    this.opened.push(() => socket.destroy());
    return socket;
  }

  close(): void {
    for (const close of this.opened.splice(0).reverse()) close();
  }
}

const events = [
  'lookup',
  'connectionAttempt',
  'connectionAttemptFailed',
  'connectionAttemptTimeout',
  'connect',
  'ready',
  'data',
  'end',
  'finish',
  'timeout',
  'error',
  'close',
] as const;

/** Writes down every event of a socket from now on, errors by code, data by length. */
export function watch(socket: net.Socket, names: readonly string[] = events): string[] {
  const seen: string[] = [];
  for (const name of names)
    socket.on(name, (...args: unknown[]) => {
      if (name === 'error') seen.push(`error ${codeOf(args[0])}`);
      else if (name === 'close') seen.push(`close ${String(args[0])}`);
      else seen.push(name);
    });
  return seen;
}

export function codeOf(error: unknown): string {
  const { code, name } = error as { code?: string; name: string };
  return code ?? name;
}

/** An error as a program sees it, without what differs from run to run. */
export function errorOf(error: unknown): unknown {
  const { code, errno, syscall, address, port, name } = error as NodeJS.ErrnoException &
    Record<string, unknown>;
  return { code, errno, syscall, address, hasPort: port !== undefined, name };
}

/** What `act` throws. */
export function thrown(act: () => unknown): unknown {
  try {
    act();
    return 'nothing';
  } catch (error) {
    return codeOf(error);
  }
}

/** Waits for 'close', whatever came before it, and until all have heard of it. */
export async function closed(socket: net.Socket): Promise<void> {
  if (!socket.closed) await new Promise((done) => socket.once('close', done));
  // `closed` is true before the event.
  await new Promise(setImmediate);
}

/** Waits for a condition, with a bound. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 5000) throw new Error('it never came about');
    await new Promise((done) => setTimeout(done, 2));
  }
}

async function run(scenario: Scenario, side: Side): Promise<unknown> {
  const world = new World(side);
  try {
    return await scenario(world);
  } finally {
    world.close();
  }
}

/** Runs each scenario on both, and compares. */
export function alike(name: string, scenarios: Readonly<Record<string, Scenario>>): void {
  describeWith(`as with node:net, ${name}`, [kernelMptcp()], () => {
    it.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
      const expected = await run(scenario, node);
      expect(expected).toBeDefined();
      expect(await run(scenario, ours)).toEqual(expected);
    });
  });
}
