/**
 * A client with two addresses, a balancer in the kernel's fast path, and Linux servers behind it, each a namespace of its own with the
 * agent that a real one would run. Servers are reached by the machine in the middle, and answer clients by it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerSpec, ServerState, SteeringSettings } from '../../src/balancer/index.js';
import {
  BpfProgram,
  connectionInfo,
  connectKernel,
  descriptorOf,
  listenKernel,
  NetworkNamespace,
  NextHops,
  passEverything,
  subflowAddresses,
  XdpBalancer,
  type XdpDesign,
  XdpLink,
  type XdpMode,
} from '../../src/linux/index.js';
import { ServerAgent, type ServerAgentOptions } from '../../src/node/index.js';
import { IpAddress } from '../../src/wire/index.js';
import { sumInSoftware } from './sum-in-software.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const nowNs = (): number => Date.now() * 1e6;
export const servicePort = 443;

/** Addresses of the lab: those of servers and balancer are of IPv4, as is the service unless it is said to be of IPv6. */
export const labAddresses = {
  4: { client: ['10.1.0.2', '10.1.0.3'], service: '192.0.2.1', bits: 24, whole: 32 },
  6: { client: ['fd01::2', 'fd01::3'], service: '2001:db8::1', bits: 64, whole: 128 },
} as const;

/** How the lab is made. */
export interface LinuxServersOptions {
  readonly design: XdpDesign;
  /** Family of clients and service. Default 4. */
  readonly family?: 4 | 6;
  readonly settings?: Partial<SteeringSettings>;
  /** How balancer and agents are attached. Default native. */
  readonly mode?: XdpMode;
  /** What else agents are told. */
  readonly agent?: Partial<ServerAgentOptions>;
  /** Whether the client opens a second subflow, from its second address. Default true. */
  readonly joins?: boolean;
  /** Has a router before the client send no longer packets to it than so many bytes (IPv4). Default: no router. */
  readonly routerMtu?: number;
}

/** One Linux server. */
export interface LinuxServer {
  readonly id: number;
  readonly namespace: NetworkNamespace;
  readonly agent: ServerAgent;
  /** Connections that it accepted and that live. */
  readonly accepted: Set<Socket>;
}

/** A connection of the client's; what it sends comes back. */
export class EchoedConnection {
  readonly socket: Socket;
  error: Error | undefined;
  private receivedBytes = 0;
  private sentBytes = 0;
  private isWhole = true;

  constructor(fd: number) {
    this.socket = new Socket({ fd });
    this.socket.on('error', (error) => (this.error = error));
    this.socket.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte !== this.receivedBytes++ % 251) this.isWhole = false;
    });
  }

  /** Sends so many bytes. */
  send(bytes: number): void {
    this.socket.write(Uint8Array.from({ length: bytes }, (_, i) => (this.sentBytes + i) % 251));
    this.sentBytes += bytes;
  }

  /** Whether all that was sent came back, and is what was sent. */
  isEchoed(): boolean {
    if (this.error !== undefined) throw this.error;
    return this.isWhole && this.receivedBytes === this.sentBytes;
  }

  /** Ends of the subflows, as the kernel has them. */
  subflows(): number {
    return subflowAddresses(descriptorOf(this.socket)).length;
  }

  isFallback(): boolean {
    return connectionInfo(descriptorOf(this.socket))?.fallback ?? true;
  }
}

/** See the module. */
export class LinuxServers {
  readonly client: NetworkNamespace;
  readonly middle: NetworkNamespace;
  readonly balancer: XdpBalancer;
  readonly servers = new Map<number, LinuxServer>();
  private readonly options: LinuxServersOptions;
  private readonly family: 4 | 6;
  private readonly states = new Map<number, ServerState>();
  private readonly stateFolder = mkdtempSync(join(tmpdir(), 'subflow-agents-'));
  private readonly pass = BpfProgram.load(passEverything, new Map(), '');
  private readonly hops: NextHops;
  private readonly closing: (() => void)[] = [];
  private readonly connections: EchoedConnection[] = [];

  constructor(options: LinuxServersOptions) {
    this.options = options;
    this.family = options.family ?? 4;
    this.client = this.opened('client');
    this.middle = this.opened('middle');
    this.connectClient();
    this.hops = new NextHops({ namespace: this.middle });
    this.balancer = new XdpBalancer(nowNs(), {
      design: options.design,
      services: this.services,
      servers: [],
      ...(options.settings !== undefined && { settings: options.settings }),
      source: this.balancerAddress,
      route: ({ address: server }) => this.hops.find(server)!,
    });
    this.balancer.attach({ device: 'b0', mode: this.mode, namespace: this.middle });
    this.closing.push(
      () => this.balancer.close(),
      () => this.hops.close(),
    );
  }

  readonly balancerAddress = address('10.9.0.254');

  private get mode(): XdpMode {
    return this.options.mode ?? 'native';
  }

  private get services(): { address: IpAddress; port: number }[] {
    return [{ address: address(labAddresses[this.family].service), port: servicePort }];
  }

  serverAddress(id: number): IpAddress {
    return address(`10.9.${id}.1`);
  }

  private opened(label: string): NetworkNamespace {
    const namespace = NetworkNamespace.create(label);
    this.closing.unshift(() => namespace.close());
    return namespace;
  }

