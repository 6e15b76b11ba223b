/**
 * IP addresses and endpoints as values. Knows nothing of interfaces, zones or routes.
 * Read first: RFC 4291 §2, RFC 5952.
 */
import { formatIpv4Text, formatIpv6Text, parseIpv4Text, parseIpv6Text } from './address-text.js';
import { readU32, writeU32 } from './bytes.js';

/** An IPv4 or IPv6 address. Immutable; compare with {@link IpAddress.equals}, key maps by `toString()`. */
export class IpAddress {
  /** Version of IP that the address belongs to. */
  readonly family: 4 | 6;
  /** Bits 0 to 31 of an IPv6 address, 0 in an IPv4 one. */
  readonly a: number;
  /** Bits 32 to 63 of an IPv6 address, 0 in an IPv4 one. */
  readonly b: number;
  /** Bits 64 to 95 of an IPv6 address, 0 in an IPv4 one. */
  readonly c: number;
  /** Bits 96 to 127 of an IPv6 address, or the whole of an IPv4 one. */
  readonly d: number;

  /** The words are read modulo 2^32; `a`, `b` and `c` must be 0 for family 4. */
  constructor(family: 4 | 6, a: number, b: number, c: number, d: number) {
    this.family = family;
    this.a = a >>> 0;
    this.b = b >>> 0;
    this.c = c >>> 0;
    this.d = d >>> 0;
  }

  /** The unspecified address of `family`: 0.0.0.0 or `::`. */
  static unspecified(family: 4 | 6): IpAddress {
    return new IpAddress(family, 0, 0, 0, 0);
  }

  /** Reads the text form of either family; no brackets, no zone, no port. Undefined when it is not an address. */
  static parse(text: string): IpAddress | undefined {
    if (!text.includes(':')) {
      const word = parseIpv4Text(text);
      return word === undefined ? undefined : new IpAddress(4, 0, 0, 0, word);
    }
    const groups = parseIpv6Text(text);
    if (groups === undefined) return undefined;
    const word = (index: number): number => (groups[index]! << 16) | groups[index + 1]!;
    return new IpAddress(6, word(0), word(2), word(4), word(6));
  }

  /** The four bytes at `offset`; they must lie within `bytes`. */
  static readV4(bytes: Uint8Array, offset: number): IpAddress {
    return new IpAddress(4, 0, 0, 0, readU32(bytes, offset));
  }

  /** The sixteen bytes at `offset`; they must lie within `bytes`. */
  static readV6(bytes: Uint8Array, offset: number): IpAddress {
    return new IpAddress(
      6,
      readU32(bytes, offset),
      readU32(bytes, offset + 4),
      readU32(bytes, offset + 8),
      readU32(bytes, offset + 12),
    );
  }

  /** {@link IpAddress.readV4} or {@link IpAddress.readV6}. */
  static read(family: 4 | 6, bytes: Uint8Array, offset: number): IpAddress {
    return family === 4 ? IpAddress.readV4(bytes, offset) : IpAddress.readV6(bytes, offset);
  }

  /** Size in network form: 4 or 16 bytes. */
  get byteLength(): 4 | 16 {
    return this.family === 4 ? 4 : 16;
  }

  /** Writes the network form, {@link IpAddress.byteLength} bytes, at `offset`. */
  writeTo(bytes: Uint8Array, offset: number): void {
    if (this.family === 4) {
      writeU32(bytes, offset, this.d);
      return;
    }
    writeU32(bytes, offset, this.a);
    writeU32(bytes, offset + 4, this.b);
    writeU32(bytes, offset + 8, this.c);
    writeU32(bytes, offset + 12, this.d);
  }

  /** The network form as new bytes. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.byteLength);
    this.writeTo(bytes, 0);
    return bytes;
  }

  /** Whether both are the same address of the same family: `::ffff:1.2.3.4` does not equal `1.2.3.4`. */
  equals(other: IpAddress): boolean {
    return (
      this.d === other.d &&
      this.family === other.family &&
      this.c === other.c &&
      this.b === other.b &&
      this.a === other.a
    );
  }

