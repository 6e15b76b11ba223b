/** Whole IP packets from what a script says: the last step before the wire. */
import {
  emitIcmp,
  emitIpHeader,
  emitTcp,
  icmpLength,
  type IcmpMessage,
  type IpAddress,
  ipHeaderLength,
  IpProtocol,
  pseudoHeaderSum,
  type TcpPacket,
  tcpPacketLength,
} from '../wire/index.js';

/** What the IP header says. */
export interface DatagramFields {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Time to live or hop limit. */
  readonly hopLimit: number;
  /** IPv4's identification; not 0, or the kernel would choose one. */
  readonly identification: number;
}

/** The packet of a segment. */
export function segmentDatagram(fields: DatagramFields, tcp: TcpPacket): Uint8Array {
  const payloadLength = tcpPacketLength(tcp);
  const headerBytes = ipHeaderLength(fields.source.family);
  const bytes = new Uint8Array(headerBytes + payloadLength);
  const protocol = IpProtocol.TCP;
  emitIpHeader(bytes, 0, { ...fields, protocol, payloadLength });
  emitTcp(
    tcp,
    bytes,
    headerBytes,
    pseudoHeaderSum(fields.source, fields.destination, protocol, payloadLength),
  );
  return bytes;
}

/** The packet of an ICMP message. */
export function icmpDatagram(fields: DatagramFields, message: IcmpMessage): Uint8Array {
  const { family } = fields.source;
  const payloadLength = icmpLength(message);
  const headerBytes = ipHeaderLength(family);
  const bytes = new Uint8Array(headerBytes + payloadLength);
  const protocol = family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
  emitIpHeader(bytes, 0, { ...fields, protocol, payloadLength });
  const pseudo =
    family === 4 ? 0 : pseudoHeaderSum(fields.source, fields.destination, protocol, payloadLength);
  emitIcmp(message, family, bytes, headerBytes, pseudo);
  return bytes;
}
