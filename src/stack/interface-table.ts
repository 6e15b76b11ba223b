/**
 * A host's interfaces, their addresses, and the choice between them. A packet leaves by the interface that owns its
 * source address, whatever its destination: for Multipath TCP the source address is the choice of a path. What answers a
 * peer leaves by the interface that the peer's packets came in by, so that a path is one in both directions. The route
 * table answers one question only, in source-selection.ts: which source address does a new connection take that asked for
 * none. Accepts packets
 * for any of its addresses on any interface (the weak model of RFC 1122 §3.3.4.2, on the receiving side only).
 */
import { SubflowError } from '../base/index.js';
import type { LocalAddress, LocalLink } from '../mptcp/index.js';
import { unknownLink, type LinkFacts } from '../policy/index.js';
import type { IpAddress, Nat64Prefix } from '../wire/index.js';

/** Address IDs are octets, and 0 is the address that a connection began with (RFC 8684 §3.2). */
const MAX_ADDRESS_ID = 255;

/** An address with the length of the on-link prefix. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  /** Bits that addresses on this link share, 0 to 32 or 128. */
  readonly prefixLength: number;
  /** Whether subflows from this address are backups (RFC 8684 §3.3.8). Default false. */
  readonly backup?: boolean;
  /** Whether the path manager may open subflows from it. Default true. */
  readonly subflow?: boolean;
  /** Whether peers are told of it (ADD_ADDR, RFC 8684 §3.4.1): what a server with several addresses wants. Default false. */
  readonly signal?: boolean;
  /** For the path manager `linux`: subflows from it go to every address of the peer. Default false. */
  readonly fullMesh?: boolean;
  /** For the path manager `linux`: one address that the peer announces gets a subflow from it. Default false. */
  readonly laminar?: boolean;
  /** Port announced with it; left out or 0: the port of the connection. */
  readonly port?: number;
}

/** What a device does for the stack. */
export interface InterfaceCapabilities {
  /** The device fills in TCP checksums of outgoing packets. */
  readonly checksumOffload: boolean;
  /** TCP payload octets of the largest super-segment that the device cuts up itself; 0 for none, at most 65,435. */
  readonly maxOffloadBytes: number;
}

/** A new interface. */
export interface InterfaceOptions {
  /** Unique on the host, for people. */
  readonly name: string;
  /** Octets of the largest IP packet: 68 to 65,535, and from 1,280 where an address is of IPv6 (RFC 8200 §5). */
  readonly mtu: number;
  readonly addresses: readonly InterfaceAddress[];
  /** Nothing is offloaded unless this says so. */
  readonly capabilities?: InterfaceCapabilities;
  /** Preference among interfaces for destinations that are on no link and match no route; lower first. Default 0. */
  readonly metric?: number;
  /**
   * Prefixes by which a translator of this network reaches IPv4 (RFC 6052), best first. They count while the interface has
   * no IPv4 address of its own. Default none.
   */
  readonly nat64Prefixes?: readonly Nat64Prefix[];
  /** What is known of its link; default nothing. See `Stack.setLinkFacts`. */
  readonly link?: LinkFacts;
}

/** Sends destinations in a prefix through an interface unless the connection chose its source address itself. */
export interface Route {
  readonly prefix: IpAddress;
  readonly prefixLength: number;
  readonly interfaceId: number;
  /** Preference among routes of the same prefix length; lower first. Default 0. */
  readonly metric?: number;
}

/** An interface as the table holds it. */
export class NetworkInterface {
  readonly id: number;
  readonly name: string;
  readonly mtu: number;
  readonly metric: number;
  readonly capabilities: InterfaceCapabilities;
  /** Addresses in the order in which they were added: the first of a family is preferred. */
  readonly addresses: InterfaceAddress[];
  /** Address IDs of `addresses`, in the same order. */
  readonly addressIds: number[];
  /** Whether packets pass. */
  up = true;
  /** What its network reaches IPv4 by, best first. */
  nat64Prefixes: readonly Nat64Prefix[];
  /** Its link as path managers see it. */
  link: LocalLink;
  /** Octets of the IP packets that passed while the link was metered, both ways. */
  meteredBytes = 0;

  constructor(id: number, options: InterfaceOptions) {
    this.id = id;
    this.name = options.name;
    this.mtu = options.mtu;
    this.metric = options.metric ?? 0;
    this.capabilities = options.capabilities ?? { checksumOffload: false, maxOffloadBytes: 0 };
    this.addresses = [];
    this.addressIds = [];
    this.nat64Prefixes = options.nat64Prefixes ?? [];
    this.link = { id, facts: options.link ?? unknownLink };
  }

