/**
 * Packets in: checks them, finds what they belong to, and hands them on. What belongs to nothing may open a connection,
 * meet a record of a closed one, or be answered with a reset. Read first: RFC 9293 §3.10.7, RFC 8684 §3.2.
 */
import type { Seq32 } from '../base/index.js';
import { RateLimiter, seq32 } from '../base/index.js';
import { Connection, ResetReason, versionFor } from '../mptcp/index.js';
import { OutgoingSegment } from '../tcp/index.js';
import {
  DssFields,
  IpAddress,
  IpPacket,
  IpProtocol,
  MptcpSubtype,
  parseIp,
  parseTcp,
  pseudoHeaderSumAt,
  readU32,
  TcpFlag,
  TcpSegment,
  verifyIpv4Checksum,
  verifyTcpChecksum,
} from '../wire/index.js';
import { FlowKey, packPorts } from './flow-table.js';
import type { ConnectionSegment } from './flow.js';
import type { Host } from './host.js';
import { IcmpInput } from './icmp-input.js';
import type { Listener } from './listener.js';
import type { SegmentNote } from './segment-note.js';
import { replyWith, resetFor } from './stateless-segments.js';
import { Socket } from './socket.js';
import { COOKIE_LIFE_NS, SynCookies } from './syn-cookies.js';

/** What a device knows of a packet besides its bytes. */
export interface PacketMeta {
  /** Payload octets of each TCP segment that the device merged into this packet; 0 or left out when it is one. */
  readonly segmentSize?: number;
  /** The device vouches for the checksums: it verified them, or the packet never left the machine. */
  readonly checksumValid?: boolean;
  /** What the packet's bytes are a view of, if the caller has it at hand: it makes views of the payload cheaper. */
  readonly buffer?: ArrayBufferLike | undefined;
}

const SYN_OR_ACK_OR_RST = TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST;

export class Ingress {
  private readonly host: Host;
  private readonly icmp: IcmpInput;
  private readonly cookies: SynCookies;
  private readonly replyRate: RateLimiter;
  /** Interface that the packet at hand came in by. */
  private arrivedOn = -1;
  // Used again for every packet.
  private readonly ip = new IpPacket();
  private readonly segment = new TcpSegment();
  private readonly key = new FlowKey();
  /** The same for segments that come as notes. */
  private readonly noted = new TcpSegment();
  private readonly notedDss = new DssFields();
  private readonly scratch: ConnectionSegment = new OutgoingSegment();

  constructor(host: Host) {
    this.host = host;
    this.icmp = new IcmpInput(host);
    this.cookies = new SynCookies(host.random);
    const { repliesPerSecond } = host.settings;
    this.replyRate = new RateLimiter(repliesPerSecond, repliesPerSecond);
  }

  /** See `Stack.handlePacket`. */
  handlePacket(now: number, interfaceId: number, bytes: Uint8Array, meta: PacketMeta | undefined): void {
    const { counters, interfaces } = this.host;
    const ip = this.ip;
    this.arrivedOn = interfaceId;
    counters.packetsReceived++;
    counters.bytesReceived += bytes.length;
    const device = interfaces.find(interfaceId);
    if (device?.up !== true) {
      counters.interfaceDown++;
      return;
    }
    if (device.link.facts.isMetered) device.meteredBytes += bytes.length;
    const isTrusted = meta?.checksumValid === true;
    if (
      parseIp(bytes, 0, bytes.length, ip) !== undefined ||
      (ip.family === 4 && !isTrusted && !verifyIpv4Checksum(bytes, 0, ip.payloadOffset))
    ) {
      counters.malformedIp++;
    } else if (ip.isFragment) {
      counters.fragmentsDropped++;
    } else if (ip.protocol === IpProtocol.TCP && ip.routingSegmentsLeft === 0) {
      this.segment.buffer = meta?.buffer;
      this.handleTcp(now, bytes, meta?.segmentSize ?? 0, isTrusted);
    } else if (ip.protocol === (ip.family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6)) {
      this.icmp.handle(now, ip, interfaceId);
    } else {
      counters.unknownProtocol++;
    }
  }

  /** See `Stack.handleNote`. */
  handleNote(now: number, interfaceId: number, note: SegmentNote, length: number): boolean {
    const { host, noted } = this;
    const { counters } = host;
    const ports = (note.ports << 16) | (note.ports >>> 16);
    const flow = host.flows.findTuple(note.destination, note.source, ports);
    // Handshakes read their options from bytes.
    const device = host.interfaces.find(interfaceId);
    if (flow?.subflow.isConfirmed !== true || device?.up !== true) return false;
    this.arrivedOn = interfaceId;
    counters.packetsReceived++;
    counters.bytesReceived += length;
    if (device.link.facts.isMetered) device.meteredBytes += length;
    note.read(noted, this.notedDss);
    flow.socket.connection.handleSegment(now, flow.subflow, noted);
    host.touch(now, flow.socket);
    return true;
  }

