/**
 * ICMP and ICMPv6 in: errors go to the subflow whose packet they quote, echo requests are answered. Nothing is believed
 * that does not name a flow; whether the quoted sequence number is in flight is checked by the flow itself
 * (RFC 5927 §4.1). Read first: RFC 1122 §3.2.2 and §4.2.3.9, RFC 4443 §2.4, RFC 1191 §4, RFC 8201 §4.
 */
import { RateLimiter, seq32 } from '../base/index.js';
import {
  emitIcmp,
  emitIpHeader,
  icmpLength,
  Icmpv6UnreachableCode,
  IcmpUnreachableCode,
  IpProtocol,
  isIcmpError,
  parseIcmp,
  pseudoHeaderSum,
  pseudoHeaderSumAt,
  reportedMtu,
  verifyIcmpChecksum,
  type IcmpEcho,
  type IcmpError,
  type IpPacket,
} from '../wire/index.js';
import { packPorts } from './flow-table.js';
import type { Flow } from './flow.js';
import type { Host } from './host.js';

/** What is said of an IPv4 destination for good: retrying does not help (RFC 1122 §4.2.3.9, and what is forbidden). */
const hardCodes4: readonly number[] = [
  IcmpUnreachableCode.PROTOCOL,
  IcmpUnreachableCode.PORT,
  IcmpUnreachableCode.NETWORK_PROHIBITED,
  IcmpUnreachableCode.HOST_PROHIBITED,
  IcmpUnreachableCode.COMMUNICATION_PROHIBITED,
];

/** The same for IPv6. */
const hardCodes6: readonly number[] = [
  Icmpv6UnreachableCode.COMMUNICATION_PROHIBITED,
  Icmpv6UnreachableCode.PORT,
  Icmpv6UnreachableCode.SOURCE_POLICY,
  Icmpv6UnreachableCode.REJECT_ROUTE,
];

export class IcmpInput {
  private readonly host: Host;
  private readonly echoRate: RateLimiter;

  constructor(host: Host) {
    this.host = host;
    const { echoRepliesPerSecond } = host.settings;
    this.echoRate = new RateLimiter(echoRepliesPerSecond, echoRepliesPerSecond);
  }

  /** Takes the message in `ip`, which came in through the interface `arrivedOn`, which is up. */
  handle(now: number, ip: IpPacket, arrivedOn: number): void {
    const { counters, interfaces } = this.host;
    const { bytes, family, payloadOffset, payloadLength } = ip;
    const pseudoSum =
      family === 4 ? 0 : pseudoHeaderSumAt(bytes, ip.sourceOffset, 32, IpProtocol.ICMPV6, payloadLength);
    const message = parseIcmp(bytes, payloadOffset, payloadLength, family);
    if (!message.ok || !verifyIcmpChecksum(bytes, payloadOffset, payloadLength, pseudoSum)) {
      counters.icmpMalformed++;
      return;
    }
    counters.icmpReceived++;
    if (interfaces.localAddress(family, bytes, ip.destinationOffset) === undefined) counters.notForUs++;
    else if (isIcmpError(message.value)) this.handleError(now, message.value);
    else if (message.value.type === 'echo-request') this.handleEcho(now, ip, message.value, arrivedOn);
  }

  /** Whether the message in `ip` is an error about a packet of a flow of this host. */
  isKnown(ip: IpPacket): boolean {
    const message = parseIcmp(ip.bytes, ip.payloadOffset, ip.payloadLength, ip.family);
    return message.ok && isIcmpError(message.value) && this.flowOf(message.value) !== undefined;
  }

  private handleError(now: number, error: IcmpError): void {
    const { counters } = this.host;
    const { quoted } = error;
    const flow = this.flowOf(error);
    if (flow === undefined || quoted?.seq === undefined) {
      counters.icmpIgnored++;
      return;
    }
    const { socket, subflow } = flow;
    const seq = seq32(quoted.seq);
    const isTooBig =
      error.type === 'packet-too-big' ||
      (quoted.family === 4 &&
        error.type === 'unreachable' &&
        error.code === IcmpUnreachableCode.FRAGMENTATION_NEEDED);
    if (isTooBig) {
      counters.icmpPathMtu++;
      socket.connection.handlePathMtu(now, subflow, reportedMtu(error) ?? 0, seq);
    } else if (error.type === 'unreachable') {
      counters.icmpUnreachable++;
      const hardCodes = quoted.family === 4 ? hardCodes4 : hardCodes6;
      socket.connection.handleUnreachable(now, subflow, hardCodes.includes(error.code), seq);
    } else {
      // Time exceeded and parameter problem tell of trouble on the way that may pass (RFC 1122 §4.2.3.9).
      counters.icmpUnreachable++;
      socket.connection.handleUnreachable(now, subflow, false, seq);
    }
    this.host.touch(now, socket);
  }

  /** The flow that sent the quoted packet. */
  private flowOf(error: IcmpError): Flow | undefined {
    const { quoted } = error;
    if (quoted?.protocol !== IpProtocol.TCP) return undefined;
    const { source, destination, sourcePort, destinationPort } = quoted;
    if (sourcePort === undefined || destinationPort === undefined) return undefined;
    return this.host.flows.findTuple(source, destination, packPorts(sourcePort, destinationPort));
  }

  private handleEcho(now: number, ip: IpPacket, request: IcmpEcho, arrivedOn: number): void {
    const { counters, interfaces, replies, settings } = this.host;
    const { family, source: destination, destination: source } = ip;
    if (!destination.isOneHost) {
      counters.badSource++;
      return;
    }
    const device = interfaces.answerFrom(source, arrivedOn);
    if (device === undefined || !this.echoRate.mayPass(now)) {
      counters.echoSuppressed++;
      return;
    }
    const reply: IcmpEcho = { ...request, type: 'echo-reply' };
    const protocol = family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
    const payloadLength = icmpLength(reply);
    const headerLength = family === 4 ? 20 : 40;
    const packet = new Uint8Array(headerLength + payloadLength);
    emitIpHeader(packet, 0, { source, destination, protocol, payloadLength, hopLimit: settings.hopLimit });
    const pseudoSum = family === 4 ? 0 : pseudoHeaderSum(source, destination, protocol, payloadLength);
    emitIcmp(reply, family, packet, headerLength, pseudoSum);
    const isQueued = replies.push({
      packet,
      interfaceId: device.id,
      checksumStart: -1,
      checksumOffset: -1,
      ipHeaderLength: headerLength,
      tcpHeaderLength: 0,
    });
    if (isQueued) counters.echoReplies++;
  }
}