  private connectClient(): void {
    const { client, middle } = this;
    if (this.options.routerMtu === undefined) client.connectTo(middle, 'c0', 'b0');
    else this.connectByRouter(this.options.routerMtu);
    // The program at the other end sees packets before any hardware would have summed them up.
    sumInSoftware(client, 'c0');
    middle.sysctl('net.ipv4.ip_forward', 1);
    middle.sysctl('net.ipv6.conf.all.forwarding', 1);
    const gateways = { 4: '10.1.0.1', 6: 'fd01::1' };
    for (const family of [4, 6] as const) {
      const { client: own, bits } = labAddresses[family];
      client.ip(
        ...own.map((each) => `address add ${each}/${bits} dev c0`),
        `${family === 6 ? 'route add ::/0' : 'route add default'} via ${gateways[family]}`,
      );
      if (this.options.routerMtu === undefined) middle.ip(`address add ${gateways[family]}/${bits} dev b0`);
    }
    middle.ip(`address add ${this.balancerAddress.toString()}/32 dev lo`, 'address add fe80::2/64 dev b0');
    if (this.options.joins === false) return;
    client.ip(
      'mptcp limits set subflow 8 add_addr_accepted 8',
      `mptcp endpoint add ${labAddresses[this.family].client[1]} dev c0 subflow fullmesh`,
    );
  }

  /** Puts a router between the client, whose gateway it becomes, and the machine in the middle. */
  private connectByRouter(mtu: number): void {
    const { client, middle } = this;
    const router = this.opened('router');
    client.connectTo(router, 'c0', 'r0');
    router.connectTo(middle, 'r1', 'b0');
    sumInSoftware(router, 'r1');
    router.sysctl('net.ipv4.ip_forward', 1);
    router.ip(
      ...['address add 10.1.0.1/24 dev r0', `route change 10.1.0.0/24 dev r0 mtu lock ${mtu}`],
      ...['address add 10.0.9.1/24 dev r1', 'route add default via 10.0.9.2'],
    );
    middle.ip('address add 10.0.9.2/24 dev b0', 'route add 10.1.0.0/24 via 10.0.9.1');
  }

  /** Adds a server to the network, with its agent; the balancer does not know of it yet. */
  async add(id: number): Promise<LinuxServer> {
    const namespace = this.opened(`server ${id}`);
    this.middle.connectTo(namespace, `b${id}`, 's0');
    const own = this.serverAddress(id);
    this.middle.ip(
      ...[`address add 10.9.${id}.254/24 dev b${id}`, `address add fd09:${id}::254/64 dev b${id}`],
      `address add fe80::2/64 dev b${id}`,
    );
    namespace.ip(
      ...[`address add ${own.toString()}/24 dev s0`, `route add default via 10.9.${id}.254`],
      ...[`address add fd09:${id}::1/64 dev s0`, `route add ::/0 via fd09:${id}::254`],
      // What asks for neighbours where the packet's own source is not the interface's (RFC 4861 §7.2.2).
      'address add fe80::1/64 dev s0',
    );
    // What the driver of one end is told to send, the other end takes only when it has a program too.
    const link = XdpLink.attach(this.pass, { device: `b${id}`, mode: this.mode, namespace: this.middle });
    this.closing.unshift(() => link.close());
    const agent = ServerAgent.start({
      ...{ design: this.options.design, id, address: own, services: this.services, mode: this.mode },
      ...{ balancers: [this.balancerAddress], peers: [], namespace, stateFolder: this.stateFolder },
      ...(this.options.settings?.buckets !== undefined && { buckets: this.options.settings.buckets }),
      ...this.options.agent,
    });
    const server = { id, namespace, agent, accepted: new Set<Socket>() };
    this.servers.set(id, server);
    this.listen(server);
    await this.hops.resolve(own);
    await this.tellPeers();
    return server;
  }

  /** Every agent knows of every other server, and the way there. */
  private async tellPeers(): Promise<void> {
    const all = [...this.servers.keys()].map((id) => this.serverAddress(id));
    for (const { agent } of this.servers.values()) agent.setPeers(all);
    const isReady = ({ agent }: LinuxServer): boolean => agent.unreachable().length === 0;
    for (let left = 250; left > 0 && ![...this.servers.values()].every(isReady); left--) await sleep(20);
  }

  private listen(server: LinuxServer): void {
    const fd = listenKernel({
      address: this.family === 4 ? '0.0.0.0' : '::',
      port: servicePort,
      namespace: server.namespace,
    });
    const listener = new Server((accepted) => {
      server.accepted.add(accepted);
      accepted.on('error', () => undefined).on('close', () => server.accepted.delete(accepted));
      accepted.pipe(accepted);
    }).listen({ fd });
    this.closing.push(() => {
      listener.close();
      for (const each of server.accepted) each.destroy();
    });
  }

  /** Tells the balancer what state these servers are in now, all at once. */
  setState(state: ServerState, ...ids: number[]): void {
    for (const id of ids) this.states.set(id, state);
    const specs = [...this.states].map(([each, its]): ServerSpec => ({
      id: each,
      address: this.serverAddress(each),
      state: its,
    }));
    this.balancer.setServers(nowNs(), specs);
  }

  /** Opens a connection to the service from the client's first address. */
  connect(): EchoedConnection {
    const { client, service } = labAddresses[this.family];
    const fd = connectKernel({
      ...{ address: service, port: servicePort, localAddress: client[0], namespace: this.client },
    });
    const connection = new EchoedConnection(fd);
    this.connections.push(connection);
    return connection;
  }

  /** Sum of a kernel counter over all servers. */
  count(name: string): number {
    return [...this.servers.values()].reduce((sum, { namespace }) => sum + namespace.counters().get(name), 0);
  }

  close(): void {
    for (const { socket: each } of this.connections) each.destroy();
    const listeners = this.closing.splice(0);
    for (const { agent } of this.servers.values()) agent.close();
    for (const close of listeners.reverse()) close();
    this.pass.close();
    rmSync(this.stateFolder, { recursive: true, force: true });
  }
}
