/**
 * The reset that answers a segment which nobody takes, written over it where it lies. Owns its form; whoever calls says how many may be sent.
 *
 * Read first: RFC 9293 §3.10.7.1.
 */
import {
  emitIpHeader,
  IpPacket,
  IpProtocol,
  parseIp,
  parseTcp,
  pseudoHeaderSumAt,
  TcpFlag,
  TcpSegment,
  tcpChecksum,
  writeU16,
  writeU32,
} from '../../wire/index.js';

const TCP_HEADER_BYTES = 20;
const HOP_LIMIT = 64;

const ip = new IpPacket();
const segment = new TcpSegment();

/**
 * Writes the reset over the IP packet in the `length` bytes at `offset`, which is at least as long. Gives its length; 0, and leaves the
 * packet as it was, when there is to be none: for resets, and for what is no segment.
 */
export function writeReset(bytes: Uint8Array, offset: number, length: number): number {
  if (parseIp(bytes, offset, length, ip) !== undefined || ip.protocol !== IpProtocol.TCP) return 0;
  if (ip.isFragment || parseTcp(bytes, ip.payloadOffset, ip.payloadLength, segment) !== undefined) return 0;
  if ((segment.flags & TcpFlag.RST) !== 0) return 0;
  const { source, destination, family } = ip;
  const { sourcePort, destinationPort, seq, ack, flags, payloadLength } = segment;
  const isAnswered = (flags & TcpFlag.ACK) !== 0;
  const syn = (flags & TcpFlag.SYN) !== 0 ? 1 : 0;
  const fin = (flags & TcpFlag.FIN) !== 0 ? 1 : 0;
  const at =
    offset +
    emitIpHeader(bytes, offset, {
      ...{ source: destination, destination: source, protocol: IpProtocol.TCP },
      ...{ payloadLength: TCP_HEADER_BYTES, hopLimit: HOP_LIMIT },
    });
  bytes.fill(0, at, at + TCP_HEADER_BYTES);
  writeU16(bytes, at, destinationPort);
  writeU16(bytes, at + 2, sourcePort);
  writeU32(bytes, at + 4, isAnswered ? ack : 0);
  writeU32(bytes, at + 8, isAnswered ? 0 : (seq + payloadLength + syn + fin) >>> 0);
  bytes[at + 12] = (TCP_HEADER_BYTES / 4) << 4;
  bytes[at + 13] = isAnswered ? TcpFlag.RST : TcpFlag.RST | TcpFlag.ACK;
  const addressBytes = family === 4 ? 8 : 32;
  const sum = pseudoHeaderSumAt(bytes, at - addressBytes, addressBytes, IpProtocol.TCP, TCP_HEADER_BYTES);
  writeU16(bytes, at + 16, tcpChecksum(bytes, at, TCP_HEADER_BYTES, sum));
  return at + TCP_HEADER_BYTES - offset;
}