  /** See `Stack.knowsPacket`. */
  knowsPacket(now: number, bytes: Uint8Array): boolean {
    const { host, ip, segment, key } = this;
    if (parseIp(bytes, 0, bytes.length, ip) !== undefined || ip.isFragment) return false;
    if (ip.protocol === (ip.family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6)) return this.icmp.isKnown(ip);
    if (ip.protocol !== IpProtocol.TCP) return false;
    if (parseTcp(bytes, ip.payloadOffset, ip.payloadLength, segment) !== undefined) return false;
    const ports = packPorts(segment.destinationPort, segment.sourcePort);
    key.read(bytes, ip.family, ip.sourceOffset, ip.destinationOffset, ports);
    if (host.flows.find(key) !== undefined || host.timeWaits.find(key) !== undefined) return true;
    return this.answersCookie(now);
  }

  /** Whether the segment at hand acknowledges a SYN cookie of ours. */
  private answersCookie(now: number): boolean {
    const { host, ip, segment } = this;
    if ((segment.flags & (TcpFlag.ACK | TcpFlag.SYN)) !== TcpFlag.ACK) return false;
    const local = host.interfaces.localAddress(ip.family, ip.bytes, ip.destinationOffset);
    const listener = local === undefined ? undefined : host.listeners.find(local, segment.destinationPort);
    if (local === undefined || listener === undefined || now - listener.lastCookieAt > COOKIE_LIFE_NS)
      return false;
    const remote = IpAddress.read(ip.family, ip.bytes, ip.sourceOffset);
    const ports = packPorts(segment.destinationPort, segment.sourcePort);
    const subject = { local, remote, ports, peerSequence: seq32(segment.seq - 1) };
    return this.cookies.check(now, subject, seq32(segment.ack - 1)) !== undefined;
  }

  private handleTcp(now: number, bytes: Uint8Array, segmentSize: number, isTrusted: boolean): void {
    const { host, ip, segment, key } = this;
    if (!isTrusted && !this.isChecksumRight(bytes)) {
      host.counters.checksumErrors++;
      return;
    }
    if (parseTcp(bytes, ip.payloadOffset, ip.payloadLength, segment) !== undefined) {
      host.counters.malformedTcp++;
      return;
    }
    segment.segmentSize = segmentSize;
    const ports = packPorts(segment.destinationPort, segment.sourcePort);
    key.read(bytes, ip.family, ip.sourceOffset, ip.destinationOffset, ports);
    const flow = host.flows.find(key);
    if (flow === undefined) {
      this.handleUnknown(now, bytes, ports);
      return;
    }
    const { socket, subflow } = flow;
    if ((segment.flags & SYN_OR_ACK_OR_RST) === TcpFlag.SYN && subflow.tcp.state === 'time-wait') {
      if (subflow.tcp.mayReopen(segment)) {
        host.counters.timeWaitReused++;
        host.removeFlow(subflow);
        this.handleUnknown(now, bytes, ports);
        return;
      }
    }
    socket.connection.handleSegment(now, subflow, segment);
    host.touch(now, socket);
  }

  private isChecksumRight(bytes: Uint8Array): boolean {
    const { family, sourceOffset, payloadOffset, payloadLength } = this.ip;
    const sum = pseudoHeaderSumAt(bytes, sourceOffset, family === 4 ? 8 : 32, IpProtocol.TCP, payloadLength);
    return verifyTcpChecksum(bytes, payloadOffset, payloadLength, sum);
  }

  /** A segment of no flow. */
  private handleUnknown(now: number, bytes: Uint8Array, ports: number): void {
    const { host, ip, segment } = this;
    const local = host.interfaces.localAddress(ip.family, bytes, ip.destinationOffset);
    if (local === undefined) {
      host.counters.notForUs++;
      return;
    }
    const remote = IpAddress.read(ip.family, bytes, ip.sourceOffset);
    const isOwn = remote.equals(local) && segment.sourcePort === segment.destinationPort;
    if (isOwn || !remote.isOneHost) {
      host.counters.badSource++;
      return;
    }
    const record = host.timeWaits.find(this.key);
    if (record !== undefined) {
      const isSyn = (segment.flags & SYN_OR_ACK_OR_RST) === TcpFlag.SYN;
      if (!isSyn || !record.mayReopen(segment)) {
        if ((segment.flags & TcpFlag.FIN) !== 0 && segment.payloadLength === 0)
          host.timeWaits.restart(now, record);
        if (record.isAnswered(segment) && this.replyRate.mayPass(now)) {
          record.writeAck(now, this.scratch);
          replyWith(host, local, remote, ports, this.scratch, this.arrivedOn);
        }
        return;
      }
      host.counters.timeWaitReused++;
      host.timeWaits.remove(record);
    }
    this.handleNew(now, local, remote, ports);
  }

