/**
 * Clients with two addresses each, a balancer, and servers behind it, in virtual time: what every design has to stand up to.
 * Each connection echoes a message every 400 ms, so that a subflow that went astray shows at once.
 */
import {
  Balancer,
  type BucketSnapshot,
  DaisyChain,
  defaultJoinPortBase,
  type DesignName,
  type ServerSpec,
  type ServerState,
  SimulatedBalancer,
  type SteeringSettings,
  UnpackingBox,
} from '../../balancer/index.js';
import { MILLISECOND, NEVER, SECOND, SeededRandom } from '../../base/index.js';
import { bypass, signal } from '../../mptcp/index.js';
import { type Application, Host, Link, MiddleboxDevice, Packet, Simulator } from '../../network/index.js';
import {
  defaultStackSettings,
  type InterfaceAddress,
  type Socket,
  Stack,
  type StackEvent,
  type StackSettings,
} from '../../stack/index.js';
import { IpAddress, type MptcpVersion } from '../../wire/index.js';

/** Time between two messages of a connection. */
const messageNs = 400 * MILLISECOND;
const messageBytes = 200;

export interface BalancedWorldOptions {
  readonly design: DesignName;
  /** Clients; each has as many connections as `perClient`. Default 20. */
  readonly clients?: number;
  /** Default 5. */
  readonly perClient?: number;
  /** Servers at the beginning. Default 4. */
  readonly servers?: number;
  readonly family?: 4 | 6;
  readonly version?: MptcpVersion;
  readonly seed?: number;
  readonly settings?: Partial<SteeringSettings>;
  /** direct-address: the server's own port of the service's address instead of its own address. */
  readonly byPort?: boolean;
  /** direct-address: the servers keep the first subflow in reserve. */
  readonly bypassed?: boolean;
}

/** One connection as its client sees it. */
export interface ClientConnection {
  readonly socket: Socket;
  written: number;
  echoed: number;
  /** Echoed when {@link BalancedWorld.isAlive} looked last. */
  seen: number;
}

/** One server. */
export interface SimulatedServer {
  readonly id: number;
  readonly host: Host;
  readonly link: Link;
  readonly chain: DaisyChain;
  readonly accepted: Socket[];
}

function ip(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

class Echo implements Application {
  readonly accepted: Socket[] = [];

  handleEvent(now: number, event: StackEvent): void {
    if (event.type === 'acceptable') {
      for (let next = event.listener.accept(); next !== undefined; next = event.listener.accept())
        this.accepted.push(next);
    } else if (event.type === 'readable') {
      const { socket } = event;
      for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now))
        socket.write(now, bytes.slice());
    } else if (event.type === 'peer-closed') event.socket.close(now);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Echoes only.
  }
}

class Talker implements Application {
  readonly connections: ClientConnection[] = [];
  private nextAt = NEVER;

  start(now: number): void {
    this.nextAt = now + messageNs;
  }

  stop(): void {
    this.nextAt = NEVER;
  }

  handleEvent(now: number, event: StackEvent): void {
    if (event.type !== 'readable') return;
    const { socket } = event;
    const connection = this.connections.find((each) => each.socket === socket);
    for (let bytes = socket.read(now); bytes !== undefined; bytes = socket.read(now)) {
      if (connection !== undefined) connection.echoed += bytes.length;
    }
  }

  pollTimeout(): number {
    return this.nextAt;
  }

  handleTimeout(now: number): void {
    if (now < this.nextAt) return;
    this.nextAt = now + messageNs;
    for (const connection of this.connections) {
      if (connection.socket.state !== 'open') continue;
      connection.written += messageBytes;
      connection.socket.write(now, new Uint8Array(messageBytes));
    }
  }
}

/** See the module. */
export class BalancedWorld {
  readonly simulator: Simulator;
  readonly machine: SimulatedBalancer;
  readonly servers = new Map<number, SimulatedServer>();
  readonly connections: ClientConnection[] = [];
  private readonly options: BalancedWorldOptions;
  private readonly family: 4 | 6;
  private readonly states = new Map<number, ServerState>();
  private readonly clients: {
    readonly host: Host;
    readonly talker: Talker;
    readonly addresses: IpAddress[];
  }[] = [];

