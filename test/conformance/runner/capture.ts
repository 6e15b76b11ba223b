/** Takes the packets of the host apart, and finds what is wrong with them whatever a script says. */
import {
  IpProtocol,
  parseDatagram,
  parseTcpPacket,
  pseudoHeaderSum,
  verifyTcpChecksum,
} from '../../../src/wire/index.js';
import type { Captured } from './conversation.js';

/** The TCP segment in a packet; undefined for packets that carry none. */
export function capture(timeNs: number, bytes: Uint8Array): Captured | undefined {
  const datagram = parseDatagram(bytes, 0, bytes.length);
  if (!datagram.ok || datagram.value.protocol !== IpProtocol.TCP) return undefined;
  const { source, destination, payload } = datagram.value;
  const tcp = parseTcpPacket(payload, 0, payload.length);
  if (!tcp.ok) return undefined;
  const sum = pseudoHeaderSum(source, destination, IpProtocol.TCP, payload.length);
  const flaw = !verifyTcpChecksum(payload, 0, payload.length, sum)
    ? 'the TCP checksum is wrong'
    : tcp.value.optionError !== undefined
      ? 'the options run over the header'
      : undefined;
  return { timeNs, source, destination, bytes, tcp: tcp.value, flaw };
}
