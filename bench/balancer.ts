/**
 * What a packet costs a balancer in the kernel's fast path, by trial runs of the kernel's own (BPF_PROG_TEST_RUN): one flow over and over
 * (`.ns`), and 65,536 flows in turn (`.coldNs`), for `token-map` with a million connections in its tables, those flows among the joins; `.coldFirstNs` is the same for
 * flows that are none. The packet is an ACK of 54 bytes; programs take away what they put in front of it before the next run, which is counted in. Beside
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
  type BpfProgram,
  type XdpDesign,
} from '../src/linux/index.js';
import { MINUTE } from '../src/base/index.js';
import { IpAddress } from '../src/wire/index.js';
import type { BenchResult } from './result.js';

const HOUR = 60 * MINUTE;
const rounds = 40;
const runsEach = 100_000;
const connections = 1_000_000;
const servers = 16;
const clients = 16;
const ports = 65_536;

/** Something whose runs are timed, and what it is given. */
interface Subject {
  readonly subject: { run(frame: Uint8Array, repeat: number): { readonly durationNs: number } };
  readonly frame: Uint8Array;
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
    const frame = acknowledgement(0);
    const others = acknowledgement(clients);
    const subjects: Subject[] = [
      { subject: swap, frame },
      { subject: hot, frame },
      { subject: cold, frame },
      ...(design === 'token-map' ? [{ subject: cold, frame: others }] : []),
    ];
    const [plainNs, hotNs, coldNs, firstNs] = leastOf(subjects);
    hot.close();
    cold.close();
    swapNs = Math.min(swapNs, plainNs!);
    results.push(figure(`${design}.ns`, hotNs!, 75), figure(`${design}.coldNs`, coldNs!, 200));
    if (firstNs !== undefined) results.push(figure(`${design}.coldFirstNs`, firstNs, 200));
  }
  return [{ ...figure('swap.ns', swapNs, null), peer: null }, ...results];
}

/** The least average of each, in ns; they take turns. */
function leastOf(subjects: readonly Subject[]): number[] {
  const least = subjects.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++) {
    subjects.forEach(({ subject, frame }, i) => {
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
    settings: { newFlowNs: HOUR },
  });
}

/** A segment of a client, from port 40000, with these flags and options. */
function segment(client: number, flags: number, options: readonly number[]): Uint8Array {
  const frame = Uint8Array.of(
    ...[2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, 98, 8, 0],
    ...[0x45, 0, 0, 40 + options.length, 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, client, 192, 0, 2, 1],
    ...[0x9c, 0x40, 1, 187, 0, 0, 0, 1, 0, 0, 0, 2, 0x50 + 4 * options.length, flags, 1, 0, 0, 0, 0, 0],
    ...options,
  );
  return frame;
}

/** An ACK, in a frame of 54 bytes. */
function acknowledgement(client: number): Uint8Array {
  return segment(client, 0x10, []);
}

/** A million tokens, and more joins than that: all ports of sixteen clients, the first of which is measured. */
function fillTables(balancer: XdpBalancer): void {
  const entries = Array.from({ length: connections }, (_, i) => ({
    ...{ token: Math.imul(i, 0x9e37_79b1) >>> 0, version: 1 as const, server: 1 + (i % servers) },
  }));
  balancer.importTokens(entries);
  for (let client = 0; client < clients; client++) {
    const { token } = entries[client]!;
    const bytes = [token >>> 24, (token >>> 16) & 255, (token >>> 8) & 255, token & 255];
    balancer.run(segment(client, 2, [30, 12, 0x10, 1, ...bytes, 0, 0, 0, 9]), ports);
    balancer.run(acknowledgement(client), ports);
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
