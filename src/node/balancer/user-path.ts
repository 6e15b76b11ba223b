/**
 * The data path in user space: threads that take packets of services from rings shared with the kernel (linux/packet-ring), decide with
 * a `Balancer` each, and send them on to servers. All seven designs work here. Owns the threads, the rings and the programs that feed
 * them; the threads share nothing but tokens. What belongs to one flow, errors about it included, meets one thread.
 *
 * A thread that dies takes its flows with it, and others cannot know them: then the whole path ends, and says so.
 */
import { closeSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DataPathCounters,
  defaultJoinPortBase,
  type Generation,
  generationToJson,
  ServerSet,
  Services,
  snapshotToJson,
  type TokenEntry,
  verdictReasonNames,
} from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import {
  eventDescriptor,
  inside,
  interfaceFacts,
  type InterfaceFacts,
  maxSocketsEach,
  type NetworkNamespace,
  NextHops,
  PacketRings,
  type PortPlan,
  SocketProgram,
  SystemError,
} from '../../linux/index.js';
import type { IpAddress } from '../../wire/index.js';
import { type DataPath, type DataPathOptions, maxPathInterfaces } from './data-path.js';
import type { WayPlan } from './packet-mover.js';
import { tokenMemory, TokenExchange } from './token-exchange.js';
import type { WorkerSetup } from './user-path-messages.js';
import { UserPathThread } from './user-path-thread.js';
import { otherCountNames, WorkerCounts } from './worker-counts.js';

/** How to make one. */
export interface UserPathOptions extends DataPathOptions {
  /** Where the interfaces are; that of the calling thread by default. */
  readonly namespace?: NetworkNamespace;
  /** Refusals answered by a reset, and packets that are too long answered by an ICMP error; default 1000 of either, 0 for none. */
  readonly answersPerSecond?: number;
}

const defaultAnswersPerSecond = 1000;
/** How long the beginning, and a new list of servers, waits for neighbours that do not answer. */
const neighbourWaitMs = 500;
const neighbourPollMs = 10;
/** How long to wait for a queue that was in use until not long ago. */
const busyWaitMs = 2000;
const busyPollMs = 50;

/** Makes the data path in user space; see {@link DataPathOptions} and {@link DataPath}. */
export async function userPath(options: UserPathOptions): Promise<DataPath> {
  const path = new UserPath(options);
  try {
    await path.begin();
  } catch (error) {
    await path.close();
    throw error;
  }
  return path;
}

class UserPath implements DataPath {
  readonly kind = 'user';
  readonly failed: Promise<Error>;
  private readonly options: UserPathOptions;
  private readonly services: Services;
  private readonly workers: number;
  private readonly hops: NextHops;
  private readonly threads: UserPathThread[] = [];
  private readonly programs: SocketProgram[] = [];
  private readonly counts: WorkerCounts[] = [];
  private readonly tokens: SharedArrayBuffer;
  private readonly exchange: TokenExchange;
  private rings: PacketRings | undefined;
  private servers: ServerSet;
  private tokensImported = 0;
  private closing: Promise<void> | undefined;
  private fail: (error: Error) => void = () => undefined;

  constructor(options: UserPathOptions) {
    const { services, joinPortBase, start, namespace } = options;
    this.options = options;
    this.services = new Services(services, joinPortBase ?? defaultJoinPortBase);
    this.servers = new ServerSet(start.generation.servers);
    this.workers = options.workers ?? Math.max(1, availableParallelism() - 1);
    checkOptions(options, this.workers);
    this.tokens = tokenMemory(this.workers + 1);
    this.exchange = new TokenExchange(this.tokens, this.workers);
    this.failed = new Promise((resolve) => (this.fail = resolve));
    this.hops = new NextHops({
      ...(namespace !== undefined && { namespace }),
      onChange: () => this.changeWays(),
    });
  }

  /** Everything that may fail; {@link close} takes back what was done. */
  async begin(): Promise<void> {
    const { options, workers } = this;
    const interfaces = inside(this.options.namespace, () =>
      options.interfaces.map((name) => interfaceFacts(name)),
    );
    await this.meetNeighbours(this.servers);
    const source = options.source ?? (await this.ownAddress());
    this.rings = await this.openRings(interfaces);
    const { ways } = this.findWays();
    for (let member = 0; member < workers; member++) this.startThread(member, source, ways);
    await Promise.all(this.threads.map((thread) => thread.ready));
    for (const { index, name } of interfaces) this.attach(name, this.rings.receivers(index));
  }

