/**
 * Servers that drain, go and come back under connections of Linux that have a join: what breaks whose server lives on, behind the designs
 * that keep nothing about connections, and behind a plain hash.
 */
import { afterEach, expect, it, vi } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayUseXdp } from '../../src/linux/index.js';
import { BalancedService, joinedSubflows, type BalancedServiceOptions } from '../support/balanced-service.js';
import { describeWith } from '../support/with-rights.js';

const connections = 60;
const servers = 4;
const waiting = { timeout: 60_000, interval: 50 };
/** How long a connection may take to notice that its first subflow is gone and go on by the other, in ms. */
const patienceMs = 15_000;

type Row = Omit<BalancedServiceOptions, 'servers'>;
const unbroken: readonly Row[] = [
  { path: 'xdp', stack: 'linux', design: 'direct-address' },
  { path: 'user', stack: 'linux', design: 'direct-address' },
  { path: 'user', stack: 'engine', design: 'key-select' },
];

describeWith(
  'servers that drain, go and come back',
  [mayCreateNamespaces(), mayUseXdp(), kernelMptcp()],
  () => {
    let lab: BalancedService | undefined;
    afterEach(async () => {
      await lab?.close();
      lab = undefined;
    });

    /** How many connections broke after each change whose server lives on; those of server 4 do not count once it is gone. */
    async function brokenBy(row: Row): Promise<number[]> {
      lab = await BalancedService.open({ ...row, servers });
      const service = lab;
      const all = await service.connect(connections);
      if (row.design !== 'maglev')
        await vi.waitUntil(() => all.every((each) => joinedSubflows(each) > 0), waiting);
      const others = all.filter(({ server }) => server !== 4);
      expect(others.length).toBeGreaterThan(connections / 3);
      const counts: number[] = [];
      const step = async (
        states: Parameters<BalancedService['setServers']>[0],
        of: typeof all,
      ): Promise<void> => {
        await service.setServers(states);
        counts.push((await service.broken(of, patienceMs)).length);
      };
      await step({ 1: 'up', 2: 'up', 3: 'up', 4: 'draining' }, all);
      await step({ 1: 'up', 2: 'up', 3: 'up' }, others);
      await step({ 1: 'up', 2: 'up', 3: 'up', 4: 'up' }, others);
      // Who comes now is served, by the one that came back too.
      const late = await service.connect(connections);
      expect(new Set(late.map(({ server }) => server))).toEqual(new Set([1, 2, 3, 4]));
      return counts;
    }

    it.each(unbroken)(
      'break no connection behind $design, $path path, servers of $stack',
      { timeout: 180_000 },
      async (row) => {
        expect(await brokenBy(row)).toEqual([0, 0, 0]);
      },
    );

    it('break those that a plain hash has elsewhere by now', { timeout: 180_000 }, async () => {
      const counts = await brokenBy({ path: 'user', stack: 'linux', design: 'maglev' });
      const broken = Math.max(...counts);
      expect(broken).toBeGreaterThan(0);
      expect(broken).toBeLessThan(connections / 2);
    });
  },
);
