import { describe, expect, it } from 'vitest';
import type { MptcpVersion } from '../wire/index.js';
import { answerTo } from './version.js';

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
