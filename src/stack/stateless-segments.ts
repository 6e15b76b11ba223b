/** TCP segments in answer to segments of no connection: made from nothing but what they answer. */
import { seq32 } from '../base/index.js';
import type { OutgoingSegment } from '../tcp/index.js';
import { emitMptcpOption, MpTcpRstFlag, TcpFlag, type IpAddress, type TcpSegment } from '../wire/index.js';
import type { Host } from './host.js';
import { MAX_HEADER_BYTES, TransmitBuffer } from './transmit-buffer.js';

/**
 * Fills `out` with the reset that answers `segment` (RFC 9293 §3.10.7.1); unless `reason` is -1 it carries MP_TCPRST
 * (RFC 8684 §3.6).
 */
export function resetFor(
  segment: TcpSegment,
  out: OutgoingSegment,
  reason: number,
  transient: boolean,
): void {
  out.clear();
  if ((segment.flags & TcpFlag.ACK) !== 0) {
    out.flags = TcpFlag.RST;
    out.seq = seq32(segment.ack);
  } else {
    const syn = (segment.flags & TcpFlag.SYN) !== 0 ? 1 : 0;
    const fin = (segment.flags & TcpFlag.FIN) !== 0 ? 1 : 0;
    out.flags = TcpFlag.RST | TcpFlag.ACK;
    out.ack = seq32(segment.seq + segment.payloadLength + syn + fin);
  }
  if (reason < 0) return;
  const flags = transient ? MpTcpRstFlag.TRANSIENT : 0;
  out.extensionLength = emitMptcpOption({ subtype: 'MP_TCPRST', flags, reason }, out.extension, 0);
}

/**
 * Has `segment`, which has no payload, sent from `local` to `remote` in answer to a packet that came in by the
 * interface `arrivedOn`; false when it cannot be.
 */
export function replyWith(
  host: Host,
  local: IpAddress,
  remote: IpAddress,
  ports: number,
  segment: OutgoingSegment,
  arrivedOn: number,
): boolean {
  const device = host.interfaces.answerFrom(local, arrivedOn);
  if (device === undefined || !device.up) return false;
  const buffer = new TransmitBuffer(new Uint8Array(MAX_HEADER_BYTES));
  host.writer.write(buffer, device, local, remote, ports, segment, false);
  return host.replies.push({
    packet: buffer.packet,
    interfaceId: device.id,
    checksumStart: buffer.checksumStart,
    checksumOffset: buffer.checksumOffset,
    ipHeaderLength: buffer.ipHeaderLength,
    tcpHeaderLength: buffer.tcpHeaderLength,
  });
}
