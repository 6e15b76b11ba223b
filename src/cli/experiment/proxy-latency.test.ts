import { describe, expect, it } from 'vitest';
import { CommandFolder } from '../../../test/support/run-subflow.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun } from '../../linux/index.js';

const folder = new CommandFolder();
const run = (...args: string[]) =>
  folder.run(['experiment', 'run', 'proxy-latency', '--no-figures', '--json', ...args]);

describeWith('proxy-latency', [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()], () => {
  it('counts none that a converter (RFC 8803 §3) or SOCKS 6 adds, two for SOCKS 5, and one for HTTP CONNECT', async () => {
    const { status, out, err } = await run();
    expect(err).toBe('');
    const { rows } = JSON.parse(out) as { rows: Record<string, unknown>[] };
    const counts = rows.map(({ way, cookie, roundTrips, added }) => [way, cookie, roundTrips, added]);
    expect(counts).toEqual([
      ['direct', false, 2, 0],
      ['socks 5', false, 4, 2],
      ['http connect', false, 3, 1],
      ['socks 6', false, 2, 0],
      ['converter', false, 2, 0],
      ['direct', true, 1, 0],
      ['socks 5', true, 3, 2],
      ['http connect', true, 2, 1],
      ['socks 6', true, 1, 0],
      ['converter', true, 1, 0],
    ]);
    expect(status).toBe(0);
  });
});

describe('proxy-latency without the kernel', () => {
  it('ends with status 3, and says what is missing', async () => {
    const { status, err } = await run('--no-linux');
    expect(status).toBe(3);
    expect(err).toContain("proxy-latency is about the machine's own kernel. The kernel was left out");
  });
});