  /** Whether packets sent over it may arrive: it is up, and has a carrier as far as is known. */
  get isInService(): boolean {
    return this.up && this.link.facts.hasCarrier;
  }

  /** The NAT64 prefixes that count: none next to IPv4. */
  get usableNat64Prefixes(): readonly Nat64Prefix[] {
    return this.addresses.some(({ address }) => address.family === 4) ? [] : this.nat64Prefixes;
  }
}

export class InterfaceTable {
  private readonly interfaces: NetworkInterface[] = [];
  /** In the order in which they were added. */
  readonly routes: Route[] = [];
  private nextId = 0;
  /** Where the search for a free address ID begins. */
  private nextAddressId = 1;
  /** What {@link localAddresses} gives; undefined after a change. Shared by all connections. */
  private usable: readonly LocalAddress[] | undefined;
  /** The answer of the last {@link ownerOf}: packets come in runs. */
  private lastAddress: IpAddress | undefined;
  private lastOwner: NetworkInterface | undefined;

  /** Every interface, up or down, in the order in which they were added. */
  get all(): readonly NetworkInterface[] {
    return this.interfaces;
  }

  /** Whether no interface has a NAT64 prefix. */
  get isWithoutNat64(): boolean {
    return this.interfaces.every(({ nat64Prefixes }) => nat64Prefixes.length === 0);
  }

  /** Adds an interface; throws `ERR_SUBFLOW_BAD_INTERFACE` for a name or an address that is taken, or a silly MTU. */
  add(options: InterfaceOptions): NetworkInterface {
    if (this.interfaces.some((other) => other.name === options.name)) {
      throw badInterface(`an interface is called ${options.name} already`);
    }
    if (!(options.mtu >= 68 && options.mtu <= 65_535)) {
      throw badInterface(`an MTU of ${options.mtu} octets cannot be`);
    }
    for (const entry of options.addresses) this.checkAddress(entry, options.mtu);
    const added = new NetworkInterface(this.nextId++, options);
    this.interfaces.push(added);
    for (const entry of options.addresses) this.addAddress(added.id, entry);
    return added;
  }

  /** The interface with this id; throws `ERR_SUBFLOW_BAD_INTERFACE` when there is none. */
  get(id: number): NetworkInterface {
    const found = this.find(id);
    if (found === undefined) throw badInterface(`there is no interface ${id}`);
    return found;
  }

  /** The interface called `name`; throws `ERR_SUBFLOW_BAD_INTERFACE` when there is none. */
  named(name: string): NetworkInterface {
    const found = this.interfaces.find((candidate) => candidate.name === name);
    if (found === undefined) throw badInterface(`there is no interface called ${name}`);
    return found;
  }

  /** The interface with this id, if there is one. */
  find(id: number): NetworkInterface | undefined {
    for (const candidate of this.interfaces) if (candidate.id === id) return candidate;
    return undefined;
  }

  /** Takes an interface and its routes out. */
  remove(id: number): void {
    this.interfaces.splice(this.interfaces.indexOf(this.get(id)), 1);
    for (let i = this.routes.length - 1; i >= 0; i--) {
      if (this.routes[i]!.interfaceId === id) this.routes.splice(i, 1);
    }
    this.noteChange();
  }

  /** Gives an interface one more address. */
  addAddress(id: number, entry: InterfaceAddress): void {
    const target = this.get(id);
    this.checkAddress(entry, target.mtu);
    target.addressIds.push(this.drawAddressId());
    target.addresses.push(entry);
    this.noteChange();
  }

  /** Lets packets pass, or not; returns whether that is a change. */
  setUp(id: number, up: boolean): boolean {
    const target = this.get(id);
    if (target.up === up) return false;
    target.up = up;
    this.noteChange();
    return true;
  }

  /** Takes what is known of an interface's link from now on; returns whether that is a change. */
  setLink(id: number, facts: LinkFacts): boolean {
    const target = this.get(id);
    if (isSameLink(target.link.facts, facts)) return false;
    target.link = { id, facts };
    this.noteChange();
    return true;
  }

  /** Names the NAT64 prefixes of an interface's network, best first. */
  setNat64Prefixes(id: number, prefixes: readonly Nat64Prefix[]): void {
    this.get(id).nat64Prefixes = prefixes;
    this.noteChange();
  }

