/**
 * One world: two hosts, the paths between them, what happens to those, and the applications, as a plan says. Runs in
 * virtual time to the very end, with the checkers on, and is judged: every byte delivered once and in order, or a clean
 * error on both sides; nobody waits for ever; nothing is left behind.
 */

import { MINUTE, MILLISECOND, SECOND } from '../../src/base/index.js';
import type { PcapngWriter } from '../../src/capture/index.js';
import {
  defaultMptcpSettings,
  type MptcpSettings,
  schedulerNamed,
  settingsForServiceType,
} from '../../src/mptcp/index.js';
import type { Link } from '../../src/network/index.js';
import {
  CaptureObserver,
  type Device,
  type Middlebox,
  middleboxBehaviour,
  MiddleboxDevice,
  Nat,
  Nat64,
  PacketDigest,
  type PacketObserver,
  pathAddress,
  type PathSetup,
  Pattern,
  type Side,
  Simulator,
  TapDevice,
  twoHosts,
  type TwoHosts,
  type Violation,
  WireChecker,
} from '../../src/network/index.js';
import { type LinkFacts, unknownLink } from '../../src/policy/index.js';
import { type Socket, Stack, type StackEvent } from '../../src/stack/index.js';
import {
  congestionNamed,
  defaultTcpSettings,
  type CongestionFactory,
  type TcpSettings,
} from '../../src/tcp/index.js';
import { IpAddress, type Nat64Prefix } from '../../src/wire/index.js';
import { Attacker } from './attacker.js';
import { CongestionChecker } from './congestion-checker.js';
import { diceFor } from './dice.js';
import type { ConnectionPlan, Incident, PathPlan, StackPlan, WorldPlan } from './draw.js';
import { featuresOf } from './features.js';
import { judge, type WorldFacts } from './judge.js';
import { noPlant, type Plant } from './plant.js';
import { SchedulerChecker } from './scheduler-checker.js';
import { Transfer, TransferApplication } from './transfer.js';

/** Virtual time after which a world that still moves is stuck. */
const deadlineNs = 4 * 60 * MINUTE;
/** Events after which a world goes in circles: the largest ones need some hundred thousand. */
const maxEvents = 3_000_000;
/** Port of the first connection; each has its own. */
export const firstPort = 8000;

/** Somebody who watches a world while it runs, and judges it in the end. */
export interface Watch {
  /** Who stands before the devices of one host, behind the other observers. */
  observer(side: Side): PacketObserver;
  /** The world is about to run, with these connections in the order of the plan. */
  begin(pairs: readonly Pair[]): void;
  /** It is over: what was found. */
  end(): readonly Violation[];
}

/** What else to do while a world runs. */
export interface WorldOptions {
  readonly watch?: Watch;
  /** Receives the packets at both hosts. */
  readonly capture?: PcapngWriter;
  /** Receives a line for each thing that happens. */
  readonly log?: (line: string) => void;
  /** A bug to plant, to see that the checkers find it. */
  readonly plant?: Plant;
  /** Receives the connections when all is over, in the order of the plan. */
  readonly inspect?: (pairs: readonly Pair[]) => void;
}

/** How a world went. */
export interface WorldReport {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Names of what the plan drew beyond paths and transfers. */
  readonly features: readonly string[];
  /** Stands for every packet that either host sent or received. */
  readonly digest: string;
  /** Connections that delivered everything, and those that ended with a clean error or because a side wanted it. */
  readonly completed: number;
  readonly failed: number;
  readonly endedEarly: number;
  /** Connections that had more than one subflow. */
  readonly multipath: number;
  readonly packets: number;
  readonly events: number;
  readonly bytes: number;
  readonly virtualNs: number;
  /** Of the trace analyser's report, what was compared with the truth; undefined where nobody asked for that. */
  readonly traced?: Readonly<Record<string, number>>;
}

/** The two sides of one connection. */
export interface Pair {
  readonly plan: ConnectionPlan;
  readonly client: Transfer;
  readonly server: Transfer;
  /** Most subflows that the client had at once. */
  subflows: number;
}

/** Runs the world of `plan`. */
export function runWorld(plan: WorldPlan, options: WorldOptions = {}): WorldReport {
  const restore = (options.plant ?? noPlant).install();
  try {
    return new World(plan, options).run();
  } finally {
    restore();
  }
}

