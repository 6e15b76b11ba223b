/**
 * The aggregation bound of the kernel's own test (tools/testing/selftests/net/mptcp/simult_flows.sh): 16 MiB one way
 * and 80 KiB the other over two rate-limited paths, in both directions, within the time that both rates together
 * need, plus a tenth for headers, plus 450 ms. Our sender and our receiver meet it in virtual time, with every congestion
 * control (coupled ones may take no more than one TCP connection where subflows share a bottleneck, RFC 6356 §2.1, and
 * here they do not) and with every scheduler but the one that is not made to aggregate.
 */

import { describe, expect, it } from 'vitest';
import { MILLISECOND } from '../../src/base/index.js';
import { defaultMptcpSettings, schedulerNamed, schedulers } from '../../src/mptcp/index.js';
import { pathAddress, Pattern, Simulator, twoHosts } from '../../src/network/index.js';
import { Stack, type StackSettings } from '../../src/stack/index.js';
import { congestionControls } from '../../src/tcp/index.js';
import type { SidePlan } from './draw.js';
import { Transfer, TransferApplication } from './transfer.js';

const largeBytes = 2 * 2048 * 4096;
const smallBytes = 20 * 4096;
/** What the kernel's test adds for its own sleeps and some slack. */
const slackMs = 450;

interface Configuration {
  readonly rates: readonly [number, number];
  readonly delaysMs: readonly [number, number];
}

const configurations: readonly Configuration[] = [
  { rates: [10, 10], delaysMs: [0, 0] },
  { rates: [10, 10], delaysMs: [1, 25] },
  { rates: [10, 3], delaysMs: [0, 0] },
  { rates: [10, 3], delaysMs: [1, 25] },
  { rates: [10, 3], delaysMs: [25, 1] },
];

/** The kernel's formula, in integers as its shell does it. */
function boundMs([first, second]: readonly [number, number]): number {
  return Math.floor((1000 * largeBytes * 8 * 10) / ((first + second) * 1000 * 1000 * 9)) + slackMs;
}

function side(writeBytes: number): SidePlan {
  return {
    writeBytes,
    chunkBytes: 65_536,
    pauseNs: 0,
    readBytes: Number.POSITIVE_INFINITY,
    readIntervalNs: 0,
    ending: 'half-close',
    endAfterBytes: 0,
  };
}

/** Runs one transfer; returns when both sides were done, in ms of virtual time, and what each path carried. */
function transfer(
  { rates, delaysMs }: Configuration,
  clientBytes: number,
  serverBytes: number,
  settings: Partial<StackSettings> = {},
) {
  const simulator = new Simulator(1);
  const { client, server, links } = twoHosts(simulator, {
    client: new Stack({ random: simulator.random.fork(), settings }),
    server: new Stack({ random: simulator.random.fork(), settings }),
    // The kernel's test shapes with netem, whose queue holds 1000 packets and adds its delay to both directions.
    paths: rates.map((rate, index) => ({
      both: { rateBps: rate * 1e6, delayNs: delaysMs[index]! * MILLISECOND, queue: { bytes: 1_500_000 } },
    })),
  });
  const patterns = [new Pattern(1), new Pattern(2)] as const;
  const sides = {
    client: new Transfer(side(clientBytes), patterns[0], patterns[1], serverBytes),
    server: new Transfer(side(serverBytes), patterns[1], patterns[0], clientBytes),
  };
  const quiet = (): void => undefined;
  const listener = server.stack.listen(0, { local: { port: 80 } });
  const accept = (now: number): void => {
    sides.server.attach(listener.accept()!);
    sides.server.start(now);
  };
  server.run(0, new TransferApplication([sides.server], quiet, accept));
  client.run(0, new TransferApplication([sides.client], quiet));
  sides.client.attach(
    client.stack.connect(0, { remote: { address: pathAddress(0, 'server', 4), port: 80 } }),
  );
  client.wake(0);
  simulator.run();
  const isWhole = sides.client.checker.isComplete && sides.server.checker.isComplete;
  const errors = [sides.client.errorCode, sides.server.errorCode];
  const endMs = Math.max(sides.client.closedAt, sides.server.closedAt) / MILLISECOND;
  const pathBytes = links.map(
    ({ forward, backward }) => forward.counters.deliveredBytes + backward.counters.deliveredBytes,
  );
  return { isWhole, errors, endMs, pathBytes };
}

/** Settings with the scheduler of that name. */
function withScheduler(name: string): Partial<StackSettings> {
  return { mptcp: { ...defaultMptcpSettings, scheduler: schedulerNamed(name) } };
}

/** Schedulers whose source says that they add the paths up. */
const aggregating = Object.keys(schedulers).filter((name) => name !== 'redundant');

describe('simult_flows', () => {
  it('has the bounds that the kernel computes', () => {
    expect(boundMs([10, 10])).toBe(7906);
    expect(boundMs([10, 3])).toBe(11_921);
  });

  for (const configuration of configurations) {
    const { rates, delaysMs } = configuration;
    for (const direction of ['client to server', 'server to client'] as const) {
      const isForward = direction === 'client to server';
      const sizes = isForward ? ([largeBytes, smallBytes] as const) : ([smallBytes, largeBytes] as const);
      const what = `${rates.join('/')} Mbit/s with delays ${delaysMs.join('/')} ms, ${direction}`;
      // One direction is enough to see what a scheduler does.
      for (const scheduler of isForward ? aggregating : ['lowest-rtt']) {
        it(`${what}, ${scheduler}`, () => {
          const result = transfer(configuration, ...sizes, withScheduler(scheduler));
          expect(result.isWhole).toBe(true);
          expect(result.errors).toEqual(['', '']);
          expect(result.endMs).toBeLessThan(boundMs(rates));
          expect(Math.min(...result.pathBytes)).toBeGreaterThan(largeBytes / 10);
        });
      }
    }

    // Everything goes over both paths, so that the better one alone sets the time (ReMP TCP, ICC 2016).
    it(`${rates.join('/')} Mbit/s with delays ${delaysMs.join('/')} ms, redundant: as fast as the better path`, () => {
      const result = transfer(configuration, largeBytes, smallBytes, withScheduler('redundant'));
      expect(result.isWhole).toBe(true);
      expect(result.errors).toEqual(['', '']);
      expect(result.endMs).toBeLessThan(boundMs([Math.max(...rates), 0]));
      expect(Math.min(...result.pathBytes)).toBeGreaterThan(largeBytes / 10);
    });
  }

  describe.each(Object.entries(congestionControls))('with %s', (_name, congestion) => {
    for (const configuration of configurations) {
      const { rates, delaysMs } = configuration;
      it(`${rates.join('/')} Mbit/s with delays ${delaysMs.join('/')} ms`, () => {
        const result = transfer(configuration, largeBytes, smallBytes, { congestion });
        expect(result.isWhole).toBe(true);
        expect(result.endMs).toBeLessThan(boundMs(rates));
      });
    }
  });
});