  /** A segment for which nothing is kept. */
  private handleNew(now: number, local: IpAddress, remote: IpAddress, ports: number): void {
    const { host, segment } = this;
    // A reset is never answered (RFC 9293 §3.10.7.1).
    if ((segment.flags & TcpFlag.RST) !== 0) {
      host.counters.unknownFlow++;
      return;
    }
    if ((segment.flags & SYN_OR_ACK_OR_RST) === TcpFlag.SYN) {
      const token = joinToken(segment);
      if (token >= 0) {
        this.handleJoin(now, local, remote, ports, token);
        return;
      }
      const listener = host.listeners.find(local, segment.destinationPort);
      if (listener !== undefined) {
        this.handleSyn(now, local, remote, ports, listener);
        return;
      }
    } else if (this.completeCookie(now, local, remote, ports)) {
      return;
    }
    host.counters.unknownFlow++;
    this.reset(now, local, remote, ports, -1, false);
  }

  /** A SYN for a listener. */
  private handleSyn(
    now: number,
    local: IpAddress,
    remote: IpAddress,
    ports: number,
    listener: Listener,
  ): void {
    const { host, segment } = this;
    if (listener.acceptQueue.length >= listener.backlog) {
      host.counters.backlogDrops++;
    } else if (host.sockets.size >= host.settings.maxConnections) {
      host.counters.connectionLimitDrops++;
    } else if (listener.halfOpenCount >= host.settings.maxHalfOpen) {
      this.sendCookie(now, local, remote, ports, listener);
    } else {
      host.counters.synsAccepted++;
      listener.halfOpenCount++;
      this.accept(now, local, remote, ports, listener, segment, undefined);
    }
  }

  /** Makes the connection that `syn` asks for. */
  private accept(
    now: number,
    local: IpAddress,
    remote: IpAddress,
    ports: number,
    listener: Listener,
    syn: TcpSegment,
    cookie: Seq32 | undefined,
  ): Socket | undefined {
    const { host } = this;
    const device = host.interfaces.answerFrom(local, this.arrivedOn);
    if (device === undefined) return undefined;
    const tuple = {
      local: { address: local, port: ports >>> 16 },
      remote: { address: remote, port: ports & 0xffff },
    };
    const own = listener.settings;
    const base = host.parametersFor(now, tuple.local, tuple.remote, device, own);
    const parameters = cookie === undefined ? base : { ...base, initialSequence: cookie };
    const settings = own.mptcp ?? host.settings.mptcp;
    const key = host.markedKey(versionFor(settings, syn));
    const isFirst = cookie === undefined && listener.fastOpen !== undefined;
    const fastOpen = isFirst ? host.fastOpen.answer(now, listener.fastOpen, syn, local, remote) : undefined;
    const answersEarly = listener.fastOpen?.answersEarly ?? false;
    const options = { settings, parameters, random: host.random, fastOpen, answersEarly, ...key };
    const connection = Connection.accept(now, options, syn, tuple);
    const socket = new Socket(host, connection, tuple.local, tuple.remote, own, listener);
    if (isFirst && fastOpen?.isAccepted === true) {
      socket.fastOpenQueue = listener.fastOpen.queue;
      listener.fastOpen.queue.enter();
    }
    host.addSocket(now, socket, this.arrivedOn);
    return socket;
  }

  private sendCookie(
    now: number,
    local: IpAddress,
    remote: IpAddress,
    ports: number,
    listener: Listener,
  ): void {
    const { host, segment, scratch } = this;
    const device = host.interfaces.answerFrom(local, this.arrivedOn);
    if (device === undefined) return;
    const subject = { local, remote, ports, peerSequence: seq32(segment.seq) };
    scratch.clear();
    scratch.seq = this.cookies.make(now, subject, segment.mss);
    scratch.ack = seq32(segment.seq + 1);
    scratch.flags = TcpFlag.SYN | TcpFlag.ACK;
    scratch.window = 0xffff;
    scratch.mss = device.mtu - (local.family === 4 ? 40 : 60);
    listener.lastCookieAt = now;
    if (replyWith(host, local, remote, ports, scratch, this.arrivedOn)) host.counters.synCookiesSent++;
  }

