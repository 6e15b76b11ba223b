/**
 * A client, a machine for `subflow balance run`, and servers behind it, each a namespace of its own. Servers take packets out of those that
 * the balancer sends them with the project's own engine (balancer/daisy-chain.ts), and hand them to their kernel; connections that come
 * in send back what they get.
 */
import { closeSync, readSync } from 'node:fs';
import { Server, Socket } from 'node:net';
import { DaisyChain } from '../../src/balancer/index.js';
import {
  connectKernel,
  listenKernel,
  NativeBuffer,
  NetworkNamespace,
  type ReadableWatch,
  sendFrom,
  socket,
  watchReadable,
} from '../../src/linux/index.js';
import { encodeSocketAddress } from '../../src/linux/index.js';
import { IpAddress } from '../../src/wire/index.js';
import { sumInSoftware } from './sum-in-software.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const nowNs = (): number => Date.now() * 1e6;
/** AF_INET; SOCK_RAW and flags; IPPROTO_IPIP and IPPROTO_RAW. */
const AF_INET = 2;
const rawNonBlocking = 3 | 0x800 | 0x8_0000;
const IPIP = 4;
const RAW = 255;
const TCP_SYN = 2;

export const service = '192.0.2.1';
export const servicePort = 443;
export const balancerAddress = '10.9.0.254';
/** Buckets of the balancer. */
export const buckets = 64;

/** A server. */
export class LabServer {
  readonly id: number;
  readonly namespace: NetworkNamespace;
  /** Connections that it has. */
  readonly accepted = new Set<Socket>();
  private readonly chain: DaisyChain;
  private readonly incoming: number;
  private readonly outgoing: number;
  private readonly watch: ReadableWatch;
  private readonly listener: Server;
  private readonly room = Buffer.alloc(1 << 16);
  private readonly buffer = new NativeBuffer(1 << 16);
  /** Clients' addresses and ports that a SYN came from. */
  private readonly flows = new Set<string>();
  private isAlive = true;

  constructor(id: number, middle: NetworkNamespace, peers: readonly number[]) {
    this.id = id;
    const namespace = NetworkNamespace.create(`server ${id}`);
    this.namespace = namespace;
    middle.connectTo(namespace, `b${id}`, 's0');
    middle.ip(`address add 10.9.${id}.254/24 dev b${id}`);
    namespace.ip(
      ...[`address add 10.9.${id}.1/24 dev s0`, `route add default via 10.9.${id}.254`],
      `address add ${service}/32 dev lo`,
    );
    for (const name of ['all', 'default', 's0', 'lo']) namespace.sysctl(`net.ipv4.conf.${name}.rp_filter`, 0);
    this.chain = new DaisyChain({
      ...{ address: address(`10.9.${id}.1`), balancers: [address(balancerAddress)], buckets },
      peers: peers.filter((peer) => peer !== id).map((peer) => address(`10.9.${peer}.1`)),
      services: [{ address: address(service), port: servicePort }],
    });
    this.incoming = namespace.run(() => socket(AF_INET, rawNonBlocking, IPIP));
    this.outgoing = namespace.run(() => socket(AF_INET, rawNonBlocking, RAW));
    this.watch = watchReadable(this.incoming, () => this.receive());
    const fd = listenKernel({ address: '0.0.0.0', port: servicePort, namespace });
    this.listener = new Server((accepted) => {
      this.accepted.add(accepted);
      accepted.on('error', () => undefined).on('close', () => this.accepted.delete(accepted));
      accepted.pipe(accepted);
    }).listen({ fd });
  }

  /** As if the machine had lost its power. */
  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.namespace.ip('link set s0 down');
    this.listener.close();
    for (const each of this.accepted) each.destroy();
    this.watch.close();
    closeSync(this.incoming);
    closeSync(this.outgoing);
  }

  close(): void {
    this.kill();
    this.namespace.close();
  }

  private receive(): void {
    for (let left = 1000; left > 0 && this.isAlive; left--) {
      let length: number;
      try {
        length = readSync(this.incoming, this.room);
      } catch {
        return;
      }
      this.take(this.room.subarray(0, length));
    }
  }

  private take(packet: Buffer): void {
    const { chain } = this;
    let arrival = chain.open(packet);
    if (arrival === 'plain' || arrival === 'drop') return;
    const inner = packet.subarray(chain.innerOffset, chain.innerOffset + chain.innerLength);
    const flow = inner.toString('hex', 12, 16) + inner.toString('hex', 20, 22);
    if (arrival === 'ask') arrival = chain.settle(nowNs(), this.flows.has(flow));
    if (arrival === 'keep') {
      if ((inner[33]! & TCP_SYN) !== 0) this.flows.add(flow);
      this.send(inner, service);
    } else if (arrival === 'forward') {
      const outer = chain.forwarded(nowNs());
      this.send(outer, [...outer.subarray(16, 20)].join('.'));
    }
  }

  private send(packet: Uint8Array, to: string): void {
    this.buffer.bytes.set(packet);
    sendFrom(this.outgoing, this.buffer.address, packet.length, encodeSocketAddress(to, 0));
  }
}

/** A connection of the client's; what it sends comes back. */
export class LabConnection {
  readonly socket: Socket;
  private sent = 0;
  private received = 0;

  constructor(fd: number) {
    this.socket = new Socket({ fd });
    this.socket.on('error', () => undefined).on('data', (chunk: Buffer) => (this.received += chunk.length));
  }

  send(bytes: number): void {
    this.socket.write(Buffer.alloc(bytes, 7));
    this.sent += bytes;
  }

  /** Whether all that was sent came back. */
  get isEchoed(): boolean {
    return !this.socket.destroyed && this.received === this.sent;
  }

  /** The client's port. */
  get port(): number {
    return this.socket.localPort!;
  }
}

/** See the module. */
export class RunLab {
  readonly client = NetworkNamespace.create('client');
  readonly middle = NetworkNamespace.create('middle');
  readonly servers = new Map<number, LabServer>();
  private readonly connections: LabConnection[] = [];

  constructor(ids: readonly number[]) {
    const { client, middle } = this;
    client.connectTo(middle, 'c0', 'b0');
    // The program at the other end sees packets before any hardware would have summed them up; and there has to be room around them.
    sumInSoftware(client, 'c0');
    client.ip('link set c0 mtu 1400', 'address add 10.1.0.2/24 dev c0', 'route add default via 10.1.0.1');
    middle.ip('address add 10.1.0.1/24 dev b0', `address add ${balancerAddress}/32 dev lo`);
    middle.sysctl('net.ipv4.ip_forward', 1);
    for (const id of ids) this.servers.set(id, new LabServer(id, middle, ids));
  }

  /** Opens so many connections to the service. */
  connect(count: number): LabConnection[] {
    const opened = Array.from({ length: count }, () => {
      const fd = connectKernel({ address: service, port: servicePort, namespace: this.client });
      return new LabConnection(fd);
    });
    this.connections.push(...opened);
    return opened;
  }

  /** Ports of the clients whose connections a server has. */
  portsAt(id: number): Set<number> {
    return new Set([...this.servers.get(id)!.accepted].map((each) => each.remotePort!));
  }

  /** Whether an XDP program is at work on the interface that clients come in by. */
  get isAttached(): boolean {
    return /\bxdp/.test(this.middle.ip('link show dev b0'));
  }

  close(): void {
    for (const { socket: each } of this.connections) each.destroy();
    for (const server of this.servers.values()) server.close();
    this.client.close();
    this.middle.close();
  }
}
