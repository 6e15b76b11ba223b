import { describe, expect, it } from 'vitest';
import { server, servers } from '../../../test/support/balancer-packets.js';
import type { ServerSpec } from '../servers.js';
import type { Generation, GenerationServer } from './generation.js';
import { isSameList, nextServers, reasonFor, wantedIn } from './next-servers.js';
import type { VotedHealth } from './health-vote.js';

const generationOf = (list: readonly GenerationServer[]): Generation => ({
  ...{ number: 1, atNs: 0, servers: list, reason: '' },
});
type Said = Record<number, VotedHealth['state']>;
const healthFrom = (said: Said) => (id: number) => ({ state: said[id] ?? 'unknown', why: '' }) as const;
/** States by number. */
function states(wanted: readonly ServerSpec[], before: readonly GenerationServer[], said: Said): string {
  const current = before.length === 0 ? undefined : generationOf(before);
  return nextServers(wanted, current, healthFrom(said))
    .servers.map(({ id, state }) => `${id} ${state}`)
    .join(', ');
}

describe('the list that follows', () => {
  it('has a server that is down as gone, and knows what was wanted of it', () => {
    const wanted = [server(1), server(2, { state: 'draining' }), server(3, { state: 'gone' }), server(4)];
    const said: Said = { 1: 'down', 2: 'down', 3: 'up', 4: 'up' };
    expect(states(wanted, [], said)).toBe('1 gone, 2 gone, 3 gone, 4 up');
    const { servers: list } = nextServers(wanted, undefined, healthFrom(said));
    expect(list.map(({ wanted: each }) => each)).toEqual(['up', 'draining', undefined, undefined]);
    expect(wantedIn(generationOf(list)).map(({ state }) => state)).toEqual(['up', 'draining', 'gone', 'up']);
  });

  it('has a server that is back as its operator wants it', () => {
    const wanted = [server(1, { state: 'draining' }), server(2)];
    const before = [server(1, { state: 'gone', wanted: 'draining' } as object), server(2)];
    expect(states(wanted, before, { 1: 'up', 2: 'up' })).toBe('1 draining, 2 up');
  });

  it('leaves a server of which nothing is known as it was, and a new one out until it was checked', () => {
    const before = [server(1), server(2, { state: 'gone', wanted: 'up' } as object), server(3)];
    expect(states(servers(4), before, { 3: 'up' })).toBe('1 up, 2 gone, 3 up, 4 gone');
    expect(states(servers(4), before, { 1: 'split', 2: 'split', 3: 'up', 4: 'split' })).toBe(
      '1 up, 2 gone, 3 up, 4 up',
    );
  });

  it('takes up what the operator wants anew while nothing is known', () => {
    const drained = [server(1, { state: 'draining' }), server(2)];
    expect(states(drained, servers(2), { 2: 'up' })).toBe('1 draining, 2 up');
    expect(states(servers(2), [server(1, { state: 'gone' }), server(2)], { 2: 'up' })).toBe('1 up, 2 up');
  });

  it('does not believe that all servers are down: they stay as they were, or as they are wanted', () => {
    const before = [server(1, { state: 'gone', wanted: 'up' } as object), server(2)];
    expect(states(servers(2), before, { 1: 'down', 2: 'down' })).toBe('1 gone, 2 up');
    expect(states(servers(2), [], { 1: 'down', 2: 'down' })).toBe('1 up, 2 up');
    expect(nextServers(servers(2), undefined, healthFrom({ 1: 'down' })).isFailingOpen).toBe(true);
    expect(nextServers(servers(2), undefined, healthFrom({ 1: 'up' })).isFailingOpen).toBe(false);
    // An operator who wants no server up means it.
    expect(states([server(1, { state: 'draining' })], [], { 1: 'down' })).toBe('1 gone');
  });

  it('is told apart from another by any field, and not by the order', () => {
    const [a, b] = servers(2);
    expect(isSameList([a!, b!], [b!, a!])).toBe(true);
    const others: GenerationServer[] = [
      { ...b!, weight: 2 },
      { ...b!, state: 'draining' },
      { ...b!, state: 'gone', wanted: 'up' },
      { ...b!, address: server(9).address },
      server(3),
    ];
    for (const other of others) expect(isSameList([a!, b!], [a!, other])).toBe(false);
    expect(isSameList([{ ...b!, state: 'gone' }], [{ ...b!, state: 'gone', wanted: 'up' }])).toBe(false);
  });

  it('is explained in words, which have a limit', () => {
    const before = [server(1), server(2), server(3), server(4)];
    const after: GenerationServer[] = [
      { ...server(1), state: 'gone', wanted: 'up' },
      { ...server(2), weight: 5, state: 'draining' },
      server(3, { address: server(9).address }),
      server(5),
    ];
    expect(reasonFor(before, after, () => 'refused')).toBe(
      'server 1 is down: refused; server 2 is draining; server 2 weighs 5; ' +
        `server 3 is ${server(9).address.toString()} now; server 5 added; server 4 removed`,
    );
    expect(reasonFor([], servers(100), () => '')).toHaveLength(512);
  });
});
