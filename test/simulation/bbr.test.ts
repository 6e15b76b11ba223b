/** BBR in whole connections: what is published of it, and that it paces. */

import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/base/index.js';
import { TransferWorld } from '../../src/experiments/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import { noLoss, randomLoss } from '../../src/network/index.js';
import { congestionNamed } from '../../src/tcp/index.js';

const rateBps = 10e6;
const delayNs = 20 * MILLISECOND;
/** What the path holds without a queue: bytes. */
const held = (rateBps * 2 * delayNs) / SECOND / 8;

interface Options {
  readonly loss?: number;
  readonly paths?: number;
  readonly queueBytes?: number;
  readonly maxOffloadBytes?: number;
}

/** A download of many seconds. */
function download(
  name: string,
  { loss = 0, paths = 1, queueBytes = 10 * held, maxOffloadBytes = 0 }: Options,
): TransferWorld {
  const settings = {
    congestion: congestionNamed(name),
    mptcp: { ...defaultMptcpSettings, enabled: paths > 1 },
  };
  const both = { rateBps, delayNs, queue: { bytes: queueBytes }, loss: loss > 0 ? randomLoss(loss) : noLoss };
  return new TransferWorld({
    seed: 5,
    paths: Array.from({ length: paths }, (_, index) => ({
      name: `path ${index}`,
      both,
      maxOffloadBytes,
      checksumOffload: maxOffloadBytes > 0,
    })),
    client: settings,
    server: settings,
    downloadBytes: 50e6,
  });
}

/** Goodput from 2 to 12 s over the rate of all paths. */
function use(world: TransferWorld): number {
  world.run(2 * SECOND);
  const before = world.client.bytesDelivered;
  world.run(12 * SECOND);
  return ((world.client.bytesDelivered - before) * 8) / 10 / (rateBps * world.links.length);
}

describe('bbr', () => {
  it('fills a path, with a short queue once startup is over', () => {
    const world = download('bbr', {});
    expect(use(world)).toBeGreaterThan(0.9);
    let most = 0;
    for (let at = 12 * SECOND; at < 20 * SECOND; at += 5 * MILLISECOND) {
      world.run(at);
      most = Math.max(most, world.links[0]!.backward.queueBytes(at));
    }
    // A quarter of what the path holds, while it looks for more, and the quanta of the hosts.
    expect(most).toBeLessThan(0.75 * held);
  });

  it('fills a path that loses one packet in a hundred, or in twenty, where CUBIC does not', () => {
    expect(use(download('bbr', { loss: 0.01 }))).toBeGreaterThan(0.9);
    expect(use(download('bbr', { loss: 0.05 }))).toBeGreaterThan(0.8);
    expect(use(download('cubic', { loss: 0.01 }))).toBeLessThan(0.6);
  });

  it('fills a path whose queue is shorter than what it holds, and two paths, each for itself', () => {
    expect(use(download('bbr', { queueBytes: held / 3 }))).toBeGreaterThan(0.85);
    expect(use(download('bbr', { paths: 2 }))).toBeGreaterThan(0.88);
  });

  it('sends super-segments no larger than its rate has them', () => {
    const world = download('bbr', { maxOffloadBytes: 60_000 });
    expect(use(world)).toBeGreaterThan(0.88);
    let most = 0;
    for (let at = 12 * SECOND; at < 14 * SECOND; at += MILLISECOND) {
      world.run(at);
      most = Math.max(most, world.links[0]!.backward.queueBytes(at));
    }
    expect(most).toBeLessThan(0.75 * held);
  });
});
