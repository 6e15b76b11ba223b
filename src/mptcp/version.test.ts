import { describe, expect, it } from 'vitest';
import type { MptcpVersion } from '../wire/index.js';
import { answerTo, drawKey } from './version.js';

describe('the answer to the version of a SYN (RFC 8684 §3.1)', () => {
  it.each<[number, MptcpVersion[], MptcpVersion | undefined]>([
    [1, [1], 1],
    [1, [1, 0], 1],
    [1, [0, 1], 1],
    [0, [1, 0], 0],
    [0, [0], 0],
    [1, [0], 0],
    [2, [1, 0], 1],
    [15, [0], 0],
    [0, [1], undefined],
  ])('to %i of a host that speaks %j is %s', (asked, versions, answer) => {
    expect(answerTo(asked, versions)).toBe(answer);
  });
});

describe('a key (RFC 8684 §3.1)', () => {
  it('is 64 bits of the random source and nothing else', () => {
    const words = [0xffff_ffff, 0, 0x1234_5678, 0x9abc_def0];
    const random = { nextUint32: (): number => words.shift()! };
    expect(drawKey(random, 1).key).toEqual({ hi: 0xffff_ffff, lo: 0 });
    expect(drawKey(random, 0).key).toEqual({ hi: 0x1234_5678, lo: 0x9abc_def0 });
  });
});
