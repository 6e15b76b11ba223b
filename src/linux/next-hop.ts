/**
 * The next hop to a host: interface and Ethernet addresses, from the kernel's routes and its table of neighbours. A program that sends
 * frames past the kernel's own sending has to look them up, has the kernel ask for a neighbour that it does not know, and
 * keeps the kernel's knowledge fresh: nothing else uses these neighbours, and the kernel forgets what is not used. To that end it sends
 * an empty datagram to the discard port (RFC 863), which takes no rights, and works on a link without link-local addresses as well.
 *
 * Read first: rtnetlink(7), ip-neighbour(8).
 */
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SubflowError } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  ECONNREFUSED,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from './constants.js';
import { NativeBuffer, type ReadableWatch, sendFrom, socket } from './libc.js';
import { inside, type NetworkNamespace } from './namespace.js';
import {
  NetlinkError,
  readAttributes,
  routeQueryTo,
  RouteSocket,
  routingMessages,
  textOf,
  watchRoutes,
} from './netlink/index.js';
import { encodeSocketAddress } from './socket-address.js';
import { SystemError } from './system-error.js';

const RTM_GETLINK = 18;
const RTM_GETNEIGH = 30;
/** RTMGRP_LINK, RTMGRP_NEIGH, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE (linux/rtnetlink.h). */
const GROUPS = 0x1 | 0x4 | 0x40 | 0x400;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PREFSRC = 7;
const RTA_VIA = 18;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const ARPHRD_ETHER = 1;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const DISCARD_PORT = 9;
const ETHERNET_ADDRESS_BYTES = 6;
/** How often the kernel is told that the neighbours are in use: below the 60 s after which it forgets unused ones. */
const REFRESH_MS = 20_000;
/** Announcements of so long together count as one. */
const GATHER_MS = 20;
const POLL_MS = 10;

/** The way of frames to a host. */
export interface NextHop {
  readonly interfaceIndex: number;
  readonly interfaceName: string;
  /** Ethernet address of that interface: 6 bytes. */
  readonly ownHop: Uint8Array;
  /** Ethernet address of the host, or of the router before it: 6 bytes. */
  readonly nextHop: Uint8Array;
  /** The address of this machine that the kernel would send from. */
  readonly source: IpAddress;
}

/** Where the kernel would send, before neighbours. */
interface Route {
  readonly interfaceIndex: number;
  readonly neighbour: IpAddress;
  readonly source: IpAddress;
}

/** See the module. */
export class NextHops {
  private readonly namespace: NetworkNamespace | undefined;
  private readonly socket: RouteSocket;
  private readonly watch: ReadableWatch;
  private readonly onChange: () => void;
  private readonly refresh: NodeJS.Timeout;
  private gathering: NodeJS.Timeout | undefined;
  /** Hosts that are followed, by their address in text, with the last hop that was found. */
  private followed = new Map<string, { readonly host: IpAddress; hop: NextHop | undefined }>();
  /** Sockets that have neighbours looked for, by family. */
  private readonly senders = new Map<4 | 6, number>();
  private readonly nothing = new NativeBuffer(8);
  private closed = false;

  /**
   * Looks at the routes and neighbours of `namespace`; of the calling thread's by default. Calls `onChange` from the event loop
   * when the hop to a host that is followed is another one, or is known for the first time.
   */
  constructor(options: { readonly namespace?: NetworkNamespace; readonly onChange?: () => void } = {}) {
    this.namespace = options.namespace;
    this.onChange = options.onChange ?? (() => undefined);
    this.socket = inside(this.namespace, () => new RouteSocket());
    try {
      this.watch = inside(this.namespace, () => watchRoutes(GROUPS, () => this.gather()));
    } catch (error) {
      this.socket.close();
      throw error;
    }
    this.refresh = setInterval(() => this.touchAll(), REFRESH_MS).unref();
  }