  private startThread(member: number, source: IpAddress, ways: readonly WayPlan[]): void {
    const { options, workers } = this;
    const counts = new WorkerCounts();
    this.counts.push(counts);
    const setup: Omit<WorkerSetup, 'wakeFd' | 'mail'> = {
      ...{ design: options.design, joinPortBase: options.joinPortBase, settings: options.settings ?? {} },
      services: options.services.map(({ address, port }) => ({ address: address.toString(), port })),
      ...{ start: snapshotToJson(options.start), source: source.toString(), rings: this.rings!.plan(member) },
      answersPerSecond: (options.answersPerSecond ?? defaultAnswersPerSecond) / workers,
      ...{ ways, counts: counts.memory, tokens: this.tokens, member },
    };
    const wakeFd = eventDescriptor();
    const thread = new UserPathThread(
      { setup, wakeFd, wake: () => writeSync(wakeFd, wakeWord), release: () => closeSync(wakeFd) },
      (error) => void this.end(error),
    );
    this.threads.push(thread);
  }

  private attach(device: string, sockets: readonly number[]): void {
    const { services, workers } = this;
    const mode = this.options.mode ?? 'auto';
    this.programs.push(
      inside(this.options.namespace, () => new SocketProgram({ device, mode, services, sockets, workers })),
    );
  }

  /** The kernel lets go of a queue some time after the last socket there was closed. */
  private async openRings(interfaces: readonly InterfaceFacts[]): Promise<PacketRings> {
    const { workers } = this;
    for (let waitedMs = 0; ; waitedMs += busyPollMs) {
      try {
        return inside(this.options.namespace, () => new PacketRings({ interfaces, workers }));
      } catch (error) {
        const isBusy = error instanceof SystemError && error.code === 'EBUSY';
        if (!isBusy || waitedMs >= busyWaitMs) throw error;
      }
      await sleep(busyPollMs);
    }
  }

  private async ownAddress(): Promise<IpAddress> {
    const first = this.servers.all[0];
    if (first === undefined) {
      throw new SubflowError('ERR_SUBFLOW_NO_SERVER', 'there is no server to tell the source address by', {
        hint: 'Name the address that encapsulated packets come from (source), or a server.',
      });
    }
    return (await this.hops.resolve(first.address)).source;
  }

  async apply(generation: Generation): Promise<void> {
    this.checkOpen();
    const servers = new ServerSet(generation.servers);
    const before = this.servers;
    await this.meetNeighbours(servers);
    this.changeWays();
    const json = generationToJson(generation);
    try {
      // What one refuses all would: the first to take it shows that the others can.
      const [first, ...others] = this.threads;
      await first!.apply(json);
      await Promise.all(others.map((thread) => thread.apply(json)));
    } catch (error) {
      this.servers = before;
      this.hops.follow(before.all.map(({ address }) => address));
      this.changeWays();
      throw error;
    }
  }

  /** Has the kernel look for the servers' neighbours. One that does not answer in time has no way for now. */
  private async meetNeighbours(servers: ServerSet): Promise<void> {
    this.servers = servers;
    const hosts = servers.all.map(({ address }) => address);
    this.hops.follow(hosts);
    for (let waitedMs = 0; waitedMs < neighbourWaitMs; waitedMs += neighbourPollMs) {
      if (hosts.every((host) => this.hops.hopTo(host) !== undefined)) return;
      await sleep(neighbourPollMs);
    }
  }

