/**
 * The world that most experiments need: two hosts, some paths between them, boxes on the paths, things that happen, and
 * one connection that carries so many bytes each way. In virtual time: the same setup gives the same outcome.
 */

import { MINUTE, type RandomSource } from '../base/index.js';
import type { PcapngWriter } from '../capture/index.js';
import type { Subflow } from '../mptcp/index.js';
import {
  CaptureObserver,
  type Device,
  type Link,
  type Middlebox,
  MiddleboxDevice,
  pathAddress,
  type PathSetup,
  Pattern,
  type Side,
  Simulator,
  TapDevice,
  twoHosts,
  type TwoHosts,
} from '../network/index.js';
import { Stack, type StackConnectOptions, type StackSettings } from '../stack/index.js';
import { type SideOutcome, TransferSide } from './transfer-side.js';

/** The port that the server listens on. */
export const TRANSFER_PORT = 45_000;
/** Events after which a world goes in circles. */
const maxEvents = 20_000_000;

/** One path. Path 0 is the one that the connection begins on; see `pathAddress` for the addresses. */
export interface TransferPath extends PathSetup {
  /** What tables and legends call it. */
  readonly name: string;
  /**
   * Whether a server on the kernel announces its address of this path; one of ours announces none. Default true, but for path
   * 0.
   */
  readonly isAnnounced?: boolean;
  /** Makes the box that stands before the client's device; `outward` is from client to server. */
  readonly box?: (simulator: Simulator) => Middlebox;
}

/** Something that happens to the links: one dies, slows down, comes up. */
export interface Incident {
  /** When, in ns from the beginning. */
  readonly atNs: number;
  readonly act: (now: number, links: readonly Link[]) => void;
}

/** A transfer. */
export interface TransferSetup {
  readonly seed: number;
  readonly paths: readonly TransferPath[];
  /** Settings of each host; what is left out is the default. */
  readonly client?: Partial<StackSettings>;
  readonly server?: Partial<StackSettings>;
  /** Bytes from client to server. Default 0. */
  readonly uploadBytes?: number;
  /** Bytes from server to client. Default 0. */
  readonly downloadBytes?: number;
  /** Rate in bit/s at which either side's bytes come up; all are there from the beginning when left out. */
  readonly writeBps?: number;
  readonly incidents?: readonly Incident[];
  /** How the client connects: see `Stack.connect`. */
  readonly connect?: Pick<StackConnectOptions, 'robust' | 'fastOpen'>;
  /** When the client connects, in ns. Default 0. */
  readonly connectAtNs?: number;
  /** Where the keys, nonces and numbers of a host come from; from the seed when left out. */
  readonly random?: Partial<Record<Side, RandomSource>>;
  /** When the world ends, in ns, whatever the state of things. Default: 10 minutes. */
  readonly untilNs?: number;
  /** Receives the packets at both hosts. */
  readonly capture?: PcapngWriter;
}

/** How a transfer went. */
export interface TransferOutcome {
  readonly client: SideOutcome;
  readonly server: SideOutcome;
  /** Bytes of IP packets that each path delivered, both ways together. */
  readonly pathBytes: readonly number[];
  /** When it was over for both ends, in ns; the end of the world if it never was. */
  readonly endedAtNs: number;
  /** What the clock that boxes and observers are given showed when the transfer began, in ns: 0 in virtual time. */
  readonly clockAtBeginNs: number;
}

/** The hosts and links of a transfer, for experiments that meddle while it runs. */
export class TransferWorld {
  readonly simulator: Simulator;
  readonly hosts: TwoHosts;
  readonly client: TransferSide;
  readonly server: TransferSide;
  private readonly setup: TransferSetup;

