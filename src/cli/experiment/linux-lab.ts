/**
 * The machine's own kernel in experiments: a namespace for each host that runs on it, TUN devices in it, and between
 * them the emulated links and boxes of the experiment, in real time.
 */

import { createServer, type Server, Socket } from 'node:net';
import { release } from 'node:os';
import {
  type KernelSides,
  type KernelTrialOutcome,
  type KernelTrialRequest,
  type LinuxLab,
  type ProxyVisit,
  type ProxyVisitRequest,
  type SideOutcome,
  TRANSFER_PORT,
  type TransferOutcome,
  type TransferPath,
  TransferSide,
  type TransferSetup,
} from '../../experiments/index.js';
import { connectKernel, listenKernel, NetworkNamespace, TunDevice } from '../../linux/index.js';
import {
  type Device,
  Host,
  Link,
  MiddleboxDevice,
  pathAddress,
  Pattern,
  type Side,
} from '../../network/index.js';
import { Stack } from '../../stack/index.js';
import { KernelEnd } from './kernel-end.js';
import { runKernelTrial } from './kernel-trial.js';
import { runKernelTrials } from './kernel-trials.js';
import { runProxyVisits } from './proxy-visits.js';
import { RealTimeLoop } from './real-time-loop.js';

/** The longest that a transfer may take, ns, where the setup says nothing. */
const defaultPatienceNs = 30e9;

/** The kernel of this machine. */
export class KernelLab implements LinuxLab {
  readonly kernel = release();

  async transfer(setup: TransferSetup, sides: KernelSides): Promise<TransferOutcome> {
    const run = new KernelTransfer(setup, sides);
    try {
      return await run.run();
    } finally {
      run.close();
    }
  }

  trials(
    requests: readonly KernelTrialRequest[],
    step: (done: number, what: string) => Promise<void>,
  ): Promise<KernelTrialOutcome[]> {
    return runKernelTrials(requests, { run: runKernelTrial, step });
  }

  proxyVisits(
    requests: readonly ProxyVisitRequest[],
    step: (done: number, what: string) => Promise<void>,
  ): Promise<ProxyVisit[]> {
    return runProxyVisits(requests, step);
  }
}

/** One transfer in real time. */
class KernelTransfer {
  private readonly setup: TransferSetup;
  private readonly loop: RealTimeLoop;
  private readonly namespaces = new Map<Side, NetworkNamespace>();
  private readonly tuns: TunDevice[] = [];
  private readonly hosts = new Map<Side, Host>();
  private readonly ends: Record<Side, TransferSide | KernelEnd>;
  private readonly links: Link[] = [];
  private server: Server | undefined = undefined;
  private settle: () => void = () => undefined;

