import { describe, expect, it } from 'vitest';
import { Connection } from './connection.js';
import { defaultTraceLimits } from './settings.js';
import { Stream } from './stream.js';
import { TokenTable } from './token-table.js';

const connection = new Connection(0, 0, defaultTraceLimits, 0);

function streams(count: number): Stream[] {
  return Array.from({ length: count }, (_, number) => new Stream(number, 0));
}

describe('joins that wait for their connection', () => {
  it('are given to the first connection with their token, the oldest first, and once', () => {
    const table = new TokenTable(10);
    const joins = streams(4);
    for (const [index, join] of joins.entries()) table.wait(index === 2 ? 9 : 7, join);
    expect(table.add(7, connection, true)).toEqual([joins[0], joins[1], joins[3]]);
    expect(table.add(7, connection, false)).toEqual([]);
    expect(table.forgotten).toBe(0);
  });

  it('make way for new ones when there are too many, the oldest of all first', () => {
    const table = new TokenTable(3);
    const joins = streams(6);
    for (const [index, join] of joins.entries()) table.wait(index % 2, join);
    expect(table.forgotten).toBe(3);
    expect(table.add(0, connection, true)).toEqual([joins[4]]);
    expect(table.add(1, connection, true)).toEqual([joins[3], joins[5]]);
  });

  it('that were given away do not count, and those that came since are not taken for them', () => {
    const table = new TokenTable(2);
    const joins = streams(5);
    for (const join of joins.slice(0, 2)) table.wait(1, join);
    expect(table.add(1, connection, true)).toEqual(joins.slice(0, 2));
    for (const join of joins.slice(2, 4)) table.wait(1, join);
    expect(table.forgotten).toBe(0);
    table.wait(2, joins[4]!);
    expect(table.forgotten).toBe(1);
    expect(table.add(1, connection, true)).toEqual([joins[3]]);
  });

  it('of one token or of ever new ones stay within the limit, however many come', () => {
    for (const tokenOf of [() => 5, (index: number) => index]) {
      const table = new TokenTable(1000);
      for (const [index, join] of streams(50_000).entries()) table.wait(tokenOf(index), join);
      expect(table.forgotten).toBe(49_000);
      expect(table.waitingTokens).toBeLessThanOrEqual(1000);
    }
  });
});
