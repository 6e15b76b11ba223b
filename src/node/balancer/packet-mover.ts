/**
 * What a worker of the data path in user space does with packets: takes them from its rings in batches, has the balancer say where each
 * goes, writes the outer header in front of it and sends it on from where it lies. Allocates nothing for a packet that goes on. Owns the
 * ways to servers; knows nothing of threads.
 */
import {
  type Balancer,
  OuterHeader,
  VerdictAction,
  VerdictReason,
  type Verdict,
} from '../../balancer/index.js';
import { RateLimiter } from '../../base/index.js';
import type { PacketPort, WorkerRings } from '../../linux/index.js';
import {
  finishTcpChecksum,
  foldSum,
  type IpAddress,
  IpPacket,
  IpProtocol,
  parseIp,
  pseudoHeaderSumAt,
} from '../../wire/index.js';
import { writeReset } from './reset-reply.js';
import { tooBigBytes, writeTooBig } from './too-big-reply.js';
import type { WorkerCounts } from './worker-counts.js';

/** The way to a server: it can be sent between threads. */
export interface WayPlan {
  readonly server: number;
  /** Its own address, in text. */
  readonly address: string;
  readonly interfaceIndex: number;
  readonly mtu: number;
  /** Ethernet addresses, 6 bytes each. */
  readonly ownHop: Uint8Array;
  readonly nextHop: Uint8Array;
}

/** A way, ready to be gone. */
interface Way {
  readonly header: OuterHeader;
  readonly port: PacketPort;
  readonly mtu: number;
  /** The twelve bytes of Ethernet addresses, as words. */
  readonly hopA: number;
  readonly hopB: number;
  readonly hopC: number;
}

const ETHERNET_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** Packets that are dealt with before those that wait to leave are sent: enough to share the cost of a call among. */
const batchPackets = 64;
/** Shortest Ethernet frame, without its checksum. */
const shortestFrame = 60;

/** See the module. */
export class PacketMover {
  private readonly rings: WorkerRings;
  private readonly balancer: Balancer;
  private readonly source: IpAddress;
  private readonly counts: WorkerCounts;
  private readonly resets: RateLimiter;
  private readonly tooBigs: RateLimiter;
  /** By number of the server. */
  private ways: (Way | undefined)[] = [];
  private readonly ip = new IpPacket();
  private noRoute = 0;
  private tooLong = 0;
  private passedOver = 0;
  private resetsSent = 0;
  private resetsWithheld = 0;
  private checksumsFinished = 0;

  /** `answersPerSecond`: how many refusals may be answered, and as many packets that are too long. */
  constructor(options: {
    readonly rings: WorkerRings;
    readonly balancer: Balancer;
    readonly source: IpAddress;
    readonly counts: WorkerCounts;
    readonly answersPerSecond: number;
  }) {
    this.rings = options.rings;
    this.balancer = options.balancer;
    this.source = options.source;
    this.counts = options.counts;
    const { answersPerSecond } = options;
    const atOnce = Math.max(1, answersPerSecond / 10);
    this.resets = new RateLimiter(answersPerSecond, answersPerSecond === 0 ? 0 : atOnce);
    this.tooBigs = new RateLimiter(answersPerSecond, answersPerSecond === 0 ? 0 : atOnce);
  }

  /** Takes other ways in place of those before. `addresses` are the servers' own, in the same order. */
  setWays(plans: readonly WayPlan[], addresses: readonly IpAddress[]): void {
    const ways: (Way | undefined)[] = [];
    plans.forEach((plan, i) => {
      const ports = this.rings.ports.filter((port) => port.interfaceIndex === plan.interfaceIndex);
      const port = ports[0];
      if (port === undefined) return;
      const hops = new DataView(Uint8Array.of(...plan.nextHop, ...plan.ownHop).buffer);
      ways[plan.server] = {
        ...{ header: new OuterHeader(this.source, addresses[i]!), port, mtu: plan.mtu },
        ...{ hopA: hops.getInt32(0), hopB: hops.getInt32(4), hopC: hops.getInt32(8) },
      };
    });
    this.ways = Array.from({ length: ways.length }, (_, i) => ways[i]);
  }

  /** Moves what has come in, a batch for each port. Gives the number of packets. */
  moveBatch(now: number): number {
    const { ports } = this.rings;
    let moved = 0;
    for (let i = 0; i < ports.length; i++) {
      const port = ports[i]!;
      if (port.isReceiving) moved += this.moveFrom(now, port);
    }
    this.rings.finishBatch();
    return moved;
  }

  private moveFrom(now: number, port: PacketPort): number {
    const { receive } = port;
    const { pool } = this.rings;
    const count = receive.available(batchPackets);
    for (let i = 0; i < count; i++) {
      const at = receive.offset(i);
      if (!this.move(now, port, at, receive.length(i))) pool.put(at);
    }
    if (count > 0) receive.release(count);
    return count;
  }

  /** Deals with the frame of `length` bytes at `at`; false when it is to be used again at once. */
  private move(now: number, port: PacketPort, at: number, length: number): boolean {
    const ip = at + ETHERNET_BYTES;
    const verdict = this.balancer.steer(now, this.rings.bytes, ip, length - ETHERNET_BYTES);
    switch (verdict.action) {
      case VerdictAction.DELIVER:
      case VerdictAction.ENCAPSULATE:
        return this.forward(now, port, ip, verdict);
      case VerdictAction.REFUSE:
        return this.refuse(now, port, at, length, verdict);
      case VerdictAction.PASS:
        // The program before the sockets has the same rules, and passes what is the host's: nothing is expected here.
        this.passedOver++;
        return false;
      case VerdictAction.DROP:
        return false;
    }
  }