class World {
  private readonly plan: WorldPlan;
  private readonly options: WorldOptions;
  private readonly simulator: Simulator;
  private readonly digest = new PacketDigest();
  private readonly checkers: Record<Side, WireChecker>;
  private readonly congestion: Record<Side, CongestionChecker>;
  private readonly schedulers = {
    client: new SchedulerChecker('client'),
    server: new SchedulerChecker('server'),
  };
  private readonly stacks: Record<Side, Stack>;
  private readonly attacker: Attacker;
  private readonly nats: (Nat | Nat64 | undefined)[] = [];
  private readonly hosts: TwoHosts;
  private readonly pairs: Pair[];
  private readonly excused = new Set<Pair>();
  private readonly facts: WorldFacts;

  constructor(plan: WorldPlan, options: WorldOptions) {
    this.plan = plan;
    this.options = options;
    this.simulator = new Simulator(plan.seed);
    // Every connection writes the same two streams, so that a wire checker knows what to expect of each host.
    const patterns = { client: new Pattern(2 * plan.seed), server: new Pattern(2 * plan.seed + 1) };
    const checker = (side: Side): WireChecker => new WireChecker({ host: side, pattern: patterns[side] });
    this.checkers = { client: checker('client'), server: checker('server') };
    const stack = (side: Side): Stack =>
      new Stack({
        random: this.simulator.random.fork(),
        settings: stackSettings(plan[side], this.schedulers[side]),
      });
    this.stacks = { client: stack('client'), server: stack('server') };
    this.congestion = {
      client: new CongestionChecker('client', this.stacks.client),
      server: new CongestionChecker('server', this.stacks.server),
    };
    this.attacker = new Attacker(diceFor('attacker', plan.seed));
    this.hosts = twoHosts(this.simulator, {
      ...this.stacks,
      paths: plan.paths.map((path, index) => this.pathSetup(path, index)),
    });
    this.pairs = plan.connections.map((connection) => ({
      plan: connection,
      client: new Transfer(connection.client, patterns.client, patterns.server, connection.server.writeBytes),
      server: new Transfer(connection.server, patterns.server, patterns.client, connection.client.writeBytes),
      subflows: 0,
    }));
    this.facts = { plan, pairs: this.pairs, stacks: this.stacks, excused: this.excused };
  }

  run(): WorldReport {
    const { simulator } = this;
    this.options.watch?.begin(this.pairs);
    this.listen();
    this.connect();
    this.plan.paths.forEach((path, index) => {
      if (path.link !== undefined) this.tellLink(0, index, path.link);
      for (const incident of path.incidents) {
        simulator.at(incident.at, (now) => this.happen(now, index, incident));
      }
    });
    this.attack();
    const outcome = simulator.run({ until: deadlineNs, maxEvents });
    this.options.inspect?.(this.pairs);
    return this.report(judge(this.facts, outcome, simulator.now));
  }

  /** Lets the attacker shoot, at either host in turn; its packets come from nowhere and pass no observer. */
  private attack(): void {
    const { packets, intervalNs } = this.plan.attack ?? { packets: 0, intervalNs: 0 };
    for (let shot = 0; shot < packets; shot++) {
      const side = shot % 2 === 0 ? 'client' : 'server';
      const { stack } = this.hosts[side];
      this.simulator.at((1 + shot) * intervalNs, (now) => {
        const packet = this.attacker.shoot(stack);
        if (packet !== undefined) this.hosts[side].receive(now, 0, packet);
        this.attacker.inspect(now, side, stack);
      });
    }
  }

  private listen(): void {
    const { server } = this.hosts;
    const byPort = new Map<number, Pair>();
    this.pairs.forEach((pair, index) => {
      byPort.set(firstPort + index, pair);
      const { fastOpen } = this.plan;
      server.stack.listen(0, {
        local: { port: firstPort + index },
        ...(fastOpen !== undefined && { fastOpen }),
      });
    });
    const transfers = this.pairs.map((pair) => pair.server);
    const accept = (now: number, { listener }: Extract<StackEvent, { type: 'acceptable' }>): void => {
      for (let socket = listener.accept(); socket !== undefined; socket = listener.accept()) {
        this.accepted(now, socket, byPort.get(listener.port)!);
      }
    };
    const note = (now: number, event: StackEvent): void => this.note(now, 'server', event);
    server.run(0, new TransferApplication(transfers, note, accept));
  }

