import { describe, expect, it } from 'vitest';
import { ClientFlow, serviceAddress } from '../../../test/support/balancer-packets.js';
import {
  IpAddress,
  IpPacket,
  parseIp,
  parseTcp,
  pseudoHeaderSumAt,
  TcpFlag,
  TcpSegment,
  verifyIpv4Checksum,
  verifyTcpChecksum,
} from '../../wire/index.js';
import { writeReset } from './reset-reply.js';

/** The reset that answers `packet`; undefined when there is none. */
function resetFor(packet: Uint8Array) {
  const room = new Uint8Array(packet.length + 20).fill(0xee);
  room.set(packet, 10);
  const length = writeReset(room, 10, packet.length);
  if (length === 0) {
    expect(room.slice(10, 10 + packet.length)).toEqual(packet);
    return undefined;
  }
  const bytes = room.slice(10, 10 + length);
  const ip = new IpPacket();
  const segment = new TcpSegment();
  expect(parseIp(bytes, 0, length, ip)).toBeUndefined();
  expect(parseTcp(bytes, ip.payloadOffset, ip.payloadLength, segment)).toBeUndefined();
  const addressBytes = ip.family === 4 ? 8 : 32;
  const sum = pseudoHeaderSumAt(bytes, ip.sourceOffset, addressBytes, 6, ip.payloadLength);
  expect(verifyTcpChecksum(bytes, ip.payloadOffset, ip.payloadLength, sum)).toBe(true);
  if (ip.family === 4) expect(verifyIpv4Checksum(bytes, 0, 20)).toBe(true);
  return { ip, segment };
}

describe.each([4, 6] as const)('a reset over IPv%i (RFC 9293 §3.10.7.1)', (family) => {
  const flow = new ClientFlow(9, 40_001, family);

  it('acknowledges a SYN, from the address and port that it was for', () => {
    const { ip, segment } = resetFor(flow.syn())!;
    expect(ip.source.equals(IpAddress.parse(serviceAddress[family])!)).toBe(true);
    expect(ip.destination.equals(IpAddress.parse(flow.source)!)).toBe(true);
    expect([segment.sourcePort, segment.destinationPort]).toEqual([80, 40_001]);
    const syn = new TcpSegment();
    const sent = flow.syn();
    expect(
      parseTcp(sent, family === 4 ? 20 : 40, sent.length - (family === 4 ? 20 : 40), syn),
    ).toBeUndefined();
    expect([segment.flags, segment.seq, segment.ack]).toEqual([
      ...[TcpFlag.RST | TcpFlag.ACK, 0, (syn.seq + 1) >>> 0],
    ]);
  });

  it('has the number that an acknowledgment expects', () => {
    const packet = flow.data();
    const sent = new TcpSegment();
    const headerBytes = family === 4 ? 20 : 40;
    expect(parseTcp(packet, headerBytes, packet.length - headerBytes, sent)).toBeUndefined();
    const { segment } = resetFor(packet)!;
    expect([segment.flags, segment.seq, segment.ack]).toEqual([TcpFlag.RST, sent.ack, 0]);
  });

  it('counts data and FIN of a segment without acknowledgment', () => {
    const { segment } = resetFor(flow.data(undefined, TcpFlag.FIN))!;
    const plain = resetFor(flow.data(undefined, 0))!.segment;
    expect((segment.ack - plain.ack) >>> 0).toBe(1);
  });

  it('is answered to no reset, no ICMP error, and nothing that makes no sense', () => {
    expect(resetFor(flow.data(undefined, TcpFlag.RST))).toBeUndefined();
    expect(resetFor(flow.tooBig())).toBeUndefined();
    expect(resetFor(flow.data().subarray(0, family === 4 ? 30 : 50))).toBeUndefined();
    expect(resetFor(new Uint8Array(1))).toBeUndefined();
  });
});