  /** Whether the segment acknowledges a SYN cookie of ours: then the connection exists from now on. */
  private completeCookie(now: number, local: IpAddress, remote: IpAddress, ports: number): boolean {
    const { host, segment } = this;
    if ((segment.flags & (TcpFlag.ACK | TcpFlag.SYN)) !== TcpFlag.ACK) return false;
    const listener = host.listeners.find(local, segment.destinationPort);
    if (listener === undefined || now - listener.lastCookieAt > COOKIE_LIFE_NS) return false;
    const subject = { local, remote, ports, peerSequence: seq32(segment.seq - 1) };
    const cookie = seq32(segment.ack - 1);
    const mss = this.cookies.check(now, subject, cookie);
    if (mss === undefined) {
      host.counters.synCookiesRejected++;
      return false;
    }
    // Taken for handled: without room the peer tries again with its data.
    if (
      listener.acceptQueue.length >= listener.backlog ||
      host.sockets.size >= host.settings.maxConnections
    ) {
      host.counters.backlogDrops++;
      return true;
    }
    const syn = new TcpSegment();
    syn.sourcePort = segment.sourcePort;
    syn.destinationPort = segment.destinationPort;
    syn.seq = subject.peerSequence;
    syn.flags = TcpFlag.SYN;
    syn.window = segment.window;
    syn.mss = mss;
    listener.halfOpenCount++;
    const socket = this.accept(now, local, remote, ports, listener, syn, cookie);
    if (socket === undefined) return true;
    host.counters.synCookiesAccepted++;
    // The SYN+ACK went out as the cookie.
    socket.connection.pollTransmit(now, this.scratch);
    const subflow = socket.connection.subflows[0];
    if (subflow !== undefined) socket.connection.handleSegment(now, subflow, segment);
    host.touch(now, socket);
    return true;
  }

  /** A SYN that joins the connection with this token (RFC 8684 §3.2). */
  private handleJoin(now: number, local: IpAddress, remote: IpAddress, ports: number, token: number): void {
    const { host, segment } = this;
    const socket = host.tokens.get(token);
    if (socket === undefined) {
      host.counters.joinsUnknownToken++;
      // The SYN of a join does not tell its version; MP_TCPRST is version 1's (RFC 8684 §3.6).
      const reason = host.settings.mptcp.versions.includes(1) ? ResetReason.MPTCP_ERROR : -1;
      this.reset(now, local, remote, ports, reason, false);
      return;
    }
    const device = host.interfaces.answerFrom(local, this.arrivedOn);
    if (device === undefined) return;
    const tuple = {
      local: { address: local, port: ports >>> 16 },
      remote: { address: remote, port: ports & 0xffff },
    };
    const parameters = host.parametersFor(now, tuple.local, tuple.remote, device, socket.settings);
    const joined = socket.connection.acceptJoin(now, segment, tuple, parameters);
    if ('refused' in joined) {
      host.counters.joinsRefused++;
      this.reset(now, local, remote, ports, joined.reason ?? -1, joined.transient);
      return;
    }
    host.counters.joinsAccepted++;
    host.addFlow(socket, joined, this.arrivedOn);
    host.touch(now, socket);
  }

  /** Answers the segment with a reset, with MP_TCPRST unless `reason` is -1, as often as the rate allows. */
  private reset(
    now: number,
    local: IpAddress,
    remote: IpAddress,
    ports: number,
    reason: number,
    transient: boolean,
  ): void {
    const { host, segment, scratch } = this;
    if (!this.replyRate.mayPass(now)) {
      host.counters.resetsSuppressed++;
      return;
    }
    resetFor(segment, scratch, reason, transient);
    if (replyWith(host, local, remote, ports, scratch, this.arrivedOn)) host.counters.resetsSent++;
  }
}

/** The token in a SYN's MP_JOIN; -1 when there is none. */
function joinToken(segment: TcpSegment): number {
  for (let i = 0; i < segment.mptcpCount; i++) {
    const at = segment.mptcpOffsets[i]!;
    const isJoin = segment.bytes[at + 2]! >>> 4 === MptcpSubtype.MP_JOIN;
    if (isJoin && segment.mptcpLengths[i] === 12) return readU32(segment.bytes, at + 4);
  }
  return -1;
}
