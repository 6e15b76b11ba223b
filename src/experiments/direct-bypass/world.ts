/** The runs of `direct-bypass`: clients with two addresses, servers behind a balancer with little room, and a way past it. */

import { Balancer, SimulatedBalancer } from '../../balancer/index.js';
import { MILLISECOND, MINUTE, NEVER, SeededRandom } from '../../base/index.js';
import { bypass, signal } from '../../mptcp/index.js';
import { Host, Link, Simulator } from '../../network/index.js';
import { defaultStackSettings, type InterfaceAddress, Stack, type StackSettings } from '../../stack/index.js';
import { IpAddress } from '../../wire/index.js';
import { BulkEnd } from './bulk.js';
import { Crossing } from './crossing.js';

/** Who carries what. */
export const modes = ['carried', 'direct-return', 'announced', 'bypass', 'bypass-version-0'] as const;

/**
 * `carried`: the balancer carries both ways; `direct-return`: servers answer past it; `announced`: servers set flag C and announce
 * their own addresses; `bypass`: they make the first subflow a backup too; `bypass-version-0`: the same with clients of version 0,
 * which know no flag C.
 */
export type BypassMode = (typeof modes)[number];

/** The parameters. */
export interface BypassParameters {
  readonly direction: string;
  readonly servers: number;
  readonly balancerRateBps: number;
  readonly clientRateBps: number;
  readonly delayNs: number;
}

/** One run. */
export interface BypassSetup {
  readonly mode: BypassMode;
  /** Clients that all begin at once. */
  readonly clients: number;
  /** Bytes that each transfers. */
  readonly sizeBytes: number;
  readonly seed: number;
}

/** What came of it. */
export interface BypassRun {
  readonly setup: BypassSetup;
  /** Transfers that were completed. */
  readonly completed: number;
  /** When the last one was, in ns; where not all were, how long they were waited for. */
  readonly durationNs: number;
  /** Joins that came to a server which does not know their token. */
  readonly strayJoins: number;
  /** Bytes of IP packets to and from clients, by bins of {@link binNs}, and those of them that passed the balancer. */
  readonly totalBytes: readonly number[];
  readonly balancedBytes: readonly number[];
}

/** Width of a bin of time, in ns. */
export const binNs = 50 * MILLISECOND;
/** When a run that does not complete ends. */
const patienceNs = 10 * MINUTE;
const serverDelayNs = MILLISECOND;
const servicePort = 80;

const service = ip('192.0.2.80');
const balancerAddress = ip('10.9.255.1');

function ip(text: string): IpAddress {
  return IpAddress.parse(text)!;
}

function ownAddress(id: number): IpAddress {
  return ip(`203.0.113.${id}`);
}

/** Runs one setup. */
export function runBypass(parameters: BypassParameters, setup: BypassSetup): BypassRun {
  return new BypassWorld(parameters, setup).run();
}

class BypassWorld {
  private readonly parameters: BypassParameters;
  private readonly setup: BypassSetup;
  private readonly simulator: Simulator;
  private readonly crossing: Crossing;
  private readonly machine: SimulatedBalancer;
  private readonly servers: Host[] = [];
  private readonly receivers: BulkEnd[] = [];

  constructor(parameters: BypassParameters, setup: BypassSetup) {
    const { servers, balancerRateBps } = parameters;
    this.parameters = parameters;
    this.setup = setup;
    this.simulator = new Simulator(setup.seed);
    const ids = Array.from({ length: servers }, (_, index) => index + 1);
    const balancer = new Balancer(0, {
      design: this.isDirect ? 'direct-address' : 'maglev',
      services: [{ address: service, port: servicePort }],
      servers: ids.map((id) => ({ id, address: ownAddress(id) })),
      random: new SeededRandom(setup.seed + 1),
    });
    this.machine = new SimulatedBalancer(this.simulator, balancer, balancerAddress);
    const both = { rateBps: balancerRateBps, queue: { ns: 50 * MILLISECOND } };
    const link = new Link(this.simulator, { both });
    this.crossing = new Crossing(link.left, binNs);
    for (const id of ids) this.addServer(id);
    const clients = Array.from({ length: setup.clients }, (_, index) => index);
    this.machine.addClients(link.right, clients.flatMap(clientAddresses));
    for (const index of clients) this.addClient(index);
  }

