/**
 * How fast worlds go by: one Multipath TCP connection sends over two paths; both stacks and both links are included. What
 * is counted are the segments that the links deliver, at either end: packets of 1500 bytes, and their acknowledgments,
 * each of which was queued, sent for its time and delivered on its own, whatever the stacks handle at a time. The figures
 * count CPU time, whoever else uses the machine, and are the best of several runs after a warm-up.
 *
 * Three worlds: two paths of 500 Mbit/s and 10 ms between bare hosts; the same between hosts whose devices cut and merge
 * segments for them; and two paths of 5 Gbit/s and 1 ms between such hosts, where more come together to be merged.
 */

import { MICROSECOND, MILLISECOND, NEVER } from '../src/base/index.js';
import { type Application, pathAddress, Simulator, twoHosts } from '../src/network/index.js';
import { type Socket, Stack } from '../src/stack/index.js';
import type { BenchResult } from './result.js';

const warmUpBytes = 100e6;
const runBytes = 60e6;
const runs = 15;
/** What the application hands over at a time; it belongs to the connection, but nobody ever writes to it. */
const chunk = new Uint8Array(256 * 1024);

/** Writes so many bytes as fast as they are taken. */
class Source implements Application {
  private left: number;
  private readonly socket: Socket;

  constructor(socket: Socket, bytes: number) {
    this.socket = socket;
    this.left = bytes;
  }

  handleEvent(now: number, event: { readonly type: string }): void {
    if (event.type !== 'established' && event.type !== 'writable') return;
    while (this.left > 0) {
      const piece = this.left < chunk.length ? chunk.subarray(0, this.left) : chunk;
      this.left -= piece.length;
      if (!this.socket.write(now, piece) && this.left > 0) return;
    }
    this.socket.shutdown(now);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // It has no timers.
  }
}

interface Run {
  readonly cpuSeconds: number;
  readonly segments: number;
  readonly virtualSeconds: number;
}

interface World {
  /** Rate of each of the two paths, in bits per second. */
  readonly rateBps: number;
  /** How long a packet is on its way, in ns. */
  readonly delayNs: number;
  /** Largest payload of a super-segment that the hosts' devices cut; 0 for none. */
  readonly maxOffloadBytes: number;
  /** How long they hold packets to merge them, in ns; 0 for not at all. */
  readonly coalesceNs: number;
}

const bare: World = { rateBps: 500e6, delayNs: 10 * MILLISECOND, maxOffloadBytes: 0, coalesceNs: 0 };

/** As network cards under Linux: segmentation offload, and what comes within 50 µs merged. */
const offload: World = { ...bare, maxOffloadBytes: 65_536, coalesceNs: 50 * MICROSECOND };

/** The same in a data centre. */
const fast: World = { ...offload, rateBps: 5e9, delayNs: MILLISECOND };

/** One transfer; CPU time and packets that arrived at either end. */
function transfer(bytes: number, { rateBps, delayNs, maxOffloadBytes, coalesceNs }: World): Run {
  const simulator = new Simulator(1);
  const both = { rateBps, delayNs, queue: { bytes: 1_250_000 }, coalesceNs };
  const path = { both, checksumOffload: true, maxOffloadBytes };
  const { client, server, links } = twoHosts(simulator, {
    client: new Stack({ random: simulator.random.fork() }),
    server: new Stack({ random: simulator.random.fork() }),
    paths: [path, path],
  });
  const listener = server.stack.listen(0, { local: { port: 80 } });
  let received = 0;
  server.run(0, {
    handleEvent: (now, event) => {
      if (event.type === 'acceptable') listener.accept();
      else if (event.type === 'readable') {
        for (let view = event.socket.read(now); view !== undefined; view = event.socket.read(now)) {
          received += view.length;
        }
      } else if (event.type === 'peer-closed') event.socket.shutdown(now);
    },
    pollTimeout: () => NEVER,
    handleTimeout: () => undefined,
  });
  const socket = client.stack.connect(0, { remote: { address: pathAddress(0, 'server', 4), port: 80 } });
  client.run(0, new Source(socket, bytes));
  const before = process.cpuUsage();
  simulator.run({ until: 3600e9 });
  const { user, system } = process.cpuUsage(before);
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes arrived`);
  const segments = links.reduce(
    (sum, { forward, backward }) =>
      sum + forward.counters.deliveredPackets + backward.counters.deliveredPackets,
    0,
  );
  // Virtual time ends with TIME-WAIT, in which nothing happens: what counts is the transfer at full rate.
  return { cpuSeconds: (user + system) / 1e6, segments, virtualSeconds: (bytes * 8) / 1e9 };
}

/** The best of several transfers, after a warm-up. */
function bestOf(world: World): Run {
  transfer(warmUpBytes, world);
  let best = transfer(runBytes, world);
  for (let i = 1; i < runs; i++) {
    const next = transfer(runBytes, world);
    if (next.segments / next.cpuSeconds > best.segments / best.cpuSeconds) best = next;
  }
  return best;
}

/** What is asked of each world. */
const target = 1_000_000;

function segmentsFigure(name: string, run: Run): BenchResult {
  const value = Math.round(run.segments / run.cpuSeconds);
  return { name, value, unit: 'segments/s of CPU', better: 'higher', target, peer: null };
}

export function run(): Promise<BenchResult[]> {
  const best = bestOf(bare);
  return Promise.resolve([
    segmentsFigure('simulation.segmentsPerSecond', best),
    segmentsFigure('simulation.offload.segmentsPerSecond', bestOf(offload)),
    segmentsFigure('simulation.offload10G.segmentsPerSecond', bestOf(fast)),
    {
      name: 'simulation.simulatedSecondsPerSecond',
      value: Number((best.virtualSeconds / best.cpuSeconds).toFixed(2)),
      unit: 's of a 1 Gbit/s transfer per s of CPU',
      better: 'higher',
      target: null,
      peer: null,
    },
  ]);
}
