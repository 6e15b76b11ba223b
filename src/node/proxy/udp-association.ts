/**
 * Datagrams of a client of SOCKS 5: they come in at a port of the proxy's that is this client's alone, go out from another,
 * and what peers answer goes back. Bound to the client's TCP connection: it ends with that.
 *
 * - From the client come datagrams whose address is that of its connection, from the port that it named or the first one that
 *   is heard from. All others are dropped, and so are fragments (RFC 1928 §7).
 * - Each destination is held to the rules, a name's addresses too. Peers that were never sent anything are not heard.
 * - Nothing is queued for long: what cannot be sent, or waits for too many names, is dropped, as datagrams are.
 *
 * Read first: RFC 1928 §6 and §7.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { emitDatagramHeader, parseDatagramHeader, type SocksHost } from '../../socks/index.js';
import { type Endpoint, formatEndpoint, IpAddress } from '../../wire/index.js';
import type { AccessRules } from '../relay/index.js';
import { isOwnAddress, refusalOf } from '../relay/index.js';
import { type Lookup, permittedAddresses } from './permitted-addresses.js';

/** Peers whose datagrams are let in; the one that was sent to longest ago makes way. */
export const MAX_PEERS = 1024;
/** Names that are looked up at a time. */
export const MAX_LOOKUPS = 16;
/** Names whose address is known, and for how long, in ms. */
const MAX_NAMES = 256;
const NAME_MS = 30_000;
/** Bytes that may wait to be sent in each direction. */
const MAX_QUEUED_BYTES = 1 << 20;

/** What it needs to know. */
export interface UdpOptions {
  /** Where the client's TCP connection comes from, and where it came to. */
  readonly client: IpAddress;
  readonly local: IpAddress;
  /** The port that the client says it sends from; 0: the first one that is heard from. */
  readonly port: number;
  readonly lookup?: Lookup | undefined;
  readonly rules: () => AccessRules;
  /** Called for each datagram that is relayed. */
  onActivity(): void;
}

/** What was relayed. */
export interface UdpCounts {
  clientBytes: number;
  serverBytes: number;
  clientDatagrams: number;
  serverDatagrams: number;
  /** Datagrams that were not relayed, for whatever reason. */
  dropped: number;
}

/** See the module. */
export class UdpAssociation {
  readonly counts: UdpCounts = {
    ...{ clientBytes: 0, serverBytes: 0, clientDatagrams: 0, serverDatagrams: 0, dropped: 0 },
  };
  private readonly options: UdpOptions;
  private readonly inside: Socket;
  /** Towards peers, by family; opened when they are needed. */
  private readonly outside = new Map<4 | 6, Socket>();
  private clientPort: number;
  private readonly peers = new Set<string>();
  private readonly names = new Map<
    string,
    { readonly address: IpAddress | undefined; readonly until: number }
  >();
  private lookups = 0;
  private readonly controller = new AbortController();
  private isClosed = false;

  private constructor(options: UdpOptions) {
    this.options = options;
    this.clientPort = options.port;
    this.inside = this.makeSocket(options.local.family);
    this.inside.on('message', (bytes, from) => this.fromClient(bytes, from));
  }

  /** Opens one, and says where datagrams are to be sent. Rejects as `dgram` does. */
  static async open(options: UdpOptions): Promise<{ association: UdpAssociation; at: Endpoint }> {
    const association = new UdpAssociation(options);
    const { inside } = association;
    await new Promise<void>((resolve, reject) => {
      inside.once('error', reject);
      inside.bind({ address: options.local.toString(), port: 0, exclusive: true }, () => resolve());
    });
    return { association, at: { address: options.local, port: inside.address().port } };
  }

  private makeSocket(family: 4 | 6): Socket {
    const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6' });
    // What ICMP says of a peer is told of the socket: it goes on for the others.
    socket.on('error', () => this.counts.dropped++);
    return socket;
  }