  /** Takes an address away; returns whether the interface had it. */
  removeAddress(id: number, address: IpAddress): boolean {
    const { addresses, addressIds } = this.get(id);
    const index = addresses.findIndex((entry) => entry.address.equals(address));
    if (index < 0) return false;
    addresses.splice(index, 1);
    addressIds.splice(index, 1);
    this.noteChange();
    return true;
  }

  /** The addresses of all interfaces that are in service, as path managers see them. The same array until something changes. */
  localAddresses(): readonly LocalAddress[] {
    if (this.usable !== undefined) return this.usable;
    const usable: LocalAddress[] = [];
    for (const candidate of this.interfaces) {
      if (!candidate.isInService) continue;
      const { link } = candidate;
      const nat64Prefixes = candidate.usableNat64Prefixes;
      candidate.addresses.forEach((entry, index) =>
        usable.push({
          address: entry.address,
          id: candidate.addressIds[index]!,
          subflow: entry.subflow ?? true,
          signal: entry.signal ?? false,
          port: entry.port ?? 0,
          backup: entry.backup ?? false,
          link,
          ...(entry.fullMesh === true && { fullMesh: true }),
          ...(entry.laminar === true && { laminar: true }),
          ...(nat64Prefixes.length > 0 && { nat64Prefixes }),
        }),
      );
    }
    this.usable = usable;
    return usable;
  }

  /** Adds a route; its interface must exist. */
  addRoute(route: Route): void {
    this.get(route.interfaceId);
    this.routes.push(route);
  }

  /** The interface that owns `address`, up or down. */
  ownerOf(address: IpAddress): NetworkInterface | undefined {
    if (address === this.lastAddress) return this.lastOwner;
    for (const candidate of this.interfaces) {
      for (const entry of candidate.addresses) {
        if (!entry.address.equals(address)) continue;
        this.lastAddress = address;
        this.lastOwner = candidate;
        return candidate;
      }
    }
    return undefined;
  }

  /**
   * The interface by which an answer from `local` leaves: the one that was asked, `arrivedOn`; the owner of `local`
   * where that is -1 or gone. Undefined when `local` is no address of ours.
   */
  answerFrom(local: IpAddress, arrivedOn: number): NetworkInterface | undefined {
    const owner = this.ownerOf(local);
    if (owner === undefined || arrivedOn < 0 || owner.id === arrivedOn) return owner;
    return this.find(arrivedOn) ?? owner;
  }

  /** The address of ours that the bytes at `offset` are, if they are one. */
  localAddress(family: 4 | 6, bytes: Uint8Array, offset: number): IpAddress | undefined {
    for (const candidate of this.interfaces) {
      for (const { address } of candidate.addresses) {
        if (address.family === family && address.equalsBytes(bytes, offset)) return address;
      }
    }
    return undefined;
  }

  private checkAddress(entry: InterfaceAddress, mtu: number): void {
    const { address, prefixLength } = entry;
    if (address.family === 6 && mtu < 1280)
      throw badInterface(`an MTU of ${mtu} octets is too small for IPv6`);
    if (!address.isOneHost) throw badInterface(`${address.toString()} cannot be an address of an interface`);
    if (!(prefixLength >= 0 && prefixLength <= address.byteLength * 8)) {
      throw badInterface(`a prefix of ${prefixLength} bits cannot be`);
    }
    if (this.ownerOf(address) !== undefined) {
      throw badInterface(`${address.toString()} belongs to an interface already`);
    }
  }

  /** An ID that no address has, as long unused as can be: a peer may still know an old one (RFC 8684 §3.4.2). */
  private drawAddressId(): number {
    for (let tries = 0; tries < MAX_ADDRESS_ID; tries++) {
      const id = this.nextAddressId;
      this.nextAddressId = id === MAX_ADDRESS_ID ? 1 : id + 1;
      if (!this.interfaces.some((other) => other.addressIds.includes(id))) return id;
    }
    throw badInterface(`a host has no more than ${MAX_ADDRESS_ID} addresses`);
  }

  private noteChange(): void {
    this.lastAddress = undefined;
    this.lastOwner = undefined;
    this.usable = undefined;
  }
}

function isSameLink(a: LinkFacts, b: LinkFacts): boolean {
  return (
    a.kind === b.kind &&
    a.isMetered === b.isMetered &&
    a.hasCarrier === b.hasCarrier &&
    a.signalDbm === b.signalDbm
  );
}

function badInterface(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_INTERFACE', message);
}