  private accepted(now: number, socket: Socket, pair: Pair): void {
    this.options.log?.(`${ms(now)} server accepted on port ${socket.local.port}`);
    // A second one is the ghost of a connection that the client gave up: an old SYN, or a SYN sent twice.
    if (pair.server.connection !== undefined) {
      socket.data = new Transfer(pair.plan.server, new Pattern(0), new Pattern(0), 0);
      socket.abort(now);
      return;
    }
    pair.server.attach(socket);
    pair.server.start(now);
  }

  private connect(): void {
    const { client } = this.hosts;
    const transfers = this.pairs.map((pair) => pair.client);
    client.run(0, new TransferApplication(transfers, (now, event) => this.note(now, 'client', event)));
    this.plan.paths.forEach(({ nat64 }, index) => {
      if (nat64 === undefined) return;
      client.stack.setNat64Prefixes(0, index, [nat64Prefix(nat64.prefixLength)]);
    });
    this.pairs.forEach((pair, index) => {
      this.simulator.at(pair.plan.startAt, (now) => {
        const family = this.plan.paths[0]!.families === 'ipv6' ? 6 : 4;
        const remote = { address: pathAddress(0, 'server', family), port: firstPort + index };
        const local = { address: clientAddress(this.plan.paths[0]!, 0, family) };
        if (!client.stack.interfaces[0]!.isInService) {
          this.excused.add(pair);
          return;
        }
        const { fastOpen, robust } = pair.plan;
        const options = {
          ...{ remote, local },
          ...(fastOpen !== undefined && { fastOpen }),
          ...(robust !== undefined && { robust: { mode: robust } }),
        };
        pair.client.attach(client.stack.connect(now, options));
        if (fastOpen !== undefined) pair.client.writeEarly(now);
        client.wake(now);
      });
    });
  }

  private note(now: number, side: Side, event: StackEvent): void {
    if (event.type === 'path' && side === 'client') {
      const pair = this.pairs.find(({ client }) => client === event.socket.data);
      if (pair !== undefined)
        pair.subflows = Math.max(pair.subflows, event.socket.connection.subflows.length);
    }
    if (this.options.log === undefined) return;
    this.options.log(`${ms(now)} ${side} ${describe(event)}`);
  }

  private happen(now: number, index: number, { kind, value }: Incident): void {
    const link: Link = this.hosts.links[index]!;
    this.options.log?.(`${ms(now)} path ${index}: ${kind} ${value}`);
    if (kind === 'down' || kind === 'blackhole' || kind === 'rebind' || kind === 'no-carrier')
      this.excuse(index);
    if (kind === 'signal') this.tellLink(now, index, { signalDbm: value });
    else if (kind === 'no-carrier' || kind === 'carrier')
      this.tellLink(now, index, { hasCarrier: kind === 'carrier' });
    else if (kind === 'rate') link.configure(now, { rateBps: value });
    else if (kind === 'delay') link.configure(now, { delayNs: value });
    else if (kind === 'rebind') this.forget(index);
    else link.setState(now, kind);
  }

  /** The client learns something of its end of path `index`. */
  private tellLink(now: number, index: number, change: Partial<LinkFacts>): void {
    const { client } = this.hosts;
    const known = client.stack.interfaces[index]!.link.facts;
    client.stack.setLinkFacts(now, index, { ...unknownLink, ...known, ...change });
    client.wake(now);
  }

  /** The translator of path `index` restarts. */
  private forget(index: number): void {
    const nat = this.nats[index];
    if (nat instanceof Nat64) nat.clear();
    else nat?.rebind();
  }

  /** Path `index` is about to fail: connections without a sure way besides it may end with an error. */
  private excuse(index: number): void {
    for (const pair of this.pairs) {
      const { client, server } = pair;
      const isOver = client.isClosed && server.isClosed;
      if (
        !isOver &&
        !(this.hasSureWay(client, 'client', index) && this.hasSureWay(server, 'server', index))
      ) {
        this.excused.add(pair);
      }
    }
  }

