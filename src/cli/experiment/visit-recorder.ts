/** Writes down the packets of one connection at the one who opens it, for counting. */

import type { WirePacket } from '../../experiments/index.js';
import type { Direction, Packet, PacketObserver } from '../../network/index.js';
import { IpPacket, IpProtocol, parseIp, parseTcp, TcpFlag, TcpSegment } from '../../wire/index.js';
import { answerText } from './proxy-visit-places.js';

/** Packets that are kept of a visit, which has a dozen or two. */
const MAX_PACKETS = 1_000;

/** Goes before the device that the opener of connections sends to: what is outward is the opener's. */
export class VisitRecorder implements PacketObserver {
  private packets: WirePacket[] = [];
  /** Port of the one who opened the connection; undefined until there is one. */
  private port: number | undefined = undefined;
  private readonly ip = new IpPacket();
  private readonly tcp = new TcpSegment();

  /** Waits for the next connection. */
  begin(): void {
    this.packets = [];
    this.port = undefined;
  }

  /** What has passed of the connection that began first. */
  get seen(): readonly WirePacket[] {
    return this.packets;
  }

  observe(_now: number, packet: Packet, direction: Direction): void {
    const { ip, tcp } = this;
    const { bytes } = packet;
    if (this.packets.length === MAX_PACKETS) return;
    if (parseIp(bytes, 0, bytes.length, ip) !== undefined || ip.protocol !== IpProtocol.TCP) return;
    if (parseTcp(bytes, ip.payloadOffset, ip.payloadAvailable, tcp) !== undefined) return;
    const isOutward = direction === 'outward';
    const isSyn = (tcp.flags & TcpFlag.SYN) !== 0;
    if (isOutward && isSyn) this.port ??= tcp.sourcePort;
    if (this.port !== (isOutward ? tcp.sourcePort : tcp.destinationPort)) return;
    const payload = bytes.subarray(tcp.payloadOffset, tcp.payloadOffset + tcp.payloadLength);
    this.packets.push({
      ...{ from: isOutward ? 'client' : 'peer', isSyn, payloadBytes: payload.length, sequence: tcp.seq },
      hasAnswer: Buffer.from(payload).includes(answerText),
    });
  }
}
