/**
 * Judges that a sender keeps to its congestion window: when a segment brings bytes that were not on the wire before,
 * what the sender itself counts as in flight is within the window it set itself, or has at least not grown since it
 * last did so: after a loss it approaches the smaller window step by step (RFC 6937 §3). A few segments more are allowed
 * where the standards allow them: limited transmit (RFC 3042), tail loss probes (RFC 8985 §7), RFC 5682.
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

/** An observer for all devices of one host. */
export class CongestionChecker implements PacketObserver {
  readonly violations: Violation[] = [];
  private readonly host: string;
  private readonly stack: Stack;
  /** What each TCP connection had sent, and had in flight, when it last sent something new. */
  private readonly last = new WeakMap<object, { highest: number; inFlight: number }>();
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
    if (tcp.payloadLength === 0 || (tcp.flags & (TcpFlag.RST | TcpFlag.SYN)) !== 0) return;
    for (const { connection } of this.stack.sockets) {
      for (const subflow of connection.subflows) {
        if (subflow.local.port !== tcp.sourcePort || subflow.remote.port !== tcp.destinationPort) continue;
        if (!subflow.local.address.equalsBytes(packet.bytes, ip.sourceOffset)) continue;
        this.judge(now, subflow.tcp);
      }
    }
  }

  private judge(
    now: number,
    tcp: { bytesInFlight: number; cwndBytes: number; mss: number; sndNxt: number },
  ): void {
    const last = this.last.get(tcp) ?? { highest: 0, inFlight: 0 };
    if (tcp.sndNxt <= last.highest) return;
    const { bytesInFlight, cwndBytes, mss } = tcp;
    const allowed = Math.max(cwndBytes, last.inFlight) + extraSegments * mss;
    this.last.set(tcp, { highest: tcp.sndNxt, inFlight: bytesInFlight });
    if (bytesInFlight <= allowed || this.violations.length >= maxViolations) return;
    const text = `${bytesInFlight} bytes in flight with a congestion window of ${cwndBytes}`;
    this.violations.push({ at: now, host: this.host, rule: 'congestion-window', text });
  }
}