  private forward(now: number, port: PacketPort, ip: number, verdict: Verdict): boolean {
    const { id } = verdict.server!;
    const way = this.ways[id];
    if (way === undefined) {
      this.noRoute++;
      return false;
    }
    const { view } = this.rings;
    const isV4 = view.getUint8(ip) >>> 4 === 4;
    const length = isV4 ? view.getUint16(ip + 2) : 40 + view.getUint16(ip + 4);
    const headerBytes = way.header.bytesFor(verdict);
    const total = headerBytes + length;
    if (total > way.mtu) {
      this.tooLong++;
      return this.answerTooBig(now, port, ip, way.mtu - headerBytes);
    }
    this.finishChecksum(ip, length, isV4);
    const start = way.header.write(view, ip, length, verdict);
    const frame = start - ETHERNET_BYTES;
    view.setInt32(frame, way.hopA);
    view.setInt32(frame + 4, way.hopB);
    view.setInt32(frame + 8, way.hopC);
    view.setInt16(frame + 12, way.header.family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    if (!way.port.transmit(frame, total + ETHERNET_BYTES)) return false;
    this.counts.countForwarded(id);
    if (this.balancer.isSyn) this.counts.countSubflow(id);
    return true;
  }

  /** A sender over a virtual link may have left the checksum to an interface that this packet never meets. */
  private finishChecksum(ip: number, length: number, isV4: boolean): void {
    const { view } = this.rings;
    const protocol = view.getUint8(ip + (isV4 ? 9 : 6));
    if (protocol === IpProtocol.TCP) {
      const headerBytes = isV4 ? (view.getUint8(ip) & 15) * 4 : 40;
      const segmentBytes = length - headerBytes;
      let sum = protocol + segmentBytes;
      const addressEnd = ip + (isV4 ? 20 : 40);
      for (let at = isV4 ? ip + 12 : ip + 8; at < addressEnd; at += 4) {
        const word = view.getInt32(at);
        sum += (word >>> 16) + (word & 0xffff);
      }
      if (view.getUint16(ip + headerBytes + 16) === foldSum(sum)) this.finishSlowly(ip, length);
    } else if (!isV4 && protocol !== IpProtocol.ICMPV6) this.finishSlowly(ip, length);
  }

  private finishSlowly(at: number, length: number): void {
    const { ip } = this;
    const { bytes } = this.rings;
    if (parseIp(bytes, at, length, ip) !== undefined || ip.protocol !== IpProtocol.TCP) return;
    const { sourceOffset, payloadOffset, payloadLength } = ip;
    const addressBytes = ip.family === 4 ? 8 : 32;
    const sum = pseudoHeaderSumAt(bytes, sourceOffset, addressBytes, IpProtocol.TCP, payloadLength);
    if (finishTcpChecksum(bytes, payloadOffset, payloadLength, sum)) this.checksumsFinished++;
  }

  /** Tells the sender of the packet at `ip` that `mtu` bytes go through; false when there is no answer. */
  private answerTooBig(now: number, port: PacketPort, ip: number, mtu: number): boolean {
    const { bytes, view } = this.rings;
    const isV4 = view.getUint8(ip) >>> 4 === 4;
    const length = isV4 ? view.getUint16(ip + 2) : 40 + view.getUint16(ip + 4);
    if (!this.tooBigs.mayPass(now)) return false;
    const from = bytes.slice(ip - ETHERNET_BYTES, ip - 2);
    const start = writeTooBig(bytes, ip, mtu);
    if (start === undefined) return false;
    return this.answer(port, start, tooBigBytes(isV4 ? 4 : 6, length), from, isV4);
  }

  private refuse(now: number, port: PacketPort, at: number, length: number, verdict: Verdict): boolean {
    // Another thread or balancer may be about to tell whose the token is: the client asks again in a second.
    if (verdict.reason === VerdictReason.UNKNOWN_TOKEN) return false;
    const { bytes } = this.rings;
    const ip = at + ETHERNET_BYTES;
    if (!this.resets.mayPass(now)) {
      this.resetsWithheld++;
      return false;
    }
    const answer = writeReset(bytes, ip, length - ETHERNET_BYTES);
    if (answer === 0) return false;
    const isV4 = bytes[ip]! >>> 4 === 4;
    if (!this.answer(port, ip, answer, bytes.slice(at, at + 12), isV4)) return false;
    this.resetsSent++;
    return true;
  }

  /** Sends the packet of `length` bytes at `ip` back by the port; `hops` are the Ethernet addresses of what it answers. */
  private answer(port: PacketPort, ip: number, length: number, hops: Uint8Array, isV4: boolean): boolean {
    const { bytes, view } = this.rings;
    const frame = ip - ETHERNET_BYTES;
    bytes.set(hops.subarray(6, 12), frame);
    bytes.set(hops.subarray(0, 6), frame + 6);
    view.setInt16(frame + 12, isV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    const frameBytes = Math.max(shortestFrame, length + ETHERNET_BYTES);
    if (length + ETHERNET_BYTES < frameBytes) bytes.fill(0, ip + length, frame + frameBytes);
    return port.transmit(frame, frameBytes);
  }

  /** Shows what was counted so far. */
  publish(): void {
    const { counts } = this;
    counts.publish(this.balancer);
    counts.set('noRoute', this.noRoute);
    counts.set('tooLong', this.tooLong);
    counts.set('passedOver', this.passedOver);
    counts.set('resetsSent', this.resetsSent);
    counts.set('resetsWithheld', this.resetsWithheld);
    counts.set('checksumsFinished', this.checksumsFinished);
    let refused = 0;
    for (const port of this.rings.ports) refused += port.refused;
    counts.set('sendQueueFull', refused);
  }
}
