import { describe, expect, it } from 'vitest';
import { servers } from '../../test/support/balancer-packets.js';
import { MaglevTable } from './maglev.js';
import { ServerSet, type ServerSpec } from './servers.js';

const size = 65_537;

function owners(specs: readonly ServerSpec[]): (number | undefined)[] {
  const table = new MaglevTable(new ServerSet(specs).up, size);
  return Array.from({ length: size }, (_, hash) => table.find(hash)?.id);
}

function shares(table: readonly (number | undefined)[]): Map<number | undefined, number> {
  const counts = new Map<number | undefined, number>();
  for (const owner of table) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}

describe('the Maglev table', () => {
  it('gives every server its share to within one turn', () => {
    for (const count of shares(owners(servers(100))).values())
      expect(Math.abs(count - size / 100)).toBeLessThan(1.01);
  });

  it('gives by weight', () => {
    const [one, two, three] = servers(3);
    const counts = shares(owners([one!, { ...two!, weight: 2 }, { ...three!, weight: 5 }]));
    expect([1, 2, 3].map((id) => Math.round((8 * counts.get(id)!) / size))).toEqual([1, 2, 5]);
  });

  it('does not depend on the order of the list', () => {
    expect(owners([...servers(7)].reverse())).toEqual(owners(servers(7)));
  });

  it('moves the places of a server that goes, and fewer than 2 % of the others', () => {
    const before = owners(servers(50));
    const after = owners(servers(50).filter(({ id }) => id !== 17));
    const movedOthers = before.filter((owner, place) => owner !== 17 && owner !== after[place]);
    expect(after).not.toContain(17);
    expect(movedOthers.length / size).toBeLessThan(0.02);
  });

  it('of no server has none anywhere', () => {
    expect(new MaglevTable([], 7).find(12)).toBeUndefined();
  });
});
