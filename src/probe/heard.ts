/**
 * What comes in, as values: segments of the target's and ICMP errors about packets of ours. Everything else is
 * undefined: a probe must not be led astray by what others send.
 */
import type { IpAddress } from '../wire/index.js';
import {
  IpPacket,
  IpProtocol,
  type IcmpError,
  isIcmpError,
  type MptcpOption,
  parseIcmp,
  parseIp,
  parseTcpPacket,
  type TcpPacket,
  verifyIcmpChecksum,
  verifyTcpChecksum,
  pseudoHeaderSumAt,
} from '../wire/index.js';
import type { Flow } from './flow.js';

interface HeardCommon {
  /** When it came, ns. */
  readonly atNs: number;
  /** The whole IP packet. */
  readonly bytes: Uint8Array;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Hop limit on arrival. */
  readonly hopLimit: number;
}

/** A segment from the target. */
export interface HeardSegment extends HeardCommon {
  readonly kind: 'segment';
  /** The flow that it belongs to; undefined for one that the target began, or that belongs to nothing. */
  readonly flow: Flow | undefined;
  readonly tcp: TcpPacket;
  /** Its MPTCP options, those that make sense. */
  readonly options: readonly MptcpOption[];
}

/** An ICMP error that quotes a packet to the target. */
export interface HeardError extends HeardCommon {
  readonly kind: 'error';
  readonly message: IcmpError;
  /** The flow of the quoted packet, as far as ports tell. */
  readonly flow: Flow | undefined;
}

/** The target answered an echo request. */
export interface HeardEcho extends HeardCommon {
  readonly kind: 'echo';
  readonly identifier: number;
  readonly sequence: number;
}

export type Heard = HeardSegment | HeardError | HeardEcho;

/** Whom a run speaks to, from where. */
export interface HearingContext {
  /** Address of the target. */
  readonly target: IpAddress;
  /** Port of the target. */
  readonly port: number;
  readonly flows: readonly Flow[];
}

/** Reads `bytes`, an IP packet; undefined for what is damaged or no business of this run. */
export function hear(context: HearingContext, atNs: number, bytes: Uint8Array): Heard | undefined {
  const ip = new IpPacket();
  if (parseIp(bytes, 0, bytes.length, ip) !== undefined || ip.isFragment) return undefined;
  if (ip.family !== context.target.family) return undefined;
  const { source, destination, hopLimit } = ip;
  const common = { atNs, bytes, source, destination, hopLimit };
  if (ip.protocol === IpProtocol.TCP) return hearSegment(context, common, ip);
  if (ip.protocol === (ip.family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6))
    return hearIcmp(context, common, ip);
  return undefined;
}

function hearSegment(context: HearingContext, common: HeardCommon, ip: IpPacket): HeardSegment | undefined {
  if (!common.source.equals(context.target) || ip.payloadLength < 20) return undefined;
  if (!verifyTcpChecksum(common.bytes, ip.payloadOffset, ip.payloadLength, pseudoSumOf(ip))) return undefined;
  const result = parseTcpPacket(common.bytes, ip.payloadOffset, ip.payloadLength);
  if (!result.ok) return undefined;
  const tcp = result.value;
  const options = tcp.options.flatMap((option) => (option.kind === 'mptcp' ? [option.option] : []));
  const flow = context.flows.find(
    ({ local, remote }) =>
      local.port === tcp.destinationPort &&
      remote.port === tcp.sourcePort &&
      local.address.equals(common.destination),
  );
  return { kind: 'segment', ...common, flow, tcp, options };
}

function hearIcmp(
  context: HearingContext,
  common: HeardCommon,
  ip: IpPacket,
): HeardError | HeardEcho | undefined {
  const { payloadOffset, payloadLength, family } = ip;
  const pseudo = family === 4 ? 0 : pseudoSumOf(ip);
  if (!verifyIcmpChecksum(common.bytes, payloadOffset, payloadLength, pseudo)) return undefined;
  const result = parseIcmp(common.bytes, payloadOffset, payloadLength, family);
  if (!result.ok) return undefined;
  const message = result.value;
  if (message.type === 'echo-reply') {
    if (!common.source.equals(context.target)) return undefined;
    const { identifier, sequence } = message;
    return { kind: 'echo', ...common, identifier, sequence };
  }
  if (!isIcmpError(message) || message.quoted === undefined) return undefined;
  const { quoted } = message;
  if (!quoted.destination.equals(context.target)) return undefined;
  const flow = context.flows.find(({ local }) => local.port === quoted.sourcePort);
  return { kind: 'error', ...common, message, flow };
}

function pseudoSumOf(ip: IpPacket): number {
  const addressBytes = ip.family === 4 ? 8 : 32;
  return pseudoHeaderSumAt(ip.bytes, ip.sourceOffset, addressBytes, ip.protocol, ip.payloadLength);
}
