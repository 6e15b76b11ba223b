/** Coupled congestion control in whole connections: what is coupled with what, and what is not. */

import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/base/index.js';
import { TransferWorld, type TransferSetup } from '../../src/experiments/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import {
  congestionNamed,
  newReno,
  type CongestionControl,
  type CongestionFactory,
  type CongestionInit,
} from '../../src/tcp/index.js';

const link = { rateBps: 10e6, delayNs: 20 * MILLISECOND, queue: { bytes: 50_000 } };
const paths: TransferSetup['paths'] = [
  { name: 'one', both: link },
  { name: 'two', both: link },
];

function worldWith(congestion: CongestionFactory, enabled = true): TransferWorld {
  const settings = { congestion, mptcp: { ...defaultMptcpSettings, enabled } };
  return new TransferWorld({ seed: 3, paths, client: settings, server: settings, downloadBytes: 4_000_000 });
}

describe('coupled congestion control', () => {
  it('is made once for each connection, for all its subflows, and hears when each is over', () => {
    const made: number[] = [];
    let released = 0;
    const make = (init: CongestionInit): CongestionControl =>
      Object.assign(newReno(init), { release: () => released++ });
    const spy: CongestionFactory = Object.assign(make, {
      forConnection: (): CongestionFactory => {
        const index = made.push(0) - 1;
        return (init) => {
          made[index]!++;
          return make(init);
        };
      },
    });
    const world = worldWith(spy);
    expect(world.run().client.isComplete).toBe(true);
    // Client and server, with two subflows each.
    expect(made).toEqual([2, 2]);
    world.simulator.run();
    expect(released).toBe(4);
  });

  it.each(['lia', 'olia', 'balia'])(
    '%s is New Reno for a connection of plain TCP, to the nanosecond',
    (name) => {
      const ends = [congestionNamed(name), newReno].map(
        (each) => worldWith(each, false).run().client.completedAtNs,
      );
      expect(ends[0]).toBeGreaterThan(3 * SECOND);
      expect(ends[0]).toBe(ends[1]);
    },
  );

  it.each(['lia', 'olia', 'balia', 'wvegas'])('%s is what each subflow has', (name) => {
    const world = worldWith(congestionNamed(name));
    world.run(SECOND);
    const { subflows } = world.server.socket!.connection;
    expect(subflows.map(({ tcp }) => tcp.congestionName)).toEqual([name, name]);
    expect(world.outcome().pathBytes.every((bytes) => bytes > 300_000)).toBe(true);
  });
});
