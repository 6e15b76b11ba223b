/**
 * What a packet costs a balancer in the kernel's fast path, by trial runs of the kernel's own (BPF_PROG_TEST_RUN): one flow over and over
 * (`.ns`), and 65,536 flows in turn (`.coldNs`), for `token-map` with a million connections in its tables, those flows among them. The
 * packet is an ACK of 54 bytes; programs take away what they put in front of it before the next run, which is counted in. Beside
 * them runs a program that swaps addresses only. All take turns, and each figure is the best of many runs, the one that other
 * work on the machine disturbed least.
 */
import {
  BpfObject,
  mayUseXdp,
  readPackagedObject,
  XdpBalancer,
  xdpDesigns,
  XdpMeasuring,
  type BpfMap,
  type BpfProgram,
  type XdpDesign,
} from '../src/linux/index.js';
import { IpAddress } from '../src/wire/index.js';
import type { BenchResult } from './result.js';

const rounds = 40;
const runsEach = 100_000;
const connections = 1_000_000;
const servers = 16;
/** Entries that one call of the kernel takes. */
const batch = 50_000;

/** Something whose runs are timed. */
interface Subject {
  run(frame: Uint8Array, repeat: number): { readonly durationNs: number };
}

/** All figures of balancers in the fast path; none without the right to load programs. */
export function run(): Promise<BenchResult[]> {
  const may = mayUseXdp();
  if (!may.available) {
    process.stderr.write(`bench: balancer.xdp is left out: ${may.reason}. ${may.hint}\n`);
    return Promise.resolve([]);
  }
  const object = new BpfObject(readPackagedObject('swap'));
  const swap = object.load('swap');
  try {
    return Promise.resolve(measured(swap));
  } finally {
    swap.close();
    object.close();
  }
}

function measured(swap: BpfProgram): BenchResult[] {
  const results: BenchResult[] = [];
  let swapNs = Number.POSITIVE_INFINITY;
  for (const design of xdpDesigns) {
    const hot = balancerOf(design, XdpMeasuring.ONE_FLOW);
    const cold = balancerOf(design, XdpMeasuring.MANY_FLOWS);
    if (design === 'token-map') fillTables(cold);
    const [plainNs, hotNs, coldNs] = leastOf([swap, hot, cold]);
    hot.close();
    cold.close();
    swapNs = Math.min(swapNs, plainNs!);
    results.push(figure(`${design}.ns`, hotNs!, 75), figure(`${design}.coldNs`, coldNs!, 200));
  }
  return [{ ...figure('swap.ns', swapNs, null), peer: null }, ...results];
}

/** The least average of each, in ns; they take turns. */
function leastOf(subjects: readonly Subject[]): number[] {
  const frame = acknowledgement();
  const least = subjects.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++) {
    subjects.forEach((subject, i) => {
      least[i] = Math.min(least[i]!, subject.run(frame, runsEach).durationNs);
    });
  }
  return least;
}

function balancerOf(design: XdpDesign, measuring: number): XdpBalancer {
  const hop = new Uint8Array(6).fill(2);
  return new XdpBalancer(0, {
    ...{ design, measuring },
    services: [{ address: IpAddress.parse('192.0.2.1')!, port: 443 }],
    servers: Array.from({ length: servers }, (_, i) => ({
      id: i + 1,
      address: IpAddress.parse(`10.0.0.${i + 1}`)!,
    })),
    source: IpAddress.parse('10.0.0.99')!,
    route: () => ({ nextHop: hop, ownHop: hop }),
    // The kernel evicts some time before all places are taken.
    settings: { maxFlows: Math.ceil(connections * 1.2), maxTokens: Math.ceil(connections * 1.2) },
  });
}

/** An ACK of a client that begins at port 40000, in a frame of 54 bytes. */
function acknowledgement(): Uint8Array {
  return Uint8Array.of(
    ...[2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, 98, 8, 0],
    ...[0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, 7, 192, 0, 2, 1],
    ...[0x9c, 0x40, 1, 187, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0],
  );
}

/** A million tokens, and as many joins: all ports of sixteen clients, the one that is measured first. */
function fillTables(balancer: XdpBalancer): void {
  const now = Number(process.hrtime.bigint() / 1_000_000_000n);
  fill(balancer.map('tokens'), (key, value, i) => {
    key.setUint32(0, Math.imul(i, 0x9e37_79b1) >>> 0, true);
    value.setUint16(0, 1 + (i % servers), true);
    value.setUint32(12, now, true);
  });
  fill(balancer.map('joins'), (key, value, i) => {
    key.setUint32(12, 0xc633_6407 + (i >>> 16));
    key.setUint16(16, i & 0xffff);
    key.setUint16(18, 443);
    value.setUint32(0, 1 + (i % servers), true);
    value.setUint32(4, now, true);
    value.setUint16(8, 1, true);
  });
}

/** Fills a map with as many entries as there are connections (their layouts are those of bpf/token_map.c). */
function fill(map: BpfMap, write: (key: DataView, value: DataView, index: number) => void): void {
  for (let first = 0; first < connections; first += batch) {
    const keys = new Uint8Array(batch * map.keyBytes);
    const values = new Uint8Array(batch * map.valueBytes);
    for (let i = 0; i < batch; i++) {
      const key = new DataView(keys.buffer, i * map.keyBytes, map.keyBytes);
      write(key, new DataView(values.buffer, i * map.valueBytes, map.valueBytes), first + i);
    }
    map.setAll(keys, values);
  }
}

function figure(name: string, value: number, target: number | null): BenchResult {
  return {
    name: `balancer.xdp.${name}`,
    value,
    unit: 'ns',
    better: 'lower',
    target,
    peer: 'balancer.xdp.swap.ns',
  };
}