  /**
   * The hop to `host` as the kernel knows it; undefined while the neighbour is unknown, which the kernel then asks for.
   * @throws SystemError `ENETUNREACH` and the like where there is no route.
   * @throws SubflowError `ERR_SUBFLOW_UNSUPPORTED` where the way is none of Ethernet frames.
   */
  find(host: IpAddress): NextHop | undefined {
    const route = this.routeTo(host);
    const { interfaceIndex, source } = route;
    const { interfaceName, ownHop } = this.interfaceOf(interfaceIndex, host);
    const nextHop = this.neighbourOf(route);
    if (nextHop !== undefined) return { interfaceIndex, interfaceName, ownHop, nextHop, source };
    this.touch(host);
    return undefined;
  }

  /**
   * The hop to `host`, as soon as the neighbour has answered.
   * @throws as {@link find}; SubflowError `EHOSTUNREACH` when there is no answer within `timeoutMs`.
   */
  async resolve(host: IpAddress, timeoutMs = 3000): Promise<NextHop> {
    for (let waitedMs = 0; ; waitedMs += POLL_MS) {
      const hop = this.find(host);
      if (hop !== undefined) return hop;
      if (waitedMs >= timeoutMs || this.closed) break;
      await sleep(POLL_MS);
    }
    throw new SubflowError('EHOSTUNREACH', `${host.toString()} does not answer on its link`, {
      hint: `Is it up, and is the route right? ip route get ${host.toString()}`,
    });
  }

  /** Follows these hosts from now on, and no others. */
  follow(hosts: readonly IpAddress[]): void {
    const before = this.followed;
    this.followed = new Map(
      hosts.map((host) => [host.toString(), before.get(host.toString()) ?? { host, hop: undefined }]),
    );
    this.look();
  }

  /**
   * The hop to a host that is followed, the last one known while the neighbour does not answer; undefined when it never did, or there is
   * no way to it.
   */
  hopTo(host: IpAddress): NextHop | undefined {
    return this.followed.get(host.toString())?.hop;
  }

  /** Stops following. Closing twice does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.refresh);
    clearTimeout(this.gathering);
    this.watch.close();
    this.socket.close();
    for (const fd of this.senders.values()) closeSync(fd);
  }

  private gather(): void {
    if (this.closed || this.gathering !== undefined) return;
    this.gathering = setTimeout(() => {
      this.gathering = undefined;
      if (this.look()) this.onChange();
    }, GATHER_MS);
  }

  /** Looks all hops up again. Returns whether any is another one. */
  private look(): boolean {
    let isChanged = false;
    for (const each of this.followed.values()) {
      const hop = this.attempt(() => this.find(each.host));
      if (hop === undefined || isSame(hop, each.hop)) continue;
      each.hop = hop;
      isChanged = true;
    }
    return isChanged;
  }

  private touchAll(): void {
    for (const { host } of this.followed.values()) this.attempt(() => this.touch(host));
    if (this.look()) this.onChange();
  }

