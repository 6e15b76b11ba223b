/**
 * Judges that a sender keeps to its congestion window: when a segment brings bytes that were not on the wire before,
 * what the sender itself counts as in flight is within the window it set itself. After a loss it approaches the smaller
 * window step by step, by proportion of what arrives (RFC 6937 §3), so the larger one counts until all that was sent
 * before the loss is acknowledged. A few segments more are allowed where the standards allow them: limited transmit
 * (RFC 3042), tail loss probes (RFC 8985 §7), spurious time-outs (RFC 5682).
 */

import {
  type Direction,
  type Packet,
  type PacketObserver,
  readIp,
  type Violation,
} from '../../src/network/index.js';
import type { Stack } from '../../src/stack/index.js';
import { IpPacket, IpProtocol, parseTcp, TcpFlag, TcpSegment } from '../../src/wire/index.js';

/** Segments beyond the window that limited transmit and a probe may add up to. */
const extraSegments = 3;
/** Violations kept. */
const maxViolations = 5;

/** What the checker asks of a TCP connection. */
interface Sender {
  readonly bytesInFlight: number;
  readonly cwndBytes: number;
  readonly mss: number;
  readonly sndNxt: number;
  readonly sndUna: number;
}

/** What is known of one. */
class SenderModel {
  /** Highest stream offset sent. */
  highest = 0;
  /** The largest window in force since the last reduction began. */
  windowBytes = 0;
  /** The window when the last segment was judged. */
  lastWindowBytes = 0;
  /** What had been sent when it began: the old window counts until all of it is acknowledged. */
  reducedAt = 0;
}

/** An observer for all devices of one host. */
export class CongestionChecker implements PacketObserver {
  readonly violations: Violation[] = [];
  private readonly host: string;
  private readonly stack: Stack;
  private readonly models = new WeakMap<Sender, SenderModel>();
  private readonly ip = new IpPacket();
  private readonly tcp = new TcpSegment();

  constructor(host: string, stack: Stack) {
    this.host = host;
    this.stack = stack;
  }

  observe(now: number, packet: Packet, direction: Direction): void {
    const { ip, tcp } = this;
    if (direction === 'inward' || !readIp(packet, ip) || ip.protocol !== IpProtocol.TCP) return;
    if (parseTcp(packet.bytes, ip.payloadOffset, ip.payloadLength, tcp) !== undefined) return;
    if (tcp.payloadLength === 0 || (tcp.flags & TcpFlag.RST) !== 0) return;
    for (const { connection } of this.stack.sockets) {
      for (const subflow of connection.subflows) {
        if (subflow.local.port !== tcp.sourcePort || subflow.remote.port !== tcp.destinationPort) continue;
        if (!subflow.local.address.equalsBytes(packet.bytes, ip.sourceOffset)) continue;
        this.judge(now, subflow.tcp);
      }
    }
  }

  private judge(now: number, tcp: Sender): void {
    let model = this.models.get(tcp);
    if (model === undefined) {
      model = new SenderModel();
      this.models.set(tcp, model);
    }
    if (tcp.sndNxt <= model.highest) return;
    const { bytesInFlight, cwndBytes, mss } = tcp;
    if (cwndBytes >= model.windowBytes || tcp.sndUna >= model.reducedAt) {
      // A window that shrinks from here on, or has since the last segment, has shrunk for what is in flight now.
      model.windowBytes = Math.max(cwndBytes, model.lastWindowBytes);
      model.reducedAt = tcp.sndNxt;
    }
    model.highest = tcp.sndNxt;
    model.lastWindowBytes = cwndBytes;
    const allowed = model.windowBytes + extraSegments * mss;
    if (bytesInFlight <= allowed || this.violations.length >= maxViolations) return;
    const text = `${bytesInFlight} bytes in flight with a congestion window of ${cwndBytes}`;
    this.violations.push({ at: now, host: this.host, rule: 'congestion-window', text });
  }
}
