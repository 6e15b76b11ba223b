/**
 * What the data path in user space moves: packets that reach a sink behind it, per second of CPU that its one worker took. A program of the
 * kernel's sends ACKs of 54 bytes of 65,536 flows from another thread, as fast as it can; what the worker leaves behind is dropped before
 * it, at that thread's cost. The sink is an XDP counter at the other end of a virtual link; the kernel runs it on the worker's
 * processor, so that what a server would do to receive is counted in. The best of several rounds counts, the one that other work on
 * the machine disturbed least.
 *
 * And what the decision alone costs for a packet, by design: 65,536 flows in turn, from memory.
 */
import { readFileSync } from 'node:fs';
import { Balancer, type DesignName, designNames } from '../src/balancer/index.js';
import { SeededRandom } from '../src/base/index.js';
import {
  BpfObject,
  type BpfProgram,
  interfaceFacts,
  mayCreateNamespaces,
  mayUseXdp,
  NetworkNamespace,
  readPackagedObject,
  sumOverProcessors,
  word,
  XdpLink,
} from '../src/linux/index.js';
import { userPath } from '../src/node/balancer/user-path.js';
import { IpAddress } from '../src/wire/index.js';
import type { BenchResult } from './result.js';

const rounds = 12;
const warmingRounds = 4;
const roundMs = 1000;
/** Frames that the generator sends in one go: to begin takes longer than to send. */
const burst = 4096;
const servers = 16;
/** The design that packets are moved with: its header is the longest. */
const movedDesign: DesignName = 'beamer';
const steered = 65_536;
const steerRounds = 40;

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const services = [{ address: address('192.0.2.1'), port: 443 }];

/** All figures of the data path in user space; those of decisions alone without the right to load programs. */
export async function run(): Promise<BenchResult[]> {
  const results = designNames.map((design) => figure(`${design}.steerNs`, steerNs(design), 'ns', null));
  for (const may of [mayUseXdp(), mayCreateNamespaces()]) {
    if (may.available) continue;
    process.stderr.write(
      `bench: balancer.userspace.packetsPerSecond is left out: ${may.reason}. ${may.hint}\n`,
    );
    return results;
  }
  return [figure('packetsPerSecond', await packetsPerSecond(), 'packets/s', 1_000_000), ...results];
}

function figure(name: string, value: number, unit: string, target: number | null): BenchResult {
  const better = unit === 'ns' ? 'lower' : 'higher';
  return { name: `balancer.userspace.${name}`, value, unit, better, target, peer: null };
}

/** The least average cost of a decision, in ns. */
function steerNs(design: DesignName): number {
  const balancer = new Balancer(0, { design, services, servers: serverList(), random: new SeededRandom(1) });
  const packet = acknowledgement().subarray(14);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < steerRounds; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < steered; i++) {
      // Every port once, in an order that no cache foresees.
      const port = (i * 40_503) & 0xffff;
      packet[20] = port >>> 8;
      packet[21] = port & 0xff;
      balancer.steer(round, packet);
    }
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (1000 * (user + system)) / steered);
  }
  return least;
}

function serverList() {
  return Array.from({ length: servers }, (_, i) => ({ id: i + 1, address: address(`10.0.0.${i + 1}`) }));
}

/** An ACK of a client's, in a frame of 54 bytes. */
function acknowledgement(destination: Uint8Array = Uint8Array.of(2, 0, 0, 0, 0, 99)): Uint8Array {
  return Uint8Array.of(
    ...[...destination, 2, 0, 0, 0, 0, 98, 8, 0],
    ...[0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0x6e, 0xc4, 10, 9, 0, 2, 192, 0, 2, 1],
    ...[0x9c, 0x40, 1, 187, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0],
  );
}

/** A client that sends, a machine in the middle, and a sink that counts. */
class Road {
  readonly middle = NetworkNamespace.create('balancer');
  private readonly client = NetworkNamespace.create('client');
  private readonly sinkSpace = NetworkNamespace.create('sink');
  private readonly object = new BpfObject(readPackagedObject('traffic'));
  private readonly generator: BpfProgram;
  private readonly sink: BpfProgram;
  private readonly link: XdpLink;
  private readonly frame: Uint8Array;
  private readonly interfaceIndex: number;

  constructor() {
    const { client, middle, sinkSpace } = this;
    client.connectTo(middle, 'c0', 'b0');
    middle.connectTo(sinkSpace, 'b1', 's0');
    client.ip('address add 10.9.0.2/24 dev c0');
    middle.ip('address add 10.9.0.1/24 dev b0', 'address add 10.0.0.254/24 dev b1');
    const hop = hexOf(sinkSpace.run(() => interfaceFacts('s0').address));
    middle.ip(
      ...serverList().map(({ address: each }) => `neigh add ${each.toString()} lladdr ${hop} dev b1`),
    );
    this.generator = this.object.load('generate');
    this.sink = this.object.load('sink');
    this.link = XdpLink.attach(this.sink, { device: 's0', mode: 'native', namespace: sinkSpace });
    this.frame = acknowledgement(middle.run(() => interfaceFacts('b0').address));
    this.interfaceIndex = client.run(() => interfaceFacts('c0').index);
  }

  /** Sends for a while, and gives the packets that arrived. */
  send(): number {
    const before = this.arrived();
    const end = performance.now() + roundMs;
    this.client.run(() => {
      while (performance.now() < end) this.generator.runLive(this.frame, burst, this.interfaceIndex);
    });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    return this.arrived() - before;
  }

  private arrived(): number {
    return sumOverProcessors(this.object.map('arrived').get(word(0))!, 16)[0]!;
  }

  close(): void {
    this.link.close();
    this.generator.close();
    this.sink.close();
    this.object.close();
    for (const namespace of [this.client, this.middle, this.sinkSpace]) namespace.close();
  }
}

/** The best of several rounds, after some for the compiler. */
async function packetsPerSecond(): Promise<number> {
  const road = new Road();
  let best = 0;
  try {
    const path = await userPath({
      ...{ design: movedDesign, services, interfaces: ['b0'], namespace: road.middle, workers: 1 },
      start: { generation: { number: 1, atNs: Date.now() * 1e6, servers: serverList(), reason: '' } },
    });
    for (let round = -warmingRounds; round < rounds; round++) {
      const before = workerSeconds();
      const arrived = road.send();
      if (round >= 0) best = Math.max(best, arrived / (workerSeconds() - before));
    }
    await path.close();
  } finally {
    road.close();
  }
  return best;
}

/** CPU time of the thread that sends, in seconds. */
function mainSeconds(): number {
  const [spentNs] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(spentNs) / 1e9;
}

/** CPU time of all other threads. */
function workerSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 - mainSeconds();
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
