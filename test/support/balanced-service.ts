/**
 * A whole service behind a balancer, to be counted: one Linux client with two addresses, a data path of any kind and design, and servers
 * that are Linux with its agent or our own engine behind a TUN device. Every server says its number to whoever connects.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DesignName,
  defaultSteeringSettings,
  type Generation,
  type ServerSpec,
  type ServerState,
} from '../../src/balancer/index.js';
import {
  BpfProgram,
  connectionInfo,
  connectKernel,
  listenKernel,
  NetworkNamespace,
  NextHops,
  passEverything,
  XdpAgent,
  XdpBalancer,
  type XdpDesign,
  XdpLink,
} from '../../src/linux/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import { userPath } from '../../src/node/balancer/user-path.js';
import { createServer, ServerAgent, UserspaceHost } from '../../src/node/index.js';
import type { StackSettings } from '../../src/stack/index.js';
import { IpAddress } from '../../src/wire/index.js';
import { sumInSoftware } from './sum-in-software.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const nowNs = (): number => Date.now() * 1e6;
const service = { address: address('192.0.2.1'), port: 443 };
const balancerAddress = address('10.9.0.254');
/** Connections that are opened at a time. */
const batch = 50;

/** What carries packets, and what serves. */
export interface BalancedServiceOptions {
  readonly design: DesignName;
  readonly path: 'xdp' | 'user';
  readonly stack: 'linux' | 'engine';
  /** How many servers. */
  readonly servers: number;
}

/** A connection of the client's. */
export interface ServedConnection {
  readonly fd: number;
  readonly socket: Socket;
  /** Number of the server that answered. */
  readonly server: number;
}

/** What carries the packets of a lab. */
interface Carrier {
  setServers(servers: readonly ServerSpec[]): Promise<void>;
  /** SYNs with MP_JOIN that it saw. */
  joins(): Promise<number>;
  /** Subflows that began at any server through it. */
  subflows(): Promise<number>;
  close(): Promise<void> | void;
}

/** See the module. */
export class BalancedService {
  readonly options: BalancedServiceOptions;
  private readonly client: NetworkNamespace;
  private readonly middle: NetworkNamespace;
  private readonly closing: (() => Promise<void> | void)[] = [];
  private readonly servers: NetworkNamespace[] = [];
  private carrier: Carrier | undefined;

  private constructor(options: BalancedServiceOptions) {
    this.options = options;
    this.client = this.opened('client');
    this.middle = this.opened('balancer');
    const { client, middle } = this;
    client.connectTo(middle, 'c0', 'b0');
    sumInSoftware(client, 'c0');
    middle.sysctl('net.ipv4.ip_forward', 1);
    client.ip(
      ...['address add 10.1.0.2/24 dev c0', 'address add 10.1.0.3/24 dev c0'],
      'route add default via 10.1.0.1',
      'mptcp limits set subflow 8 add_addr_accepted 8',
      'mptcp endpoint add 10.1.0.3 dev c0 subflow fullmesh',
    );
    middle.ip('address add 10.1.0.1/24 dev b0', `address add ${balancerAddress.toString()}/32 dev lo`);
  }