  constructor(options: BalancedWorldOptions) {
    const { seed = 1, servers = 4, clients = 20 } = options;
    this.options = options;
    this.family = options.family ?? 4;
    this.simulator = new Simulator(seed);
    for (let id = 1; id <= servers; id++) this.states.set(id, 'up');
    this.machine = new SimulatedBalancer(this.simulator, this.makeBalancer(1000), this.balancerAddress);
    for (let id = 1; id <= servers; id++) this.addHost(id);
    for (let index = 0; index < clients; index++) this.addClient(index);
  }

  /** The balancer at work. */
  get balancer(): Balancer {
    return this.machine.balancer;
  }

  get service(): IpAddress {
    return ip(this.family === 4 ? '192.0.2.80' : '2001:db8::80');
  }

  private get balancerAddress(): IpAddress {
    return ip(this.family === 4 ? '10.9.255.1' : 'fd09::ffff:1');
  }

  serverAddress(id: number): IpAddress {
    return ip(this.family === 4 ? `10.9.0.${id}` : `fd09::${id.toString(16)}`);
  }

  private specs(): ServerSpec[] {
    return [...this.states].map(([id, state]) => ({ id, state, address: this.serverAddress(id) }));
  }

  // Servers

  private stackSettings(id: number): Partial<StackSettings> {
    const { design, version, bypassed = false } = this.options;
    const isDirect = design === 'direct-address' || design === 'beamer';
    return {
      mptcp: {
        ...defaultStackSettings.mptcp,
        versions: version === undefined ? [1, 0] : [version],
        joinInitialAddress: !isDirect,
        pathManager: bypassed ? bypass : signal,
      },
      ...(design === 'key-select' && { serverMark: { bits: 8, value: id } }),
    };
  }

  private serverAddresses(id: number): InterfaceAddress[] {
    const { design, byPort = false } = this.options;
    const viaPort = design === 'beamer' || (design === 'direct-address' && byPort);
    const viaAddress = design === 'direct-address' && !byPort;
    const bits = this.family === 4 ? 32 : 128;
    const port = viaPort ? { signal: true, port: defaultJoinPortBase + id } : {};
    return [
      { address: this.service, prefixLength: bits, subflow: false, ...port },
      { address: this.serverAddress(id), prefixLength: bits, subflow: false, signal: viaAddress },
    ];
  }

  private addHost(id: number): void {
    const { simulator } = this;
    const seed = (this.options.seed ?? 1) * 1000 + id;
    const stack = new Stack({ random: new SeededRandom(seed), settings: this.stackSettings(id) });
    const host = new Host(simulator, `server${id}`, stack);
    const link = new Link(simulator, { both: { delayNs: MILLISECOND, mtu: 1700 } });
    const chain = new DaisyChain({
      address: this.serverAddress(id),
      balancers: [this.balancerAddress],
      peers: Array.from({ length: 16 }, (_, index) => this.serverAddress(index + 1)).filter(
        (address) => !address.equals(this.serverAddress(id)),
      ),
      services: [{ address: this.service, port: 80 }],
      ...(this.options.settings?.buckets !== undefined && { buckets: this.options.settings.buckets }),
    });
    const device = new MiddleboxDevice(simulator, new UnpackingBox(chain, stack), link.right);
    host.addDevice(simulator.now, device, { name: 'eth0', addresses: this.serverAddresses(id) });
    this.machine.addServer(link.left, id, this.serverAddress(id));
    const echo = new Echo();
    stack.listen(simulator.now, { local: { port: 80 } });
    host.run(simulator.now, echo);
    this.servers.set(id, { id, host, link, chain, accepted: echo.accepted });
  }

  /** Puts a server into a state, one that is new as well; `gone` takes its link down first. */
  setServer(id: number, state: ServerState): void {
    const { now } = this.simulator;
    if (!this.servers.has(id)) this.addHost(id);
    if (state === 'gone') this.servers.get(id)!.link.setState(now, 'down');
    this.states.set(id, state);
    this.machine.balancer.setServers(now, this.specs());
    this.machine.wake();
  }

  /**
   * Another balancer takes the place of the one that there is, with what balancers of its design tell each other: buckets, or tokens.
   * Their tables of flows are lost.
   */
  takeOver(): void {
    const { now } = this.simulator;
    const { balancer: former } = this.machine;
    const buckets = former.snapshotBuckets(now);
    this.machine.balancer = this.makeBalancer(77, buckets);
    this.machine.balancer.importTokens(now, former.exportTokens());
    this.machine.wake();
  }