  constructor(setup: TransferSetup) {
    this.setup = setup;
    this.simulator = new Simulator(setup.seed);
    const stack = (side: Side): Stack => {
      const random = this.simulator.random.fork();
      return new Stack({ random: setup.random?.[side] ?? random, settings: setup[side] ?? {} });
    };
    this.hosts = twoHosts(this.simulator, {
      client: stack('client'),
      server: stack('server'),
      paths: setup.paths.map((path, index) => this.pathSetup(path, index)),
    });
    const { uploadBytes = 0, downloadBytes = 0, seed } = setup;
    const up = { pattern: new Pattern(2 * seed), bytes: uploadBytes };
    const down = { pattern: new Pattern(2 * seed + 1), bytes: downloadBytes };
    this.client = this.makeSide('client', up, down);
    this.server = this.makeSide('server', down, up);
    this.start();
  }

  get links(): readonly Link[] {
    return this.hosts.links;
  }

  /** Lets everything happen up to `untilNs`, or until both ends are done. */
  run(untilNs = this.setup.untilNs ?? 10 * MINUTE): TransferOutcome {
    this.simulator.run({ until: untilNs, maxEvents });
    return this.outcome();
  }

  /** How it stands. */
  outcome(): TransferOutcome {
    return {
      client: this.client.outcome(),
      server: this.server.outcome(),
      pathBytes: this.links.map(
        ({ forward, backward }) => forward.counters.deliveredBytes + backward.counters.deliveredBytes,
      ),
      ...{ endedAtNs: this.simulator.now, clockAtBeginNs: 0 },
    };
  }

  private makeSide(side: Side, writes: Stream, reads: Stream): TransferSide {
    return new TransferSide({
      ...{ writes: writes.pattern, writeBytes: writes.bytes, reads: reads.pattern, readBytes: reads.bytes },
      writeBps: this.setup.writeBps,
      pathOf: (subflow) => this.pathOf(subflow, side),
    });
  }

  private pathOf({ local }: Subflow, side: Side): number {
    return this.hosts[side].stack.interfaces.findIndex(({ addresses }) =>
      addresses.some(({ address }) => address.equals(local.address)),
    );
  }

  private pathSetup(path: TransferPath, index: number): PathSetup {
    const wrap = (device: Device, side: Side): Device => {
      let wrapped = path.wrap?.(device, side) ?? device;
      if (side === 'client' && path.box !== undefined) {
        wrapped = new MiddleboxDevice(this.simulator, path.box(this.simulator), wrapped);
      }
      const { capture } = this.setup;
      if (capture === undefined) return wrapped;
      return new TapDevice(wrapped, [new CaptureObserver(capture, { name: `${side}/path${index}` })]);
    };
    return { ...path, wrap };
  }

  private start(): void {
    const { client, server } = this.hosts;
    const { connect, connectAtNs = 0, incidents = [], paths } = this.setup;
    server.stack.listen(0, { local: { port: TRANSFER_PORT } });
    server.run(0, this.server);
    client.run(0, this.client);
    for (const { atNs, act } of incidents) this.simulator.at(atNs, (now) => act(now, this.links));
    this.simulator.at(connectAtNs, (now) => {
      const address = pathAddress(0, 'server', paths[0]?.families === 'ipv6' ? 6 : 4);
      this.client.socket = client.stack.connect(now, {
        remote: { address, port: TRANSFER_PORT },
        ...connect,
      });
      client.wake(now);
    });
  }
}

/** What one side writes. */
interface Stream {
  readonly pattern: Pattern;
  readonly bytes: number;
}

/** Runs a transfer to its end. */
export function runTransfer(setup: TransferSetup): TransferOutcome {
  return new TransferWorld(setup).run();
}

/** Longest time in ns without an arrival after `fromNs`; with `toNs` before that, the time from the last one until then counted. */
export function longestGapNs({ arrivals }: SideOutcome, fromNs: number, toNs?: number): number {
  let longest = 0;
  let last = fromNs;
  for (const { atNs } of arrivals) {
    if (atNs <= fromNs || (toNs !== undefined && atNs >= toNs)) continue;
    longest = Math.max(longest, atNs - last);
    last = atNs;
  }
  return toNs === undefined ? longest : Math.max(longest, toNs - last);
}