  /** Sets everything up. What can be had of it is taken back when something cannot. */
  static async open(options: BalancedServiceOptions): Promise<BalancedService> {
    const lab = new BalancedService(options);
    try {
      for (let id = 1; id <= options.servers; id++) lab.addServer(id);
      const carrier = await (options.path === 'xdp' ? lab.xdpCarrier() : lab.userCarrier());
      lab.closing.push(() => carrier.close());
      lab.carrier = carrier;
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  private opened(label: string): NetworkNamespace {
    const namespace = NetworkNamespace.create(label);
    this.closing.push(() => namespace.close());
    return namespace;
  }

  private get specs(): ServerSpec[] {
    return Array.from({ length: this.options.servers }, (_, i) => ({
      id: i + 1,
      address: ownAddress(i + 1),
    }));
  }

  // Servers

  private addServer(id: number): void {
    const namespace = this.opened(`server ${id}`);
    this.servers.push(namespace);
    this.middle.connectTo(namespace, `m${id}`, 's0');
    this.middle.ip(`address add 10.9.${id}.254/24 dev m${id}`);
    namespace.ip(
      `address add ${ownAddress(id).toString()}/24 dev s0`,
      `route add default via 10.9.${id}.254`,
    );
    // What the driver of one end is told to send, the other end takes only when it has a program too.
    const pass = BpfProgram.load(passEverything, new Map(), '');
    const link = XdpLink.attach(pass, { device: `m${id}`, mode: 'native', namespace: this.middle });
    this.closing.push(() => {
      link.close();
      pass.close();
    });
    if (this.options.stack === 'linux') this.startLinux(id, namespace);
    else this.startEngine(id, namespace);
  }

  private startLinux(id: number, namespace: NetworkNamespace): void {
    const stateFolder = mkdtempSync(join(tmpdir(), 'subflow-agent-'));
    const agent = ServerAgent.start({
      ...{ design: this.options.design, id, address: ownAddress(id), services: [service], namespace },
      ...{ balancers: [balancerAddress], peers: this.specs.map((server) => server.address), stateFolder },
      mode: 'native',
    });
    const listener = new Server((socket) => greet(socket, id));
    listener.listen({
      fd: listenKernel({ address: '0.0.0.0', port: service.port, namespace, backlog: 4096 }),
    });
    this.closing.push(() => {
      listener.close();
      agent.close();
      rmSync(stateFolder, { recursive: true, force: true });
    });
  }

  /** The kernel unpacks and passes on to a host of ours, which has the address of the service. */
  private startEngine(id: number, namespace: NetworkNamespace): void {
    const agent = new XdpAgent(nowNs(), {
      ...{ address: ownAddress(id), balancers: [balancerAddress], peers: [], services: [service] },
    });
    agent.attach({ device: 's0', mode: 'native', namespace });
    const host = new UserspaceHost({ settings: engineSettings(this.options.design, id) });
    const announced = `10.9.${100 + id}.1`;
    const addresses =
      this.options.design === 'direct-address'
        ? [
            `${service.address.toString()}/32`,
            { address: address(announced), prefixLength: 32, signal: true },
          ]
        : [`${service.address.toString()}/32`];
    const { tun } = host.addTun({ name: 'engine', namespace, addresses });
    namespace.sysctl('net.ipv4.ip_forward', 1);
    namespace.ip(
      `link set ${tun.name} up`,
      `route add ${service.address.toString()}/32 dev ${tun.name}`,
      `route add ${announced}/32 dev ${tun.name}`,
    );
    this.middle.ip(`route add ${announced}/32 via ${ownAddress(id).toString()}`);
    const server = createServer({ via: host }, (socket) => greet(socket, id)).listen(service.port);
    this.closing.push(() => {
      server.close();
      host.close();
      agent.close();
    });
  }

  // The data path

  private async xdpCarrier(): Promise<Carrier> {
    const hops = new NextHops({ namespace: this.middle });
    await Promise.all(this.specs.map((server) => hops.resolve(server.address)));
    const balancer = new XdpBalancer(nowNs(), {
      ...{ design: this.options.design as XdpDesign, services: [service], servers: this.specs },
      ...{ source: balancerAddress, route: (server) => hops.find(server.address)! },
    });
    balancer.attach({ device: 'b0', mode: 'native', namespace: this.middle });
    return {
      setServers: (servers) => Promise.resolve(balancer.setServers(nowNs(), servers)),
      joins: () => Promise.resolve(balancer.counters()['joins']!),
      subflows: () => Promise.resolve(sum(this.specs.map(({ id }) => balancer.subflowsAt(id)))),
      close: () => {
        balancer.close();
        hops.close();
      },
    };
  }

  private async userCarrier(): Promise<Carrier> {
    let number = 1;
    const generation = (servers: readonly ServerSpec[]): Generation => ({
      ...{ number: number++, atNs: nowNs(), servers, reason: 'for a test' },
    });
    const path = await userPath({
      ...{ design: this.options.design, services: [service], start: { generation: generation(this.specs) } },
      ...{ source: balancerAddress, interfaces: ['b0'], namespace: this.middle, workers: 1 },
    });
    return {
      setServers: (servers) => path.apply(generation(servers)),
      joins: async () => (await path.counters()).joins,
      subflows: async () => sum(Object.values((await path.counters()).subflowsByServer)),
      close: () => path.close(),
    };
  }

  // The client

  /** Opens so many connections, each greeted by its server. */
  async connect(count: number): Promise<ServedConnection[]> {
    const all: ServedConnection[] = [];
    while (all.length < count) {
      const wanted = Math.min(batch, count - all.length);
      all.push(...(await Promise.all(Array.from({ length: wanted }, () => this.connectOne()))));
    }
    return all;
  }

  private async connectOne(): Promise<ServedConnection> {
    const fd = connectKernel({
      ...{ address: service.address.toString(), port: service.port, localAddress: '10.1.0.2' },
      namespace: this.client,
    });
    const socket = new Socket({ fd });
    const failed = once(socket, 'error').then(([error]) => Promise.reject(error as Error));
    failed.catch(() => undefined);
    this.closing.push(() => void socket.destroy());
    // Data both ways, after which either side may join.
    socket.write('hello');
    const [said] = await Promise.race([once(socket, 'data'), failed]);
    return { fd, socket, server: Number(/^server (\d+)\n/.exec(String(said))![1]) };
  }

  /** Gives the balancer another list of the servers that were opened: those named, in these states. */
  async setServers(states: Readonly<Record<number, ServerState>>): Promise<void> {
    const specs = this.specs.filter(({ id }) => states[id] !== undefined);
    await this.carrier!.setServers(specs.map((spec) => ({ ...spec, state: states[spec.id]! })));
  }

  /** Has every connection send something; gives those that do not get it back within `timeoutMs`. */
  async broken(connections: readonly ServedConnection[], timeoutMs: number): Promise<ServedConnection[]> {
    const whole = await Promise.all(connections.map(({ socket }) => isEchoed(socket, timeoutMs)));
    return connections.filter((_, i) => !whole[i]);
  }

  /** Joins that the balancer saw. */
  joinsSeen(): Promise<number> {
    return this.carrier!.joins();
  }

  /** Subflows that began at any server through the balancer. */
  subflowsSeen(): Promise<number> {
    return this.carrier!.subflows();
  }

  /** A counter of the kernel, over all servers. */
  count(name: string): number {
    return sum(this.servers.map((namespace) => namespace.counters().get(name)));
  }

  /** Lets go of everything, what was made last first. */
  async close(): Promise<void> {
    for (const close of this.closing.splice(0).reverse()) await close();
  }
}

/** Subflows that joined the connection. */
export function joinedSubflows({ fd }: ServedConnection): number {
  return connectionInfo(fd)?.joinedSubflows ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function isEchoed(socket: Socket, timeoutMs: number): Promise<boolean> {
  if (socket.destroyed) return false;
  const message = 'still there?\n';
  let received = '';
  return new Promise((resolve) => {
    const end = (isWhole: boolean): void => {
      clearTimeout(timer);
      socket.off('data', take).off('error', fail).off('close', fail);
      resolve(isWhole);
    };
    const fail = (): void => end(false);
    const take = (chunk: Buffer): void => {
      // What was said at the beginning may come back only now.
      received += chunk.toString();
      if (received.endsWith(message)) end(true);
    };
    const timer = setTimeout(fail, timeoutMs);
    socket.on('data', take).on('error', fail).on('close', fail);
    socket.write(message);
  });
}

function ownAddress(id: number): IpAddress {
  return address(`10.9.${id}.1`);
}

function greet(socket: NodeJS.ReadWriteStream, id: number): void {
  socket.on('error', () => undefined);
  socket.write(`server ${id}\n`);
  socket.pipe(socket);
}

/** What each design asks of our engine. */
function engineSettings(design: DesignName, id: number): Partial<StackSettings> {
  if (design === 'key-select') return { serverMark: { value: id, bits: defaultSteeringSettings.serverBits } };
  if (design === 'direct-address') return { mptcp: { ...defaultMptcpSettings, joinInitialAddress: false } };
  return {};
}
