/**
 * What the engine costs in virtual time: a bulk transfer at 1 Gbit/s over two paths of 500 Mbit/s and 5 ms each, in
 * packets of 1500 bytes without segmentation offload, so that every segment passes both stacks and a link. Checksums are
 * left to the devices, as with any real network card; the medium loses nothing. Time is that of the CPU, user and
 * system, collector threads included; the best of several runs counts, the one that other work on the machine disturbed
 * least.
 */
import { MILLISECOND, NEVER, SECOND } from '../src/base/index.js';
import { Simulator, twoHosts, type Application, type Link } from '../src/network/index.js';
import { Stack, type Socket, type StackEvent } from '../src/stack/index.js';
import type { BenchResult } from './result.js';

const PATHS = 2;
const PATH_RATE_BPS = 500e6;
const PATH_DELAY_NS = 5 * MILLISECOND;
const TRANSFER_BYTES = 400e6;
const BLOCK_BYTES = 64 << 10;
const PORT = 80;
const RUNS = 5;
const TARGET_SEGMENTS_PER_SECOND = 500_000;

/** What is sent, again and again: the stack keeps views of what it is given, and nobody writes to it. */
const block = new Uint8Array(BLOCK_BYTES);

/** Writes as much as it is allowed to until it has written everything. */
class Sender implements Application {
  private readonly socket: Socket;
  private left = TRANSFER_BYTES;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type !== 'established' && event.type !== 'writable') return;
    while (this.left > 0) {
      const bytes = this.left < block.length ? block.subarray(0, this.left) : block;
      this.left -= bytes.length;
      if (!this.socket.write(now, bytes)) return;
    }
    this.socket.shutdown(now);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {}
}

/** Accepts one connection, and reads and forgets what comes. */
class Receiver implements Application {
  receivedBytes = 0;
  /** When the last byte had come, in ns. */
  finishedAt = 0;

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') event.listener.accept();
    if (event.type === 'readable') this.read(now, event.socket);
    if (event.type === 'peer-closed') {
      this.finishedAt = now;
      event.socket.shutdown(now);
    }
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {}

  private read(now: number, socket: Socket): void {
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) {
      this.receivedBytes += bytes.length;
    }
  }
}

/** What one transfer took. */
interface Transfer {
  /** Segments that left a stack: data and pure acknowledgments, both ends. */
  readonly segments: number;
  readonly simulatedSeconds: number;
  readonly cpuSeconds: number;
}

function transfer(seed: number): Transfer {
  const simulator = new Simulator(seed);
  const path = {
    both: { rateBps: PATH_RATE_BPS, delayNs: PATH_DELAY_NS },
    checksumOffload: true,
  };
  const { client, server, links } = twoHosts(simulator, {
    client: new Stack({ random: simulator.random.fork() }),
    server: new Stack({ random: simulator.random.fork() }),
    paths: new Array<typeof path>(PATHS).fill(path),
  });
  server.stack.listen(simulator.now, { local: { port: PORT } });
  const receiver = new Receiver();
  server.run(simulator.now, receiver);
  const [address] = server.stack.localAddresses;
  const remote = { address: address!.address, port: PORT };
  client.run(simulator.now, new Sender(client.stack.connect(simulator.now, { remote })));

  const before = process.cpuUsage();
  simulator.run({ until: 60 * SECOND });
  const { user, system } = process.cpuUsage(before);
  expectTwoBusyPaths(links, receiver);
  return {
    segments: sum(
      links,
      ({ forward, backward }) => forward.counters.offeredPackets + backward.counters.offeredPackets,
    ),
    simulatedSeconds: receiver.finishedAt / SECOND,
    cpuSeconds: (user + system) / 1e6,
  };
}

/** A run that did not do what it is to measure is no measurement. */
function expectTwoBusyPaths(links: readonly Link[], receiver: Receiver): void {
  if (receiver.receivedBytes !== TRANSFER_BYTES)
    throw new Error(`${receiver.receivedBytes} of ${TRANSFER_BYTES} bytes arrived`);
  for (const { forward } of links) {
    if (forward.counters.deliveredBytes < TRANSFER_BYTES / PATHS / 2)
      throw new Error('a path was hardly used');
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** All figures of the simulation. */
export function run(): Promise<BenchResult[]> {
  let segmentsPerSecond = 0;
  let simulatedSecondsPerSecond = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const { segments, simulatedSeconds, cpuSeconds } = transfer(seed);
    segmentsPerSecond = Math.max(segmentsPerSecond, segments / cpuSeconds);
    simulatedSecondsPerSecond = Math.max(simulatedSecondsPerSecond, simulatedSeconds / cpuSeconds);
  }
  return Promise.resolve([
    figure('simulation.segmentsPerSecond', Math.round(segmentsPerSecond), '1/s', TARGET_SEGMENTS_PER_SECOND),
    figure(
      'simulation.simulatedSecondsPerSecond',
      Number(simulatedSecondsPerSecond.toFixed(3)),
      'ratio',
      null,
    ),
  ]);
}

function figure(name: string, value: number, unit: string, target: number | null): BenchResult {
  return { name, value, unit, better: 'higher', target, peer: null };
}