  /** A host out of reach now may be in reach later. */
  private attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (error instanceof SubflowError) return undefined;
      throw error;
    }
  }

  private routeTo(host: IpAddress): Route {
    const label = `the route to ${host.toString()}`;
    const answer = this.socket.request(label, { type: routingMessages.getRoute, ...routeQueryTo(host) });
    const kind = answer?.[7];
    if (answer === undefined || kind !== RTN_UNICAST) {
      throw kind === RTN_LOCAL
        ? unsupported(`${host.toString()} is an address of this machine's own`)
        : new SubflowError('ENETUNREACH', `there is no route to ${host.toString()}`, {
            hint: `Add one: ip route get ${host.toString()} shows what the kernel makes of it.`,
          });
    }
    const attributes = readAttributes(answer.subarray(12));
    const source = addressOf(attributes.get(RTA_PREFSRC)) ?? IpAddress.unspecified(host.family);
    return {
      interfaceIndex: numberOf(attributes.get(RTA_OIF)),
      neighbour: gatewayOf(attributes) ?? host,
      source,
    };
  }

  private interfaceOf(index: number, host: IpAddress): { interfaceName: string; ownHop: Uint8Array } {
    const header = new Uint8Array(16);
    new DataView(header.buffer).setInt32(4, index, true);
    const label = `the interface with the number ${index}`;
    const answer = this.socket.request(label, { type: RTM_GETLINK, header, attributes: [] });
    const attributes = readAttributes(answer?.subarray(16) ?? new Uint8Array(0));
    const interfaceName = textOf(attributes.get(IFLA_IFNAME));
    const ownHop = attributes.get(IFLA_ADDRESS);
    const kind = answer === undefined ? 0 : new DataView(answer.buffer, answer.byteOffset).getUint16(2, true);
    if (kind !== ARPHRD_ETHER || ownHop?.length !== ETHERNET_ADDRESS_BYTES)
      throw unsupported(`${interfaceName}, which leads to ${host.toString()}, carries no Ethernet frames`);
    return { interfaceName, ownHop };
  }

  /** The neighbour's Ethernet address; undefined while it is unknown. */
  private neighbourOf({ interfaceIndex, neighbour }: Route): Uint8Array | undefined {
    try {
      const answer = this.socket.request(`the neighbour ${neighbour.toString()}`, {
        ...{ type: RTM_GETNEIGH, header: neighbourHeader(interfaceIndex, neighbour) },
        attributes: [{ type: NDA_DST, bytes: neighbour.toBytes() }],
      });
      const hop = readAttributes(answer?.subarray(12) ?? new Uint8Array(0)).get(NDA_LLADDR);
      return hop?.length === ETHERNET_ADDRESS_BYTES ? hop : undefined;
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Sends something to `host`, so that the kernel looks whether the neighbour on the way is there. */
  private touch(host: IpAddress): void {
    const fd = this.senders.get(host.family) ?? this.openSender(host.family);
    const sent = sendFrom(fd, this.nothing.address, 0, encodeSocketAddress(host.toString(), DISCARD_PORT));
    // A refusal of one that was sent before, and a queue that is full, are as good as an answer.
    if (sent < 0 && sent !== -EAGAIN && sent !== -ECONNREFUSED)
      throw new SystemError('sendto', -sent, { detail: host.toString() });
  }

  private openSender(family: 4 | 6): number {
    const fd = inside(this.namespace, () =>
      socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
    );
    this.senders.set(family, fd);
    return fd;
  }
}

function neighbourHeader(interfaceIndex: number, neighbour: IpAddress): Uint8Array {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  view.setUint8(0, familyOf(neighbour));
  view.setInt32(4, interfaceIndex, true);
  return header;
}

/** The router's address: of the same family, or behind its family where IPv4 goes by a router of IPv6. */
function gatewayOf(attributes: ReadonlyMap<number, Uint8Array>): IpAddress | undefined {
  return addressOf(attributes.get(RTA_GATEWAY)) ?? addressOf(attributes.get(RTA_VIA)?.subarray(2));
}

function addressOf(bytes: Uint8Array | undefined): IpAddress | undefined {
  if (bytes?.length === 4) return IpAddress.read(4, bytes, 0);
  return bytes?.length === 16 ? IpAddress.read(6, bytes, 0) : undefined;
}

function numberOf(bytes: Uint8Array | undefined): number {
  return bytes?.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) : 0;
}

function familyOf(address: IpAddress): number {
  return address.family === 4 ? AF_INET : AF_INET6;
}

function isSame(a: NextHop, b: NextHop | undefined): boolean {
  return (
    b !== undefined &&
    a.interfaceIndex === b.interfaceIndex &&
    a.source.equals(b.source) &&
    a.ownHop.every((byte, i) => byte === b.ownHop[i]) &&
    a.nextHop.every((byte, i) => byte === b.nextHop[i])
  );
}

function unsupported(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_UNSUPPORTED', message, {
    hint: 'Servers are reached by an Ethernet interface.',
  });
}
