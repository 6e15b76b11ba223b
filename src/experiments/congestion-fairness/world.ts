/**
 * Many users, each a pair of hosts of their own, whose paths share bottlenecks: what experiments with fairness need.
 * Everybody sends without end; what is measured is what was acknowledged, by user and by path, at chosen instants.
 */

import { NEVER, randomUnit, SECOND } from '../../base/index.js';
import { defaultMptcpSettings } from '../../mptcp/index.js';
import {
  type Application,
  type Device,
  type Host,
  pathAddress,
  SharedBottleneck,
  Simulator,
  twoHosts,
} from '../../network/index.js';
import { type Socket, Stack, type StackEvent } from '../../stack/index.js';
import { type CongestionFactory, newReno } from '../../tcp/index.js';

const PORT = 80;
/** What a user writes, again and again. */
const chunk = new Uint8Array(64 * 1024);
/** Users do not begin at once, nor with the very same delay, so that they do not march in step. */
const START_SPREAD_NS = SECOND;
const DELAY_SPREAD = 0.1;
/** Each packet takes up to so much longer at a bottleneck, as at a host that has other things to do. */
const JITTER_NS = 200_000;

/** A bottleneck. */
export interface Pipe {
  readonly rateBps: number;
  readonly queueBytes: number;
}

/** Users who are all alike. */
export interface UserGroup {
  readonly name: string;
  readonly count: number;
  /** For each path the bottlenecks that it goes through, in order. With one path a user has plain TCP. */
  readonly paths: readonly (readonly number[])[];
  /** Default: New Reno. */
  readonly congestion?: CongestionFactory;
  /** When they begin, and when they stop, in ns. Default: at once, and never. */
  readonly fromNs?: number;
  readonly toNs?: number;
}

export interface FairnessSetup {
  readonly seed: number;
  readonly pipes: readonly Pipe[];
  readonly groups: readonly UserGroup[];
  /** One-way delay of every path, ns. */
  readonly delayNs: number;
}

/** Somebody who writes as much as goes. */
class Source implements Application {
  socket: Socket | undefined = undefined;

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'established' || event.type === 'writable') this.pour(now);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing is timed.
  }

  /** Bytes acknowledged on path `index`. */
  ackedBytes(index: number): number {
    let bytes = 0;
    for (const { local, tcp } of this.socket?.connection.subflows ?? []) {
      if (local.address.equals(pathAddress(index, 'client', 4))) bytes += tcp.statistics.bytesAcked;
    }
    return bytes;
  }

  private pour(now: number): void {
    while (this.socket?.state === 'open' && this.socket.write(now, chunk)) continue;
  }
}

/** Somebody who reads it all. */
class Sink implements Application {
  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      const socket = event.listener.accept();
      if (socket !== undefined) drain(now, socket);
    } else if (event.type === 'readable') drain(now, event.socket);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing is timed.
  }
}

function drain(now: number, socket: Socket): void {
  while (socket.read(now) !== undefined) continue;
}

/** A user. */
interface User {
  readonly group: UserGroup;
  readonly source: Source;
}

export class FairnessWorld {
  readonly simulator: Simulator;
  readonly bottlenecks: readonly SharedBottleneck[];
  private readonly setup: FairnessSetup;
  private readonly users: User[] = [];

  constructor(setup: FairnessSetup) {
    this.setup = setup;
    this.simulator = new Simulator(setup.seed);
    this.bottlenecks = setup.pipes.map(
      ({ rateBps, queueBytes }) =>
        new SharedBottleneck(this.simulator, { rateBps, queue: { bytes: queueBytes }, jitterNs: JITTER_NS }),
    );
    for (const group of setup.groups) for (let i = 0; i < group.count; i++) this.addUser(group);
  }

  /** Lets time pass up to `atNs`. */
  runUntil(atNs: number): void {
    this.simulator.runUntil(atNs);
  }

  /** Bytes that each user of the group `name` got acknowledged so far, on path `path` or on all. */
  ackedBytes(name: string, path?: number): number[] {
    return this.users
      .filter(({ group }) => group.name === name)
      .map(({ group, source }) => {
        if (path !== undefined) return source.ackedBytes(path);
        return group.paths.reduce((total, _, index) => total + source.ackedBytes(index), 0);
      });
  }

  private addUser(group: UserGroup): void {
    const { simulator } = this;
    const { delayNs } = this.setup;
    const settings = {
      congestion: group.congestion ?? newReno,
      mptcp: { ...defaultMptcpSettings, enabled: group.paths.length > 1 },
    };
    const delay = delayNs * (1 + DELAY_SPREAD * randomUnit(simulator.random));
    const { client, server } = twoHosts(simulator, {
      client: new Stack({ random: simulator.random.fork(), settings }),
      server: new Stack({ random: simulator.random.fork(), settings }),
      paths: group.paths.map((pipes) => ({
        both: { delayNs: delay },
        wrap: (device, side) => (side === 'client' ? this.through(pipes, device) : device),
      })),
    });
    const source = new Source();
    server.stack.listen(0, { local: { port: PORT } });
    server.run(0, new Sink());
    client.run(0, source);
    this.users.push({ group, source });
    const fromNs = (group.fromNs ?? 0) + START_SPREAD_NS * randomUnit(simulator.random);
    simulator.at(fromNs, (now) => this.begin(now, client, source));
    if (group.toNs !== undefined) {
      simulator.at(group.toNs, (now) => {
        source.socket?.abort(now);
        client.wake(now);
      });
    }
  }

  private begin(now: number, client: Host, source: Source): void {
    source.socket = client.stack.connect(now, {
      remote: { address: pathAddress(0, 'server', 4), port: PORT },
    });
    client.wake(now);
  }

  /** A device that sends through the bottlenecks `pipes`, the first of them first. */
  private through(pipes: readonly number[], device: Device): Device {
    return pipes.reduceRight((next, pipe) => this.bottlenecks[pipe]!.before(next), device);
  }
}
