/**
 * Linux hosts around a data path in user space: a client with two addresses, the balancer's machine, and servers that have the service's
 * address on their loopback, unpack with the agent, and answer the client by themselves.
 */
import { once } from 'node:events';
import net from 'node:net';
import type { DesignName, Generation, ServerSpec } from '../../src/balancer/index.js';
import {
  connectionInfo,
  connectKernel,
  listenKernel,
  NetworkNamespace,
  XdpAgent,
} from '../../src/linux/index.js';
import type { DataPath } from '../../src/node/balancer/data-path.js';
import { userPath, type UserPathOptions } from '../../src/node/balancer/user-path.js';
import { IpAddress } from '../../src/wire/index.js';

/** The address of the service; its port is 80. */
export const serviceAddress = '192.0.2.80';
const address = (text: string): IpAddress => IpAddress.parse(text)!;
/** Where encapsulated packets come from. */
const source = address('10.9.0.1');
const services = [{ address: address(serviceAddress), port: 80 }];

/** A connection of the client's to whichever server. */
export interface LabConnection {
  readonly fd: number;
  readonly socket: net.Socket;
  /** What the server calls itself. */
  readonly server: number;
}

/** See the module. */
export class UserPathLab {
  readonly client: NetworkNamespace;
  readonly middle: NetworkNamespace;
  readonly servers: NetworkNamespace[] = [];
  private generations = 1;
  private readonly serverMtu: number;
  private readonly closing: (() => unknown)[] = [];

  /**
   * `joinable`: whether clients may join at the service's own address and port; otherwise each server announces its own address. With an
   * `mtu` of 1500 on the way to servers there is no room for another header around the longest packets.
   */
  constructor(servers: number, joinable = true, mtu = 1600) {
    this.serverMtu = mtu;
    this.client = this.namespace('client');
    this.middle = this.namespace('balancer');
    const { client, middle } = this;
    middle.sysctl('net.ipv4.ip_forward', 1);
    middle.ip('address add 10.9.0.1/32 dev lo');
    for (const path of [0, 1]) {
      client.connectTo(middle, `c${path}`, `b${path}`);
      client.ip(`address add 10.1.${path}.2/24 dev c${path}`);
      middle.ip(`address add 10.1.${path}.1/24 dev b${path}`);
      const table = 100 + path;
      client.ip(
        `route add default via 10.1.${path}.1 dev c${path} table ${table}`,
        `rule add from 10.1.${path}.2 table ${table}`,
      );
    }
    client.ip(
      'route add default via 10.1.0.1 dev c0',
      'mptcp limits set subflows 2 add_addr_accepted 2',
      'mptcp endpoint add 10.1.1.2 dev c1 subflow',
    );
    for (let id = 1; id <= servers; id++) this.addServer(id, servers, joinable);
  }

  private namespace(label: string): NetworkNamespace {
    const namespace = NetworkNamespace.create(label);
    namespace.sysctl('net.ipv4.conf.all.rp_filter', 0);
    namespace.sysctl('net.ipv4.conf.default.rp_filter', 0);
    this.closing.push(() => namespace.close());
    return namespace;
  }

  private addServer(id: number, all: number, joinable: boolean): void {
    const server = this.namespace(`server ${id}`);
    this.servers.push(server);
    this.middle.connectTo(server, `m${id}`, 's0');
    this.middle.ip(`link set m${id} mtu ${this.serverMtu}`, `address add 10.2.${id}.1/24 dev m${id}`);
    server.ip(
      `link set s0 mtu ${this.serverMtu}`,
      `address add 10.2.${id}.2/24 dev s0`,
      `address add ${serviceAddress}/32 dev lo`,
      `route add default via 10.2.${id}.1`,
      'mptcp limits set subflows 2 add_addr_accepted 2',
    );
    if (!joinable) {
      server.sysctl('net.mptcp.allow_join_initial_addr_port', 0);
      server.ip(`mptcp endpoint add 10.2.${id}.2 dev s0 signal`);
    }
    const peers = Array.from({ length: all }, (_, i) => ({ address: address(`10.2.${i + 1}.2`) }));
    const agent = new XdpAgent(Date.now() * 1e6, {
      ...{ address: address(`10.2.${id}.2`), balancers: [source], peers, services },
    });
    agent.attach({ device: 's0', mode: 'native', namespace: server });
    this.closing.push(() => agent.close());
    this.listen(id, server);
  }

  /** Says who it is, then repeats what it hears. */
  private listen(id: number, namespace: NetworkNamespace): void {
    const listener = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(`server ${id}\n`);
      socket.pipe(socket);
    });
    listener.listen({ fd: listenKernel({ address: '0.0.0.0', port: 80, namespace }) });
    this.closing.push(() => listener.close());
  }

  /** Servers 1 to `count`, but for what `more` says. */
  specs(count: number, more: Partial<Record<number, Partial<ServerSpec>>> = {}): ServerSpec[] {
    return Array.from({ length: count }, (_, i) => ({
      ...{ id: i + 1, address: address(`10.2.${i + 1}.2`) },
      ...more[i + 1],
    }));
  }

  /** The next list of servers. */
  generation(servers: readonly ServerSpec[]): Generation {
    return { number: this.generations++, atNs: Date.now() * 1e6, servers, reason: 'for a test' };
  }

  /** Puts a data path to work between them. */
  async open(
    design: DesignName,
    servers: readonly ServerSpec[],
    more: Partial<UserPathOptions> = {},
  ): Promise<DataPath> {
    const path = await userPath({
      ...{ design, services, start: { generation: this.generation(servers) }, source },
      ...{ interfaces: ['b0', 'b1'], namespace: this.middle, workers: 1 },
      ...more,
    });
    this.closing.push(() => path.close());
    return path;
  }

  /** Opens a connection; it has been said hello to. Rejects when it cannot be had. */
  async connect(port = 80): Promise<LabConnection> {
    const { client: namespace } = this;
    const fd = connectKernel({ address: serviceAddress, port, localAddress: '10.1.0.2', namespace });
    const socket = new net.Socket({ fd });
    const failed = once(socket, 'error').then(([error]) => Promise.reject(error as Error));
    failed.catch(() => undefined);
    socket.read(0);
    const said = String((await Promise.race([once(socket, 'data'), failed]))[0]);
    this.closing.push(() => socket.destroy());
    return { fd, socket, server: Number(/^server (\d+)\n$/.exec(said)![1]) };
  }

  /** Has the connection repeat `bytes` bytes; rejects when they come back otherwise. */
  async echo({ socket }: LabConnection, bytes: number): Promise<void> {
    const sent = Buffer.alloc(bytes, 'subflow');
    const heard: Buffer[] = [];
    let left = bytes;
    const done = new Promise<void>((resolve, reject) => {
      const take = (chunk: Buffer): void => {
        heard.push(chunk);
        left -= chunk.length;
        if (left > 0) return;
        socket.off('data', take);
        resolve();
      };
      socket.on('data', take);
      socket.once('error', reject);
    });
    socket.write(sent);
    await done;
    if (!Buffer.concat(heard).equals(sent)) throw new Error('what came back is not what was sent');
  }

  /** Subflows that joined the connection. */
  joined({ fd }: LabConnection): number {
    return connectionInfo(fd)?.joinedSubflows ?? 0;
  }

  async close(): Promise<void> {
    for (const close of this.closing.reverse()) await close();
  }
}