  /** Whether the bytes at `offset`, an address of this one's family, are this address. Allocates nothing. */
  equalsBytes(bytes: Uint8Array, offset: number): boolean {
    if (this.family === 4) return readU32(bytes, offset) === this.d;
    return (
      readU32(bytes, offset + 12) === this.d &&
      readU32(bytes, offset + 8) === this.c &&
      readU32(bytes, offset + 4) === this.b &&
      readU32(bytes, offset) === this.a
    );
  }

  /** 0.0.0.0 or `::`. */
  get isUnspecified(): boolean {
    return this.d === 0 && this.c === 0 && this.b === 0 && this.a === 0;
  }

  /** 127.0.0.0/8 or `::1`. */
  get isLoopback(): boolean {
    if (this.family === 4) return this.d >>> 24 === 127;
    return this.d === 1 && this.c === 0 && this.b === 0 && this.a === 0;
  }

  /** 224.0.0.0/4 or ff00::/8. */
  get isMulticast(): boolean {
    return this.family === 4 ? this.d >>> 28 === 0xe : this.a >>> 24 === 0xff;
  }

  /** The limited broadcast address 255.255.255.255; IPv6 has none. */
  get isBroadcast(): boolean {
    return this.family === 4 && this.d === 0xffff_ffff;
  }

  /** Whether a host can have it as its own: neither unspecified nor one of several hosts. */
  get isOneHost(): boolean {
    return !this.isUnspecified && !this.isMulticast && !this.isBroadcast;
  }

  /** 169.254.0.0/16 or fe80::/10. */
  get isLinkLocal(): boolean {
    return this.family === 4 ? this.d >>> 16 === 0xa9fe : this.a >>> 22 === 0x3fa;
  }

  /** The IPv4 address within an IPv4-mapped IPv6 one (RFC 4291 §2.5.5.2); undefined for any other. */
  get mappedV4(): IpAddress | undefined {
    const isMapped = this.family === 6 && this.a === 0 && this.b === 0 && this.c === 0xffff;
    return isMapped ? new IpAddress(4, 0, 0, 0, this.d) : undefined;
  }

  /** Whether the first `bits` bits of both are the same; false across families. */
  sharesPrefix(other: IpAddress, bits: number): boolean {
    if (this.family !== other.family) return false;
    if (this.family === 4) return sameBits(this.d, other.d, bits);
    return (
      sameBits(this.a, other.a, bits) &&
      sameBits(this.b, other.b, bits - 32) &&
      sameBits(this.c, other.c, bits - 64) &&
      sameBits(this.d, other.d, bits - 96)
    );
  }

  /** Dotted decimal, or the form of RFC 5952. {@link IpAddress.parse} reads it back. */
  toString(): string {
    if (this.family === 4) return formatIpv4Text(this.d);
    const groups: number[] = [];
    for (const word of [this.a, this.b, this.c, this.d]) groups.push(word >>> 16, word & 0xffff);
    return formatIpv6Text(groups);
  }
}

/** Whether the first `bits` bits of two words are the same; 0 or less compares nothing, 32 or more the whole. */
function sameBits(a: number, b: number, bits: number): boolean {
  if (bits <= 0) return true;
  return bits >= 32 ? a === b : (a ^ b) >>> (32 - bits) === 0;
}

/** One end of a transport connection. */
export interface Endpoint {
  readonly address: IpAddress;
  /** TCP or UDP port, 0 to 65535. */
  readonly port: number;
}

/** Whether both are the same address and port. */
export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address.equals(b.address);
}

/** `192.0.2.1:80` or `[2001:db8::1]:80` (RFC 5952 §6). */
export function formatEndpoint(endpoint: Endpoint): string {
  const text = endpoint.address.toString();
  return endpoint.address.family === 4 ? `${text}:${endpoint.port}` : `[${text}]:${endpoint.port}`;
}

/** Reads what {@link formatEndpoint} writes; undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const address = IpAddress.parse(match[1] ?? match[2]!);
  const port = Number(match[3]);
  if (address === undefined || port > 0xffff) return undefined;
  return (address.family === 6) === (match[1] !== undefined) ? { address, port } : undefined;
}