  /** Whether a side has a subflow that carries data over a path that never fails. */
  private hasSureWay({ connection }: Transfer, side: Side, failing: number): boolean {
    return (connection?.subflows ?? []).some(({ state, local }) => {
      const path = this.hosts[side].stack.interfaces.findIndex(({ addresses }) =>
        addresses.some(({ address }) => address.equals(local.address)),
      );
      return state === 'active' && path !== failing && path >= 0 && isSure(this.plan.paths[path]!);
    });
  }

  private pathSetup(path: PathPlan, index: number): PathSetup {
    const setup = {
      families: path.families,
      forward: path.forward,
      backward: path.backward,
      checksumOffload: path.checksumOffload,
      maxOffloadBytes: path.maxOffloadBytes,
      backup: path.backup,
      wrap: (device: Device, side: Side) => this.wrap(device, side, index),
    };
    if (path.nat64 !== undefined) {
      this.nats[index] = this.nat64(path, index);
      return { ...setup, clientFamilies: 'ipv6' };
    }
    if (!path.nat) return setup;
    const family = path.families === 'ipv6' ? 6 : 4;
    const random = this.simulator.random.fork();
    this.nats[index] = new Nat({ publicAddresses: [pathAddress(index, 'client', family)], random });
    return { ...setup, clientAddress: clientAddress(path, index, family) };
  }

  private nat64({ nat64, mtu }: PathPlan, index: number): Nat64 {
    const { prefixLength, ...rest } = nat64!;
    const publicAddress = pathAddress(index, 'client', 4);
    const random = this.simulator.random.fork();
    return new Nat64({ ...rest, prefix: nat64Prefix(prefixLength), publicAddress, random, ipv4Mtu: mtu });
  }

  /** From the host outwards: a planted bug, the observers, translators and boxes, the link. */
  private wrap(device: Device, side: Side, index: number): Device {
    const boxed = side === 'client' ? this.boxed(device, index) : device;
    const observers: PacketObserver[] = [this.digest, this.checkers[side], this.attacker];
    // Without SACK a sender can only guess what is in flight (RFC 6582 §3.2), so there is nothing to hold it to.
    if (this.plan.client.sack && this.plan.server.sack) observers.push(this.congestion[side]);
    if (this.options.capture !== undefined) {
      observers.push(new CaptureObserver(this.options.capture, { name: `${side}/path${index}` }));
    }
    if (this.options.watch !== undefined) observers.push(this.options.watch.observer(side));
    const tapped = new TapDevice(boxed, observers);
    const planted = (this.options.plant ?? noPlant).box();
    return planted === undefined ? tapped : new MiddleboxDevice(this.simulator, planted, tapped);
  }

  /** A box takes the place of a translator, but for NAT64, behind which it stands. */
  private boxed(device: Device, index: number): Device {
    const nat = this.nats[index];
    const box = this.box(index);
    const boxes = nat instanceof Nat64 ? [box, nat] : [box ?? nat];
    return boxes.reduce(
      (inner: Device, each) =>
        each === undefined ? inner : new MiddleboxDevice(this.simulator, each, inner),
      device,
    );
  }

  /** The box that the plan has for path `index`, besides a mere translator. */
  private box(index: number): Middlebox | undefined {
    const { box: name, families } = this.plan.paths[index]!;
    if (name === undefined) return undefined;
    const publicAddresses = [pathAddress(index, 'client', families === 'ipv6' ? 6 : 4)];
    return middleboxBehaviour(name).make({ random: this.simulator.random.fork(), publicAddresses });
  }