  private makeBalancer(salt: number, buckets?: BucketSnapshot): Balancer {
    const { design, seed = 1, settings = {} } = this.options;
    return new Balancer(this.simulator.now, {
      ...{ design, settings, services: [{ address: this.service, port: 80 }], servers: this.specs() },
      random: new SeededRandom(seed + salt),
      ...(buckets !== undefined && { buckets }),
    });
  }

  // Clients

  private addClient(index: number): void {
    const { simulator } = this;
    const version = this.options.version ?? 1;
    const seed = (this.options.seed ?? 1) * 7919 + index;
    const mptcp = { ...defaultStackSettings.mptcp, versions: [version] };
    const host = new Host(
      simulator,
      `client${index}`,
      new Stack({ random: new SeededRandom(seed), settings: { mptcp } }),
    );
    const addresses = [0, 1].map((path) =>
      ip(
        this.family === 4 ? `198.51.${path}.${index + 1}` : `2001:db8:c:${path}::${(index + 1).toString(16)}`,
      ),
    );
    addresses.forEach((address, path) => {
      const link = new Link(simulator, { both: { delayNs: (10 + 10 * path) * MILLISECOND } });
      const prefixLength = this.family === 4 ? 32 : 128;
      host.addDevice(simulator.now, link.left, {
        ...{ name: `path${path}`, metric: path },
        addresses: [{ address, prefixLength }],
      });
      this.machine.addClients(link.right, [address]);
    });
    const talker = new Talker();
    host.run(simulator.now, talker);
    this.clients.push({ host, talker, addresses });
  }

  /** Opens all connections, and lets messages go for 3 s. */
  connectAll(): void {
    for (const { host, talker, addresses } of this.clients) {
      for (let i = 0; i < (this.options.perClient ?? 5); i++) {
        const { now } = this.simulator;
        const remote = { address: this.service, port: 80 };
        const socket = host.stack.connect(now, { remote, local: { address: addresses[0]! } });
        const connection = { socket, written: 0, echoed: 0, seen: 0 };
        talker.connections.push(connection);
        this.connections.push(connection);
        host.wake(now);
      }
      talker.start(this.simulator.now);
      host.wake(this.simulator.now);
    }
    this.run(3 * SECOND);
  }

  run(durationNs: number): void {
    this.simulator.runUntil(this.simulator.now + durationNs);
  }

  /** A packet from nowhere arrives from outside. */
  inject(bytes: Uint8Array): void {
    this.injector ??= this.makeInjector();
    this.injector.left.send(this.simulator.now, new Packet(bytes));
  }

  private injector: Link | undefined;

  private makeInjector(): Link {
    const link = new Link(this.simulator, {});
    this.machine.addClients(link.right, []);
    return link;
  }

  // What came of it

  /** The server that took a connection. */
  serverOf(connection: ClientConnection): SimulatedServer | undefined {
    const { address, port } = connection.socket.local;
    for (const server of this.servers.values()) {
      const isIts = server.accepted.some(
        ({ remote }) => remote.port === port && remote.address.equals(address),
      );
      if (isIts) return server;
    }
    return undefined;
  }

  /** Connections that did not get a message through within `durationNs`, among those whose server is in reach. */
  brokenConnections(durationNs = 8 * SECOND): ClientConnection[] {
    for (const connection of this.connections) connection.seen = connection.echoed;
    this.run(durationNs);
    return this.connections.filter(
      (connection) => this.hasLivingServer(connection) && connection.echoed === connection.seen,
    );
  }

  /** How many those are. */
  countBroken(durationNs?: number): number {
    return this.brokenConnections(durationNs).length;
  }

  /** Whether the server that took a connection is in reach. */
  hasLivingServer(connection: ClientConnection): boolean {
    const server = this.serverOf(connection);
    return server !== undefined && this.states.get(server.id) !== 'gone';
  }

  /** Connections with a subflow from the client's second address. */
  get joined(): number {
    return this.connections.filter(({ socket }) =>
      socket.connection.subflows.some(({ join, state }) => join !== undefined && state === 'active'),
    ).length;
  }

  /** Joins that came to a server which does not know their token. */
  get strayJoins(): number {
    let sum = 0;
    for (const { host } of this.servers.values()) sum += host.stack.counters.joinsUnknownToken;
    return sum;
  }

  /** Packets that servers forwarded to each other. */
  get detours(): number {
    let sum = 0;
    for (const { chain } of this.servers.values()) sum += chain.counters.forwarded;
    return sum;
  }
}