  private fromClient(bytes: Buffer, from: RemoteInfo): void {
    const address = IpAddress.parse(from.address.replace(/%.*$/, ''));
    const isClient = address?.equals(this.options.client) === true;
    const datagram = parseDatagramHeader(bytes);
    if (!isClient || !datagram.ok || datagram.value.fragment !== 0 || datagram.value.port === 0) {
      this.counts.dropped++;
      return;
    }
    if (this.clientPort === 0) this.clientPort = from.port;
    if (from.port !== this.clientPort) {
      this.counts.dropped++;
      return;
    }
    this.relayOut(datagram.value.host, datagram.value.port, datagram.value.data);
  }

  private relayOut(host: SocksHost, port: number, data: Uint8Array): void {
    if (typeof host !== 'string') {
      this.sendOut(host, port, data);
      return;
    }
    const known = this.names.get(host);
    if (known !== undefined && known.until > Date.now()) {
      if (known.address === undefined) this.counts.dropped++;
      else this.sendOut(known.address, port, data);
      return;
    }
    if (this.lookups >= MAX_LOOKUPS) {
      this.counts.dropped++;
      return;
    }
    void this.lookUp(host).then((address) => {
      if (address === undefined) this.counts.dropped++;
      else this.sendOut(address, port, data);
    });
  }

  /** The first address of a name that the rules allow; also what does not exist is known for a while. */
  private async lookUp(name: string): Promise<IpAddress | undefined> {
    this.lookups++;
    const { lookup, rules } = this.options;
    const address = await permittedAddresses(name, rules(), this.controller.signal, lookup).then(
      ([first]) => first,
      () => undefined,
    );
    this.lookups--;
    this.names.delete(name);
    this.names.set(name, { address, until: Date.now() + NAME_MS });
    if (this.names.size > MAX_NAMES) this.names.delete(this.names.keys().next().value!);
    return address;
  }

  private sendOut(address: IpAddress, port: number, data: Uint8Array): void {
    if (this.isClosed || refusalOf(this.options.rules(), address, isOwnAddress) !== undefined) {
      this.counts.dropped++;
      return;
    }
    const socket = this.outsideOf(address.family);
    if (socket.getSendQueueSize() > MAX_QUEUED_BYTES) {
      this.counts.dropped++;
      return;
    }
    this.remember(formatEndpoint({ address, port }));
    this.counts.clientDatagrams++;
    this.counts.clientBytes += data.length;
    this.options.onActivity();
    socket.send(data, port, address.toString(), (error) => {
      if (error !== null) this.counts.dropped++;
    });
  }

  private outsideOf(family: 4 | 6): Socket {
    let socket = this.outside.get(family);
    if (socket === undefined) {
      socket = this.makeSocket(family);
      socket.on('message', (bytes, from) => this.fromPeer(bytes, from));
      this.outside.set(family, socket);
    }
    return socket;
  }

  private remember(peer: string): void {
    this.peers.delete(peer);
    this.peers.add(peer);
    if (this.peers.size <= MAX_PEERS) return;
    const [oldest] = this.peers;
    this.peers.delete(oldest!);
  }

  private fromPeer(data: Buffer, from: RemoteInfo): void {
    const address = IpAddress.parse(from.address.replace(/%.*$/, ''));
    const isKnown = address !== undefined && this.peers.has(formatEndpoint({ address, port: from.port }));
    if (this.isClosed || !isKnown || this.inside.getSendQueueSize() > MAX_QUEUED_BYTES) {
      this.counts.dropped++;
      return;
    }
    this.counts.serverDatagrams++;
    this.counts.serverBytes += data.length;
    this.options.onActivity();
    const bytes = emitDatagramHeader({ host: address, port: from.port, fragment: 0, data });
    this.inside.send(bytes, this.clientPort, this.options.client.toString(), (error) => {
      if (error !== null) this.counts.dropped++;
    });
  }

  /** Closes all sockets. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.controller.abort(new Error('closed'));
    this.inside.close();
    for (const socket of this.outside.values()) socket.close();
  }
}
