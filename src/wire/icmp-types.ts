/**
 * ICMP and ICMPv6 messages as values, in one vocabulary for both. Types and numbers only; icmp.ts reads and writes.
 * Read first: RFC 792, RFC 4443 §2 to §4, RFC 1191 §4 (the MTU), RFC 4884 §4 (what follows the quotation).
 */
import type { IpAddress } from './address.js';

/** Codes of "destination unreachable" in ICMP for IPv4 (RFC 792, RFC 1122 §3.2.2.1). */
export const IcmpUnreachableCode = {
  NETWORK: 0,
  HOST: 1,
  PROTOCOL: 2,
  PORT: 3,
  FRAGMENTATION_NEEDED: 4,
  SOURCE_ROUTE_FAILED: 5,
  NETWORK_PROHIBITED: 9,
  HOST_PROHIBITED: 10,
  COMMUNICATION_PROHIBITED: 13,
} as const;

/** Codes of "destination unreachable" in ICMPv6 (RFC 4443 §3.1). */
export const Icmpv6UnreachableCode = {
  NO_ROUTE: 0,
  COMMUNICATION_PROHIBITED: 1,
  BEYOND_SCOPE: 2,
  ADDRESS: 3,
  PORT: 4,
  SOURCE_POLICY: 5,
  REJECT_ROUTE: 6,
} as const;

/** What an error quotes of the packet that caused it, as far as the quotation reaches. */
export interface QuotedPacket {
  readonly family: 4 | 6;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Upper-layer protocol. */
  readonly protocol: number;
  /** Bytes the packet says it had, headers included. */
  readonly totalLength: number;
  /** Hop limit on arrival where the error arose. */
  readonly hopLimit: number;
  /** Bytes of IP headers: where the upper-layer header starts within the quotation. */
  readonly headerLength: number;
  /** TCP or UDP source port. */
  readonly sourcePort?: number;
  /** TCP or UDP destination port. */
  readonly destinationPort?: number;
  /** TCP sequence number on the wire. */
  readonly seq?: number;
}

/** Echo request or reply. */
export interface IcmpEcho {
  readonly type: 'echo-request' | 'echo-reply';
  readonly identifier: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What every error has besides its kind. */
interface IcmpQuotation {
  /** 0 to 255; the meaning depends on the type and the family. */
  readonly code: number;
  /** The quoted packet, from its IP header on. */
  readonly quotedBytes: Uint8Array;
  /** What the quotation says; undefined when it does not even hold an IP header. Not needed to write the message. */
  readonly quoted?: QuotedPacket | undefined;
  /** RFC 4884 extension structure behind the quotation, MPLS labels for instance. */
  readonly extensions?: Uint8Array;
}

/** Destination unreachable. */
export interface IcmpUnreachable extends IcmpQuotation {
  readonly type: 'unreachable';
  /** IPv4 "fragmentation needed" only: MTU of the next hop in bytes, 0 from a router that does not say. */
  readonly mtuBytes?: number;
}

/** Packet too big; ICMPv6 only. */
export interface IcmpPacketTooBig extends IcmpQuotation {
  readonly type: 'packet-too-big';
  /** MTU of the next hop in bytes. */
  readonly mtuBytes: number;
}

/** Time exceeded: code 0 in transit, 1 in reassembly. */
export interface IcmpTimeExceeded extends IcmpQuotation {
  readonly type: 'time-exceeded';
}

/** Parameter problem. */
export interface IcmpParameterProblem extends IcmpQuotation {
  readonly type: 'parameter-problem';
  /** Offset of the offending byte in the quoted packet. */
  readonly pointer: number;
}

/** A message of a type without a form here, kept as it is. */
export interface IcmpUnknown {
  readonly type: 'unknown';
  readonly number: number;
  readonly code: number;
  /** What follows the checksum. */
  readonly body: Uint8Array;
}

export type IcmpError = IcmpUnreachable | IcmpPacketTooBig | IcmpTimeExceeded | IcmpParameterProblem;

/** Any ICMP or ICMPv6 message. */
export type IcmpMessage = IcmpEcho | IcmpError | IcmpUnknown;
