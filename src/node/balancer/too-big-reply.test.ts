import { describe, expect, it } from 'vitest';
import { ClientFlow, serviceAddress } from '../../../test/support/balancer-packets.js';
import {
  IpAddress,
  IpPacket,
  onesComplementSum,
  parseIp,
  pseudoHeaderSumAt,
  readU16,
  readU32,
} from '../../wire/index.js';
import { tooBigBytes, tooBigHeadroom, writeTooBig } from './too-big-reply.js';

describe.each([4, 6] as const)('the answer to a packet that is too long, over IPv%i', (family) => {
  const flow = new ClientFlow(9, 40_001, family);
  const headerBytes = family === 4 ? 20 : 40;
  const answerTo = (packet: Uint8Array): Uint8Array | undefined => {
    const room = new Uint8Array(tooBigHeadroom + packet.length);
    room.set(packet, tooBigHeadroom);
    const start = writeTooBig(room, tooBigHeadroom, 1464);
    return start === undefined ? undefined : room.slice(start, start + tooBigBytes(family, packet.length));
  };

  it.each([10, 3000])(
    'says what fits, to whom sent it, and quotes its beginning: %i bytes of data',
    (length) => {
      const packet = flow.packet({ payload: new Uint8Array(length).fill(5) });
      const answer = answerTo(packet)!;
      const ip = new IpPacket();
      expect(parseIp(answer, 0, answer.length, ip)).toBeUndefined();
      expect(answer.length).toBe(Math.min(family === 4 ? 576 : 1280, packet.length + headerBytes + 8));
      expect(ip.source.equals(IpAddress.parse(serviceAddress[family])!)).toBe(true);
      expect(ip.destination.equals(IpAddress.parse(flow.source)!)).toBe(true);
      // RFC 1191 §4: type 3, code 4, the size in the last 16 bits; RFC 4443 §3.2: type 2, the size in 32 bits.
      expect(readU16(answer, headerBytes)).toBe(family === 4 ? 0x0304 : 0x0200);
      expect(readU32(answer, headerBytes + 4)).toBe(1464);
      const pseudo = family === 4 ? 0 : pseudoHeaderSumAt(answer, 8, 32, 58, answer.length - 40);
      expect(onesComplementSum(answer, headerBytes, answer.length - headerBytes, pseudo)).toBe(0xffff);
      const quoted = answer.subarray(headerBytes + 8);
      expect(quoted).toEqual(packet.subarray(0, quoted.length));
    },
  );

  it('is given to no error (RFC 1122 §3.2.2, RFC 4443 §2.4)', () => {
    expect(answerTo(flow.tooBig())).toBeUndefined();
  });
});
