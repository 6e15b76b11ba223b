import { describe, expect, it } from 'vitest';
import type { WirePacket } from '../linux-lab.js';
import { bytesInSyn, countRoundTrips } from './round-trips.js';

/** Packets as they are said: `>S` the client's SYN, `<S` the peer's, `>5` five bytes, `<.` an acknowledgement, `<5!` an answer. */
function packets(said: string): WirePacket[] {
  const next = { client: 1000, peer: 2 ** 32 - 3 };
  return said.split(' ').map((word): WirePacket => {
    const from = word.startsWith('>') ? 'client' : 'peer';
    const isSyn = word.includes('S');
    const isAgain = word.includes('again');
    const payloadBytes = Number(/\d+/.exec(word)?.[0] ?? 0);
    const sequence = isAgain ? (next[from] - payloadBytes) >>> 0 : next[from];
    if (!isAgain && !isSyn) next[from] = (sequence + payloadBytes) >>> 0;
    return { from, isSyn, payloadBytes, sequence, hasAnswer: word.includes('!') };
  });
}

describe('countRoundTrips', () => {
  it.each([
    ['two without Fast Open: SYN, and request', '>S <S >. >5 <. <5!', 2],
    ['one where the request is in the SYN (RFC 7413 §2)', '>S5 <S >. <5!', 1],
    ['two where data in the SYN was not taken and is sent again', '>S5 <S >5 <5!', 2],
    ['one more for each answer that the client waits for', '>S <S >3 <2 >10 <10 >5 <5!', 4],
    ['nothing for data that follows without waiting', '>S <S >3 >10 >5 <2 <10 <5!', 2],
    [
      'nothing for what is sent again, also where numbers wrap',
      '>S >S <S <S >S >3 <9 >3again <9again <5!',
      2,
    ],
  ])('counts %s', (_what, said, expected) => {
    expect(countRoundTrips(packets(said))).toBe(expected);
  });

  it('gives null where no answer came', () => {
    expect(countRoundTrips(packets('>S <S >5 <5'))).toBeNull();
    expect(countRoundTrips([])).toBeNull();
  });
});

describe('bytesInSyn', () => {
  it('is what the first packet of the client carried', () => {
    expect(bytesInSyn(packets('>S7 <S >5 <5!'))).toBe(7);
    expect(bytesInSyn(packets('>S <S >5 <5!'))).toBe(0);
  });
});