  constructor(setup: TransferSetup, sides: KernelSides) {
    this.setup = setup;
    this.loop = new RealTimeLoop(setup.seed, () => this.check());
    const onKernel = (side: Side): boolean => sides === 'both' || sides === side;
    this.ends = { client: this.makeEnd('client', onKernel), server: this.makeEnd('server', onKernel) };
    try {
      for (const side of ['client', 'server'] as const) {
        if (onKernel(side)) this.namespaces.set(side, makeNamespace(side, this.setup));
        else this.hosts.set(side, this.makeHost(side));
      }
      setup.paths.forEach((path, index) => this.addPath(path, index));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Runs to the end, or as long as the setup allows. */
  async run(): Promise<TransferOutcome> {
    const { setup, loop } = this;
    const over = new Promise<void>((resolve) => (this.settle = resolve));
    this.listen();
    const beganAtNs = loop.act((now) => {
      for (const { atNs, act } of setup.incidents ?? [])
        loop.simulator.at(now + atNs, (at) => act(at, this.links));
      loop.simulator.at(now + (setup.connectAtNs ?? 0), (at) => this.connect(at));
      return now;
    });
    const timer = setTimeout(() => this.settle(), (setup.untilNs ?? defaultPatienceNs) / 1e6);
    await over;
    clearTimeout(timer);
    return {
      client: sinceBegin(this.ends.client.outcome(), beganAtNs),
      server: sinceBegin(this.ends.server.outcome(), beganAtNs),
      pathBytes: this.links.map(
        ({ forward, backward }) => forward.counters.deliveredBytes + backward.counters.deliveredBytes,
      ),
      ...{ endedAtNs: loop.now() - beganAtNs, clockAtBeginNs: beganAtNs },
    };
  }

  close(): void {
    this.loop.close();
    this.server?.close();
    for (const end of Object.values(this.ends)) if (end instanceof KernelEnd) end.close();
    for (const tun of this.tuns) tun.close();
    for (const namespace of this.namespaces.values()) namespace.close();
  }

  private check(): void {
    if (this.ends.client.isDone && this.ends.server.isDone) this.settle();
  }

  private makeEnd(side: Side, onKernel: (side: Side) => boolean): TransferSide | KernelEnd {
    const { seed, uploadBytes = 0, downloadBytes = 0 } = this.setup;
    const up = { writes: new Pattern(2 * seed), writeBytes: uploadBytes };
    const down = { writes: new Pattern(2 * seed + 1), writeBytes: downloadBytes };
    const [own, other] = side === 'client' ? [up, down] : [down, up];
    const plan = { ...own, reads: other.writes, readBytes: other.writeBytes, writeBps: this.setup.writeBps };
    if (onKernel(side)) {
      return new KernelEnd(
        { ...plan, closesLast: side === 'client' },
        () => this.loop.now(),
        () => this.check(),
      );
    }
    const pathOf = ({ local }: { local: { address: { toString(): string } } }): number =>
      this.setup.paths.findIndex((path, index) =>
        addressesOf(path, index, side).some((address) => address.toString() === local.address.toString()),
      );
    return new TransferSide({ ...plan, pathOf });
  }

  private makeHost(side: Side): Host {
    const { simulator } = this.loop;
    const settings = this.setup[side] ?? {};
    const host = new Host(simulator, side, new Stack({ random: simulator.random.fork(), settings }));
    const end = this.ends[side];
    if (end instanceof TransferSide) host.run(simulator.now, end);
    return host;
  }

  private addPath(path: TransferPath, index: number): void {
    const { simulator } = this.loop;
    const link = new Link(simulator, path);
    this.links.push(link);
    const box = path.box?.(simulator);
    const left = path.wrap?.(link.left, 'client') ?? link.left;
    const right = path.wrap?.(link.right, 'server') ?? link.right;
    this.addEnd('client', path, index, box === undefined ? left : new MiddleboxDevice(simulator, box, left));
    this.addEnd('server', path, index, right);
  }

  private addEnd(side: Side, path: TransferPath, index: number, device: Device): void {
    const addresses = addressesOf(path, index, side);
    const host = this.hosts.get(side);
    if (host !== undefined) {
      this.loop.act((now) =>
        host.addDevice(now, device, {
          ...{ name: `path${index}`, metric: path.metric ?? index },
          addresses: addresses.map((address) => ({
            ...{ address, backup: side === 'client' && (path.backup ?? false) },
            prefixLength: address.family === 4 ? 24 : 64,
          })),
        }),
      );
      return;
    }
    const namespace = this.namespaces.get(side)!;
    const name = `path${index}`;
    // Without offload, so that links and boxes see the packets that real ones would.
    const tun = new TunDevice({ name, namespace, offload: false }, this.loop);
    this.tuns.push(tun);
    tun.attach({
      handlePacket: (now, packet) => device.send(now, packet),
      handleCarrier: () => undefined,
    });
    const manager = networkManager(this.setup, path, index, side);
    namespace.ip(...manager.up);
    device.attach({
      handlePacket: (now, packet) => tun.send(now, packet),
      handleCarrier: (_now, up) => void namespace.ip(...(up ? manager.up : manager.down)),
    });
  }

  private listen(): void {
    const end = this.ends.server;
    const address = addressesOf(this.setup.paths[0]!, 0, 'server')[0]!;
    if (end instanceof TransferSide) {
      this.loop.act((now) => this.hosts.get('server')!.stack.listen(now, { local: { port: TRANSFER_PORT } }));
      return;
    }
    const namespace = this.namespaces.get('server')!;
    this.server = createServer({ allowHalfOpen: true }, (socket) => end.attach(socket));
    const protocol = isMultipathWanted(this.setup, 'server') ? 'mptcp' : 'tcp';
    const fd = listenKernel({ address: address.toString(), port: TRANSFER_PORT, namespace, protocol });
    this.server.listen({ fd });
  }

  private connect(now: number): void {
    const end = this.ends.client;
    const address = addressesOf(this.setup.paths[0]!, 0, 'server')[0]!;
    if (end instanceof TransferSide) {
      const host = this.hosts.get('client')!;
      end.socket = host.stack.connect(now, { remote: { address, port: TRANSFER_PORT } });
      host.wake(now);
      return;
    }
    const namespace = this.namespaces.get('client')!;
    const protocol = isMultipathWanted(this.setup, 'client') ? 'mptcp' : 'tcp';
    const fd = connectKernel({ address: address.toString(), port: TRANSFER_PORT, namespace, protocol });
    const socket = new Socket({ fd, allowHalfOpen: true });
    end.attach(socket);
  }
}

function isMultipathWanted(setup: TransferSetup, side: Side): boolean {
  return setup[side]?.mptcp?.enabled ?? true;
}

/** The addresses of a side on a path. */
function addressesOf(path: TransferPath, index: number, side: Side) {
  const families = path.families ?? 'ipv4';
  const own = side === 'client' ? path.clientAddress : undefined;
  const wanted =
    families === 'both' ? ([4, 6] as const) : families === 'ipv4' ? ([4] as const) : ([6] as const);
  return wanted.map((family) => (own?.family === family ? own : pathAddress(index, side, family)));
}

/**
 * What a network manager does, in commands of `ip`, when the interface of a path has a carrier, and when it has lost it:
 * addresses, routes and endpoints come and go.
 */
function networkManager(
  setup: TransferSetup,
  path: TransferPath,
  index: number,
  side: Side,
): { readonly up: readonly string[]; readonly down: readonly string[] } {
  const name = `path${index}`;
  const role = endpointRole(side, path, index);
  const addresses = addressesOf(path, index, side).map((address, at) => ({
    text: String(address),
    prefix: `${String(address)}/${address.family === 4 ? 24 : 64} dev ${name}`,
    // Without it the kernel makes an IPv6 address fit for use a little later, by a worker of its own.
    flag: address.family === 4 ? '' : ' nodad',
    id: 2 * index + at + 1,
  }));
  const endpoints = role === undefined ? [] : addresses;
  return {
    up: [
      ...addresses.map(({ prefix, flag }) => `address add ${prefix}${flag}`),
      `link set ${name} up`,
      ...crossRoutes(setup, index),
      ...endpoints.map(({ text, id }) => `mptcp endpoint add ${text} id ${id} dev ${name} ${role}`),
    ],
    down: [
      ...endpoints.map(({ id }) => `mptcp endpoint delete id ${id}`),
      ...addresses.map(({ prefix }) => `address delete ${prefix}`),
      `link set ${name} down`,
    ],
  };
}

/** A subflow between addresses of different paths needs a route through its own device, worse than the right one. */
function crossRoutes(setup: TransferSetup, index: number): string[] {
  return setup.paths.flatMap((other, at) =>
    (at === index ? [] : addressesOf(other, at, 'server')).map((address) => {
      const subnet = address.family === 4 ? `10.0.${at}.0/24` : `fd00:0:0:${at.toString(16)}::/64`;
      return `route add ${subnet} dev path${index} metric ${2000 + index}`;
    }),
  );
}

/** What the kernel's path manager is to do with the addresses of a path; undefined for nothing. */
function endpointRole(side: Side, path: TransferPath, index: number): string | undefined {
  if (side === 'server') return index > 0 && (path.isAnnounced ?? true) ? 'signal' : undefined;
  if (path.backup === true) return 'subflow backup';
  return index === 0 ? undefined : 'subflow';
}

/** An outcome with its times counted from `beganAtNs` on. */
function sinceBegin(outcome: SideOutcome, beganAtNs: number): SideOutcome {
  const since = (atNs: number | undefined): number | undefined =>
    atNs === undefined ? undefined : atNs - beganAtNs;
  return {
    ...outcome,
    establishedAtNs: since(outcome.establishedAtNs),
    completedAtNs: since(outcome.completedAtNs),
    arrivals: outcome.arrivals.map((arrival) => ({ ...arrival, atNs: arrival.atNs - beganAtNs })),
    subflows: outcome.subflows.map((note) => ({ ...note, atNs: note.atNs - beganAtNs })),
  };
}

/** A host of the kernel's. */
function makeNamespace(side: Side, setup: TransferSetup): NetworkNamespace {
  const namespace = NetworkNamespace.create(`lab-${side}`);
  try {
    // Joins arrive on one interface for the address of another.
    namespace.sysctl('net.ipv4.conf.all.rp_filter', 0);
    namespace.sysctl('net.ipv4.conf.default.rp_filter', 0);
    namespace.sysctl('net.mptcp.checksum_enabled', setup[side]?.mptcp?.checksum === true ? 1 : 0);
    namespace.ip('mptcp limits set subflows 8 add_addr_accepted 8');
    return namespace;
  } catch (error) {
    namespace.close();
    throw error;
  }
}
