/**
 * A phone with its two links, a server, and a conversation between them while the phone walks. The phone connects over Wi-Fi
 * while it is associated, over the cellular link otherwise, and again when its connection ends. In virtual time: the same
 * setup gives the same outcome.
 */

import { NEVER, SubflowError } from '../../base/index.js';
import {
  type Application,
  type Link,
  pathAddress,
  type Side,
  Simulator,
  twoHosts,
  type TwoHosts,
} from '../../network/index.js';
import { type Socket, Stack, type StackEvent } from '../../stack/index.js';
import { defaultTcpSettings } from '../../tcp/index.js';
import { Answerer, Asker, type Exchange, type ExchangePlan } from './exchange.js';
import { applyStep, type CarrierNews, type PhoneLinks, phonePath, phonePaths } from './phone.js';
import { tellFacts } from './link-facts.js';
import type { PhoneVariant } from './variants.js';
import type { WifiStep } from './wifi.js';

/** The port that the server listens on. */
const port = 45_100;
/** Events after which a world goes in circles. */
const maxEvents = 20_000_000;

/** Nothing waits for more: an application that exchanges small messages sees to that (TCP_NODELAY). */
const tcp = { ...defaultTcpSettings, nagle: false };

/** A conversation on a walk. */
export interface PhoneSetup {
  readonly seed: number;
  readonly links: PhoneLinks;
  readonly steps: readonly WifiStep[];
  readonly news: CarrierNews;
  readonly variant: PhoneVariant;
  /** Who asks; the phone always connects. */
  readonly asks: Side;
  readonly plan: ExchangePlan;
  /** Whether the phone ends its connection, to begin anew, when a request has taken too long. */
  readonly endsWhenLate: boolean;
  /** Requests after which the phone, when it asks, ends its connection and begins another. */
  readonly requestsPerConnection: number;
  /** When the phone connects first, in ns. */
  readonly connectAtNs: number;
  /** When the world ends, in ns. */
  readonly untilNs: number;
}

/** How it went. */
export interface PhoneOutcome {
  readonly exchanges: readonly Exchange[];
  /** Connections that the phone began. */
  readonly connections: number;
  /** Bytes of IP packets that each link delivered, both ways together. */
  readonly cellularBytes: number;
  readonly wifiBytes: number;
}

/** Runs a conversation to its end. */
export function runPhone(setup: PhoneSetup): PhoneOutcome {
  return new PhoneWorld(setup).run();
}

class PhoneWorld {
  private readonly setup: PhoneSetup;
  private readonly simulator: Simulator;
  private readonly hosts: TwoHosts;
  private readonly asker: Asker;
  private readonly phone: PhoneApplication;
  private isAssociated = true;

  constructor(setup: PhoneSetup) {
    this.setup = setup;
    this.simulator = new Simulator(setup.seed);
    const stack = (side: Side): Stack =>
      new Stack({ random: this.simulator.random.fork(), settings: { tcp, mptcp: setup.variant[side] } });
    this.hosts = twoHosts(this.simulator, {
      client: stack('client'),
      server: stack('server'),
      paths: phonePaths(setup.links),
    });
    this.asker = new Asker(setup.plan);
    const { client, server } = this.hosts;
    const isAsked = setup.asks === 'server';
    this.phone = new PhoneApplication(isAsked ? new Answerer(setup.plan) : this.asker, {
      connect: (now) => this.connect(now),
      endsWhenLate: setup.endsWhenLate,
      requestsPerConnection: setup.requestsPerConnection,
    });
    server.stack.listen(0, { local: { port } });
    server.run(0, new ServerApplication(isAsked ? this.asker : setup.plan));
    client.run(0, this.phone);
    for (const step of setup.steps) this.simulator.at(step.atNs, (now) => this.take(now, step));
    this.simulator.at(setup.connectAtNs, (now) => {
      this.phone.open(now);
      client.wake(now);
    });
  }

  run(): PhoneOutcome {
    this.simulator.run({ until: this.setup.untilNs, maxEvents });
    const bytes = ({ forward, backward }: Link): number =>
      forward.counters.deliveredBytes + backward.counters.deliveredBytes;
    return {
      exchanges: this.asker.exchanges,
      connections: this.phone.connections,
      cellularBytes: bytes(this.hosts.links[phonePath.cellular]!),
      wifiBytes: bytes(this.hosts.links[phonePath.wifi]!),
    };
  }

  /** The phone is one step further. */
  private take(now: number, step: WifiStep): void {
    const { setup, hosts, simulator } = this;
    const isLost = this.isAssociated && !step.isAssociated;
    this.isAssociated = step.isAssociated;
    applyStep(now, hosts.links[phonePath.wifi]!, step, setup.links, setup.news);
    tellFacts(now, hosts.client, step, setup.news);
    if (isLost && setup.news === 'known') this.phone.handleLoss(now, phonePath.wifi);
    hosts.client.wake(now);
    if (this.asker.isDone) simulator.stop();
  }