  run(): BypassRun {
    const { simulator, setup, receivers, crossing } = this;
    const isDone = (): boolean =>
      receivers.flatMap(({ connections }) => connections).filter(({ completedAtNs }) => completedAtNs < NEVER)
        .length === setup.clients;
    while (!isDone() && simulator.now < patienceNs) simulator.runUntil(simulator.now + binNs);
    const ends = receivers.flatMap(({ connections }) =>
      connections.map(({ completedAtNs }) => completedAtNs),
    );
    const completed = ends.filter((end) => end < NEVER);
    return {
      setup,
      completed: completed.length,
      durationNs: completed.length === setup.clients ? Math.max(...completed) : simulator.now,
      strayJoins: this.servers.reduce((sum, { stack }) => sum + stack.counters.joinsUnknownToken, 0),
      ...{ totalBytes: crossing.totalBytes, balancedBytes: crossing.balancedBytes },
    };
  }

  private get isDirect(): boolean {
    return this.setup.mode !== 'carried' && this.setup.mode !== 'direct-return';
  }

  private stackOf(seed: number, mptcp: Partial<StackSettings['mptcp']>): Stack {
    const random = new SeededRandom(this.setup.seed * 10_007 + seed);
    return new Stack({ random, settings: { mptcp: { ...defaultStackSettings.mptcp, ...mptcp } } });
  }

  private addServer(id: number): void {
    const { simulator, isDirect, setup, crossing } = this;
    const { mode, sizeBytes } = setup;
    const stack = this.stackOf(id, {
      versions: [1, 0],
      joinInitialAddress: !isDirect,
      pathManager: mode === 'bypass' || mode === 'bypass-version-0' ? bypass : signal,
    });
    const host = new Host(simulator, `server${id}`, stack);
    const [balanced, direct] = [0, 1].map(() => new Link(simulator, { both: { delayNs: serverDelayNs } }));
    this.machine.addServer(balanced!.left, id, ownAddress(id));
    // The direction from the server has a receiver of its own: now it is not the balancer.
    if (mode === 'direct-return') crossing.addReturn(balanced!.left);
    crossing.addServer(direct!.left, ownAddress(id));
    const address = (address: IpAddress, isSignalled: boolean): InterfaceAddress => ({
      ...{ address, prefixLength: 32, subflow: false, signal: isSignalled },
    });
    host.addDevice(0, balanced!.right, { name: 'eth0', addresses: [address(service, false)] });
    host.addDevice(0, direct!.right, { name: 'eth1', addresses: [address(ownAddress(id), isDirect)] });
    const isDownload = this.parameters.direction === 'download';
    const end = isDownload ? new BulkEnd(sizeBytes, 0) : new BulkEnd(0, sizeBytes);
    if (!isDownload) this.receivers.push(end);
    stack.listen(0, { local: { port: servicePort } });
    host.run(0, end);
    this.servers.push(host);
  }

  private addClient(index: number): void {
    const { simulator, setup, parameters, crossing } = this;
    const { sizeBytes, mode } = setup;
    const stack = this.stackOf(1000 + index, { versions: [mode === 'bypass-version-0' ? 0 : 1] });
    const host = new Host(simulator, `client${index}`, stack);
    const both = {
      rateBps: parameters.clientRateBps,
      delayNs: parameters.delayNs,
      queue: { ns: 50 * MILLISECOND },
    };
    clientAddresses(index).forEach((address, path) => {
      const link = new Link(simulator, { both });
      host.addDevice(0, link.left, {
        ...{ name: `path${path}`, metric: path, addresses: [{ address, prefixLength: 32 }] },
      });
      crossing.addClient(link.right, address);
    });
    const isDownload = parameters.direction === 'download';
    const end = isDownload ? new BulkEnd(0, sizeBytes) : new BulkEnd(sizeBytes, 0);
    if (isDownload) this.receivers.push(end);
    host.run(0, end);
    const remote = { address: service, port: servicePort };
    end.add(stack.connect(0, { remote, local: { address: clientAddresses(index)[0]! } }));
    host.wake(0);
  }
}

function clientAddresses(index: number): readonly IpAddress[] {
  return [0, 1].map((path) => ip(`198.51.${100 + path}.${index + 1}`));
}

/** Share of the bytes that passed the balancer, over a whole run. */
export function balancedShare({ totalBytes, balancedBytes }: BypassRun): number {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return sum(balancedBytes) / sum(totalBytes);
}
