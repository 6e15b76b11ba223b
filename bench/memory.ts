/**
 * What an idle connection costs in memory: two hosts back to back in one process, 10,000 Multipath TCP connections
 * between them, each used once in both directions and then left alone. All that is new on the heap and outside of it,
 * after collection, is divided by the number of ends, which is twice that of the connections: each figure is what one
 * end costs, everything included (connection, subflow, flow table, socket, listener's share, timers).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SECOND, SeededRandom } from '../src/base/index.js';
import { Stack, TransmitBuffer, type Socket } from '../src/stack/index.js';
import { IpAddress } from '../src/wire/index.js';
import type { BenchResult } from './result.js';

const CONNECTIONS = 10_000;
/** Bytes that one end may cost. */
const TARGET_BYTES = 8192;
/** Connections begun before the hosts exchange their packets: fewer than a listener's half-open limit. */
const BATCH = 500;
/** Between two steps of the virtual clock. */
const STEP_NS = SECOND / 100;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use, on the heap and by its buffers. */
function usedBytes(): number {
  for (let i = 0; i < 4; i++) collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}

/** Two hosts, and a clock that moves while they talk. */
class Pair {
  now = 0;
  readonly client = host(1, '10.0.0.1');
  readonly server = host(2, '10.0.0.2');
  private readonly buffer = new TransmitBuffer(new Uint8Array(2048));

  /** Lets both talk until `until`. */
  run(until: number): void {
    while (this.now < until) {
      while (this.move(this.client, this.server) || this.move(this.server, this.client));
      this.now += STEP_NS;
      for (const stack of [this.client, this.server]) {
        if (stack.pollTimeout() <= this.now) stack.handleTimeout(this.now);
      }
    }
  }

  private move(from: Stack, to: Stack): boolean {
    let count = 0;
    for (; from.pollTransmit(this.now, this.buffer); count++) {
      to.handlePacket(this.now, 0, this.buffer.packet.slice());
    }
    while (from.pollEvent() !== undefined);
    return count > 0;
  }
}

function host(seed: number, address: string): Stack {
  const stack = new Stack({ random: new SeededRandom(seed) });
  const entry = { address: IpAddress.parse(address)!, prefixLength: 24 };
  stack.addInterface(0, { name: 'wire', mtu: 1500, addresses: [entry] });
  return stack;
}

/** Opens connections and uses each once in both directions. */
function fill(pair: Pair, count: number): Socket[] {
  const remote = { address: IpAddress.parse('10.0.0.2')!, port: 80 };
  const listener = pair.server.listen(pair.now, { local: { port: 80 }, backlog: BATCH });
  const sockets: Socket[] = [];
  while (sockets.length < 2 * count) {
    const clients = Array.from({ length: BATCH }, () => pair.client.connect(pair.now, { remote }));
    pair.run(pair.now + SECOND / 10);
    const servers: Socket[] = [];
    for (let socket = listener.accept(); socket !== undefined; socket = listener.accept())
      servers.push(socket);
    for (const socket of [...clients, ...servers]) socket.write(pair.now, new Uint8Array(100));
    pair.run(pair.now + SECOND);
    for (const socket of [...clients, ...servers]) while (socket.read(pair.now) !== undefined);
    sockets.push(...clients, ...servers);
  }
  pair.run(pair.now + 10 * SECOND);
  return sockets;
}

export function run(): Promise<BenchResult[]> {
  // A first round for what is compiled and made once.
  fill(new Pair(), BATCH);
  const pair = new Pair();
  const before = usedBytes();
  const sockets = fill(pair, CONNECTIONS);
  const bytes = (usedBytes() - before) / sockets.length;
  const open = sockets.filter((socket) => socket.state === 'open' && !socket.connection.isFallback).length;
  if (open !== 2 * CONNECTIONS)
    throw new Error(`${2 * CONNECTIONS - open} ends are not open Multipath TCP connections`);
  return Promise.resolve([
    {
      name: 'stack.idleBytesPerConnection',
      value: Math.round(bytes),
      unit: 'bytes',
      better: 'lower',
      target: TARGET_BYTES,
      peer: null,
    },
  ]);
}