  private connect(now: number): Socket | undefined {
    const { client } = this.hosts;
    const wifi = client.stack.interfaces[phonePath.wifi]!;
    const from = wifi.isInService ? phonePath.wifi : phonePath.cellular;
    try {
      return client.stack.connect(now, {
        remote: { address: pathAddress(phonePath.cellular, 'server', 4), port },
        local: { address: pathAddress(from, 'client', 4) },
      });
    } catch (error) {
      if (error instanceof SubflowError) return undefined;
      throw error;
    }
  }
}

/** What the phone's end of a conversation does of its own accord. */
interface PhoneHabits {
  /** Begins a connection over the best link; undefined where there is none. */
  readonly connect: (now: number) => Socket | undefined;
  readonly endsWhenLate: boolean;
  readonly requestsPerConnection: number;
}

/** The phone: asks or answers on a connection that it begins again whenever it has ended. */
class PhoneApplication implements Application {
  connections = 0;
  private readonly part: Asker | Answerer;
  private readonly habits: PhoneHabits;
  private socket: Socket | undefined = undefined;
  /** Requests that had begun when the connection did. */
  private begunBefore = 0;

  constructor(part: Asker | Answerer, habits: PhoneHabits) {
    this.part = part;
    this.habits = habits;
  }

  /** Connects, unless a request was there first. */
  open(now: number): void {
    if (this.socket === undefined) this.begin(now);
  }

  private begin(now: number): void {
    this.socket = this.habits.connect(now);
    if (this.part instanceof Asker) this.begunBefore = this.part.exchanges.length;
    if (this.socket !== undefined) this.connections++;
  }

  /** An interface went down, at `now`: the system ends what ran over it and has no other path. */
  handleLoss(now: number, path: number): void {
    const { socket } = this;
    if (socket === undefined || socket.state === 'closed') return;
    if (socket.state === 'open' && !socket.connection.isFallback) return;
    if (!socket.local.address.equals(pathAddress(path, 'client', 4))) return;
    socket.abort(now);
    this.renew(now);
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable' || event.socket !== this.socket) return;
    this.part.take(now, drain(now, event.socket));
    if (event.type === 'closed' || event.type === 'peer-closed') this.renew(now);
  }

  pollTimeout(): number {
    return this.part.pollTimeout();
  }

  handleTimeout(now: number): void {
    if (this.part instanceof Answerer) {
      if (this.socket !== undefined) this.part.handleTimeout(now, this.socket);
      return;
    }
    if (this.socket === undefined || this.isUsedUp(this.part)) this.beginAnew(now);
    const isLate = this.part.handleTimeout(now, this.socket);
    if (!isLate || !this.habits.endsWhenLate) return;
    this.socket?.abort(now);
    this.renew(now);
  }

  /** Whether the connection has carried what it is to carry. */
  private isUsedUp({ exchanges, isIdle }: Asker): boolean {
    return isIdle && exchanges.length - this.begunBefore >= this.habits.requestsPerConnection;
  }

  private beginAnew(now: number): void {
    this.socket?.close(now);
    this.begin(now);
  }

  private renew(now: number): void {
    if (this.part instanceof Asker) this.part.cutOff();
    this.begin(now);
  }
}

/** The server: answers on each connection, or asks on the last one. */
class ServerApplication implements Application {
  private readonly asker: Asker | undefined;
  private readonly plan: ExchangePlan | undefined;
  private readonly answerers = new Map<Socket, Answerer>();
  private last: Socket | undefined = undefined;

  /** Asks, or answers by a plan. */
  constructor(part: Asker | ExchangePlan) {
    this.asker = part instanceof Asker ? part : undefined;
    this.plan = part instanceof Asker ? undefined : part;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      for (let socket = event.listener.accept(); socket !== undefined; socket = event.listener.accept())
        this.accept(now, socket);
      return;
    }
    const { socket } = event;
    const bytes = drain(now, socket);
    if (this.asker === undefined) this.answerers.get(socket)?.take(now, bytes);
    else if (socket === this.last) this.asker.take(now, bytes);
    if (event.type === 'peer-closed') socket.close(now);
    if (event.type === 'closed') this.forget(socket);
  }

  pollTimeout(): number {
    let at = this.asker?.pollTimeout() ?? NEVER;
    for (const answerer of this.answerers.values()) at = Math.min(at, answerer.pollTimeout());
    return at;
  }

  handleTimeout(now: number): void {
    this.asker?.handleTimeout(now, this.last);
    for (const [socket, answerer] of this.answerers) answerer.handleTimeout(now, socket);
  }

  private accept(now: number, socket: Socket): void {
    if (this.plan !== undefined) this.answerers.set(socket, new Answerer(this.plan));
    else this.asker!.cutOff();
    this.last = socket;
    const bytes = drain(now, socket);
    this.answerers.get(socket)?.take(now, bytes);
  }

  private forget(socket: Socket): void {
    this.answerers.delete(socket);
    if (this.last !== socket) return;
    this.asker?.cutOff();
    this.last = undefined;
  }
}

/** Reads all there is; gives how many bytes that was. */
function drain(now: number, socket: Socket): number {
  let sum = 0;
  for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) sum += bytes.length;
  return sum;
}
