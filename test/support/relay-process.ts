/**
 * A converter or a proxy, over plain TCP or Multipath TCP, in a process of its own, which tells what it holds: descriptors, memory after
 * collection, connections. And clients of them that speak their protocols over any socket.
 */
import { type ChildProcess, execFileSync, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { convertReader, emitConvert } from '../../src/convert/index.js';
import type { AccessRules, ConverterOptions, ProxyOptions } from '../../src/node/index.js';
import type { Handshake } from '../../src/node/tunnel/handshake.js';
import { HttpHandshake } from '../../src/node/tunnel/http-handshake.js';
import { Socks5Handshake } from '../../src/node/tunnel/socks5-handshake.js';
import { IpAddress } from '../../src/wire/index.js';

const entry = join(import.meta.dirname, '..', '..', 'dist', 'node', 'index.js');

/** What the process runs; options of the converter or proxy come as JSON, networks as text. */
const program = `
import { readdirSync } from 'node:fs';
import { ConverterServer, parseNetwork, ProxyServer } from ${JSON.stringify(entry)};
const events = {};
const log = (event) => { events[event] = (events[event] ?? 0) + 1; };
const [kind, text] = process.argv.slice(1);
const options = JSON.parse(text);
const rules = { ...options.rules, clients: options.rules.clients.map(parseNetwork) };
const relay = await (kind === 'proxy' ? ProxyServer : ConverterServer).start({ ...options, rules, log });
process.send({ port: (relay.address ?? relay.addresses[0]).port });
process.on('message', () => {
  for (let i = 0; i < 3; i++) gc();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  process.send({
    descriptors: readdirSync('/proc/self/fd').length,
    bytes: heapUsed + Math.max(external, arrayBuffers),
    residentBytes: rss,
    connections: relay.relays.connections,
    relays: relay.relays.active,
    events,
  });
});
process.on('disconnect', () => process.exit());
`;

/** What a converter or a proxy holds. */
export interface Holdings {
  readonly descriptors: number;
  /** Of the heap and of buffers outside of it, after collection. */
  readonly bytes: number;
  readonly residentBytes: number;
  readonly connections: number;
  readonly relays: number;
  /** How often each event was told. */
  readonly events: Readonly<Record<string, number>>;
}

/** Rules with networks as text. */
type TextRules = Omit<AccessRules, 'clients' | 'deny'> & {
  readonly clients: readonly string[];
  readonly deny: readonly never[];
};

/** Options of a converter; networks of its rules as text. */
export interface RelayProcessOptions extends Omit<ConverterOptions, 'rules' | 'log'> {
  readonly rules: TextRules;
}

/** The same of a proxy that goes to servers directly. */
export interface ProxyProcessOptions extends Omit<
  ProxyOptions,
  'rules' | 'log' | 'upstream' | 'authenticate'
> {
  readonly rules: TextRules;
}

/** Starts programs; `spawn` of a namespace, for one. */
export type Spawner = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/** See the module. */
export class RelayProcess {
  readonly port: number;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
  }

  /** Starts a converter. */
  static start(options: RelayProcessOptions, spawner: Spawner = spawn): Promise<RelayProcess> {
    return RelayProcess.run('converter', options, spawner);
  }

  static startProxy(options: ProxyProcessOptions, spawner: Spawner = spawn): Promise<RelayProcess> {
    return RelayProcess.run('proxy', options, spawner);
  }

  private static async run(kind: string, options: object, spawner: Spawner): Promise<RelayProcess> {
    const args = ['--expose-gc', '--input-type=module', '--eval', program, kind, JSON.stringify(options)];
    const child = spawner(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new RelayProcess(child, port);
  }

  /** Leaves the process no more than so many descriptors from now on. */
  limitDescriptors(count: number): void {
    execFileSync('prlimit', ['--pid', String(this.child.pid), `--nofile=${count}:${count}`]);
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async holdings(): Promise<Holdings> {
    const answer = once(this.child, 'message') as Promise<[Holdings]>;
    this.child.send('?');
    return (await answer)[0];
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

/** A program that sends back whatever comes, until it is killed; for its port, `once(child, 'message')`. */
export function spawnEcho(spawner: Spawner = spawn, host = '127.0.0.1'): ChildProcess {
  const echo = `
const net = require('node:net');
const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
server.listen({ port: 0, host: ${JSON.stringify(host)}, backlog: 4096 }, () => process.send(server.address().port));
process.on('disconnect', () => process.exit());`;
  return spawner(process.execPath, ['--eval', echo], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** Asks a proxy by SOCKS 5 or HTTP CONNECT, over `socket`, for the server; false when it refused or is gone. What comes next is the server's. */
export function askProxy(
  socket: Socket,
  protocol: 'socks5' | 'http',
  host: string,
  port: number,
): Promise<boolean> {
  const destination = { host: IpAddress.parse(host)!, port };
  const handshake: Handshake =
    protocol === 'http'
      ? new HttpHandshake(destination, undefined)
      : new Socks5Handshake(destination, undefined);
  socket.write(handshake.begin(new Uint8Array(0)).bytes);
  return untilAnswered(socket, (bytes) => {
    const step = handshake.read(bytes);
    if (step.state === 'more' && step.send !== undefined) socket.write(step.send);
    if (step.state === 'more') return undefined;
    return step.state === 'done' ? step.rest : 'refused';
  });
}

/** Asks a converter, over `socket`, for the server; false when it refused or is gone. What comes next is the server's. */
export function askFor(socket: Socket, host: string, port: number): Promise<boolean> {
  const remote = { address: IpAddress.parse(host)!, port };
  // Without a wish for Multipath TCP, which a converter over plain TCP refuses.
  socket.write(emitConvert({ tlvs: [{ type: 'connect', remote, options: [] }] }));
  const reader = convertReader();
  return untilAnswered(socket, (bytes) => {
    const read = reader.read(bytes);
    if (read.state === 'more') return undefined;
    const isAnswer = read.state === 'message' && !read.value.tlvs.some(({ type }) => type === 'error');
    return isAnswer ? read.rest : 'refused';
  });
}

/** Hands what comes to `take`, until that gives what of it is the server's, which stays in the socket; false where it is refused, or gone. */
function untilAnswered(
  socket: Socket,
  take: (bytes: Buffer) => Uint8Array | 'refused' | undefined,
): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isThere: boolean): void => {
      socket.off('data', hear).off('close', gone).off('end', gone);
      socket.pause();
      resolve(isThere);
    };
    const gone = (): void => done(false);
    const hear = (bytes: Buffer): void => {
      const rest = take(bytes);
      if (rest === undefined) return;
      if (rest !== 'refused' && rest.length > 0) socket.unshift(Buffer.from(rest));
      done(rest !== 'refused');
    };
    socket.on('data', hear).once('close', gone).once('end', gone);
  });
}