  /** The ways to all servers, and for each thread the ports that it needs for them and had not before. */
  private findWays(): { readonly ways: WayPlan[]; readonly ports: readonly PortPlan[][] } {
    const ports = Array.from({ length: this.workers }, (): PortPlan[] => []);
    const ways: WayPlan[] = [];
    const known = new Map<number, InterfaceFacts>();
    for (const { id, address } of this.servers.all) {
      const hop = this.hops.hopTo(address);
      if (hop === undefined) continue;
      const { interfaceIndex, ownHop, nextHop } = hop;
      try {
        const facts =
          known.get(interfaceIndex) ?? inside(this.options.namespace, () => interfaceFacts(interfaceIndex));
        known.set(interfaceIndex, facts);
        inside(this.options.namespace, () => this.rings!.openSending(facts))?.forEach((port, i) =>
          ports[i]!.push(port),
        );
        const { mtu } = facts;
        ways.push({ server: id, address: address.toString(), interfaceIndex, mtu, ownHop, nextHop });
      } catch (error) {
        // The interface is gone again, or taken by another program: its servers are out of reach until that changes.
        if (!(error instanceof SystemError)) throw error;
      }
    }
    return { ways, ports };
  }

  private changeWays(): void {
    if (this.closing !== undefined || this.rings === undefined) return;
    const { ways, ports } = this.findWays();
    this.threads.forEach((thread, i) => thread.order({ type: 'ways', ports: ports[i]!, ways }));
  }

  counters(): Promise<DataPathCounters> {
    const { counts } = this;
    const sum = (of: (each: WorkerCounts) => number): number =>
      counts.reduce((total, each) => total + of(each), 0);
    const more: Record<string, number> = {};
    for (const name of otherCountNames) more[name] = sum((each) => each.get(name));
    more['tokensLearned']! += this.tokensImported;
    if (this.closing === undefined) {
      const { dropped, ringFull, noFrame } = this.rings!.statistics();
      more['receiveQueueFull'] = ringFull + noFrame;
      more['tooLongToReceive'] = Math.max(0, dropped - noFrame);
    }
    const reasons = counts.map((each) => each.reasons);
    return Promise.resolve({
      reasons: Object.fromEntries(
        verdictReasonNames.map((name, i) => [name, reasons.reduce((total, each) => total + each[i]!, 0)]),
      ),
      ...{ joins: sum((each) => each.get('joins')), joinsByChance: sum((each) => each.get('joinsByChance')) },
      misSteersAvoided: sum((each) => each.get('misSteersAvoided')),
      more,
      forwardedByServer: Object.fromEntries(
        this.servers.all.map(({ id }) => [id, sum((each) => each.forwardedTo(id))]),
      ),
      subflowsByServer: Object.fromEntries(
        this.servers.all.map(({ id }) => [id, sum((each) => each.subflowsAt(id))]),
      ),
      ...{ entries: sum((each) => each.get('entries')), tableBytes: sum((each) => each.get('tableBytes')) },
    });
  }

  takeLearnedTokens(): Promise<readonly TokenEntry[]> {
    return Promise.resolve(this.exchange.take());
  }

  importTokens(entries: readonly TokenEntry[]): Promise<void> {
    for (const entry of entries) this.exchange.write(entry);
    this.tokensImported += entries.length;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return (this.closing ??= this.letGo());
  }

  /** Packets first, then the threads, and the memory that they use last. */
  private async letGo(): Promise<void> {
    this.hops.close();
    for (const program of this.programs) program.close();
    await Promise.all(this.threads.map((thread) => thread.close()));
    this.rings?.close();
  }

  private async end(error: Error): Promise<void> {
    if (this.closing !== undefined) return;
    await this.close();
    this.fail(error);
  }

  private checkOpen(): void {
    if (this.closing !== undefined) throw new SubflowError('ERR_SUBFLOW_CLOSED', 'the data path is closed');
  }
}

/** What an eventfd takes. */
const wakeWord = new Uint8Array(new BigUint64Array([1n]).buffer);

function checkOptions({ interfaces, answersPerSecond = 0 }: UserPathOptions, workers: number): void {
  if (interfaces.length < 1 || interfaces.length > maxPathInterfaces)
    throw bad(`a data path has 1 to ${maxPathInterfaces} interfaces, not ${interfaces.length}`);
  if (!Number.isInteger(workers) || workers < 1 || workers > maxSocketsEach)
    throw bad(`a data path has 1 to ${maxSocketsEach} workers, not ${workers}`);
  if (!(answersPerSecond >= 0)) throw bad(`${answersPerSecond} answers a second cannot be`);
}

function bad(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_SETTING', message);
}