  private report(found: readonly Violation[]): WorldReport {
    const { pairs, simulator } = this;
    const violations = [
      ...this.checkers.client.violations,
      ...this.checkers.server.violations,
      ...this.congestion.client.violations,
      ...this.congestion.server.violations,
      ...this.schedulers.client.violations,
      ...this.schedulers.server.violations,
      ...this.attacker.violations,
      ...found,
      ...(this.options.watch?.end() ?? []),
    ];
    const isComplete = ({ client, server }: Pair): boolean =>
      client.checker.isComplete && server.checker.isComplete;
    const isEarly = ({ client, server }: Pair): boolean => client.hasLeftEarly || server.hasLeftEarly;
    const completed = pairs.filter(isComplete).length;
    const endedEarly = pairs.filter((pair) => !isComplete(pair) && isEarly(pair)).length;
    return {
      seed: this.plan.seed,
      violations,
      features: featuresOf(this.plan),
      digest: this.digest.toString(),
      completed,
      endedEarly,
      failed: pairs.length - completed - endedEarly,
      multipath: pairs.filter(({ subflows }) => subflows > 1).length,
      packets: this.digest.count,
      events: simulator.eventCount,
      bytes: pairs.reduce(
        (sum, { client, server }) => sum + client.checker.bytesDelivered + server.checker.bytesDelivered,
        0,
      ),
      virtualNs: simulator.now,
    };
  }
}

/** Whether a path works from beginning to end. */
function isSure({ incidents }: PathPlan): boolean {
  return incidents.every(({ kind }) => kind === 'rate' || kind === 'delay' || kind === 'signal');
}

/** A prefix of the network's own (RFC 6052 §2.2). */
function nat64Prefix(length: Nat64Prefix['length']): Nat64Prefix {
  return { prefix: new IpAddress(6, 0x2001_0db8, 0, 0, 0), length };
}

/** The client's own address: behind a translator it is a private one. */
function clientAddress(path: PathPlan, index: number, family: 4 | 6): IpAddress {
  if (path.nat64 !== undefined) return pathAddress(index, 'client', 6);
  const shown = pathAddress(index, 'client', family);
  if (!path.nat) return shown;
  return family === 4
    ? new IpAddress(4, 0, 0, 0, 0xc0a8_0002 + index * 256)
    : new IpAddress(6, 0xfd99_0000, index, 0, 2);
}

/** Settings that end every world in bounded virtual time: nobody waits for ever for a peer that is gone. */
function stackSettings(
  plan: StackPlan,
  schedulers: SchedulerChecker,
): {
  readonly tcp: TcpSettings;
  readonly mptcp: MptcpSettings;
  readonly congestion: CongestionFactory;
} {
  const { sack, timestamps, windowScaling, nagle, delayedAckNs } = plan;
  const { sendBufferBytes, receiveBufferBytes, dataSequenceBits, versions, fastClose } = plan;
  const { opportunisticRetransmission, penalisation } = plan;
  return {
    tcp: {
      ...defaultTcpSettings,
      ...{ sack, timestamps, windowScaling, nagle, delayedAckNs },
      maxRtoNs: 20 * SECOND,
      keepAliveIdleNs: 30 * SECOND,
      keepAliveIntervalNs: 5 * SECOND,
      keepAliveCount: 9,
    },
    mptcp: {
      ...defaultMptcpSettings,
      ...{ sendBufferBytes, receiveBufferBytes, dataSequenceBits },
      ...{ versions, fastClose, opportunisticRetransmission, penalisation },
      ...(plan.serviceType !== undefined && settingsForServiceType(plan.serviceType)),
      scheduler: schedulers.watch(schedulerNamed(plan.scheduler)),
      enabled: plan.multipath && plan.serviceType !== 'none',
      checksum: plan.dataChecksum,
    },
    congestion: congestionNamed(plan.congestion),
  };
}

function ms(now: number): string {
  return `${(now / MILLISECOND).toFixed(3)} ms`;
}

function describe(event: StackEvent): string {
  if (event.type === 'acceptable') return `may accept on port ${event.listener.port}`;
  const socket = `${event.socket.local.port}-${event.socket.remote.port}`;
  if (event.type === 'closed')
    return `${socket} closed ${event.error?.code ?? 'in order'} ${event.error?.message ?? ''}`;
  if (event.type !== 'path') return `${socket} ${event.type}`;
  const { notice } = event;
  const rest = Object.entries(notice)
    .filter(([key]) => key !== 'type')
    .map(([key, value]) => `${key}=${key === 'subflow' ? subflowName(value as never) : String(value)}`);
  return `${socket} ${notice.type} ${rest.join(' ')}`;
}

function subflowName({ id, local, remote }: Socket['connection']['subflows'][number]): string {
  return `${id}(${String(local.address)}:${local.port}-${String(remote.address)}:${remote.port})`;
}
