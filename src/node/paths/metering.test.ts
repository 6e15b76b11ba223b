/** What a keeper of paths counts of its uplinks, on interfaces that go and come back. */
import { execFileSync } from 'node:child_process';
import { afterEach, expect, it } from 'vitest';
import { patience, UplinkWorld } from '../../../test/support/uplink-world.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from '../../linux/index.js';

let world: UplinkWorld;

// Where the tests are left out there is none.
afterEach(() => (world as UplinkWorld | undefined)?.close());

/** Sends so many packets of 1000 bytes over the uplink number 1, to nobody. */
function send(packets: number): void {
  const loop = `for i in {1..${packets}}; do head -c 1000 /dev/zero > /dev/udp/10.0.1.2/9; done`;
  world.client.run(() => execFileSync('bash', ['-c', loop], { stdio: 'pipe' }));
}

describeWith('what goes over an uplink', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('is counted on when its interface is made anew under its name, for the uplink and for the cap', async () => {
    world = new UplinkWorld('eth0', 'ppp0');
    const isMetered = ({ name }: { readonly name: string }): boolean => name === 'ppp0';
    const keeper = world.keep({ serviceType: 'aggregate', isMetered, metered: { capBytes: 1e9 } });
    const sent = (): number => keeper.uplinks.find(({ name }) => name === 'ppp0')?.bytesSent ?? 0;
    const used = (): number => 1e9 - keeper.meteredLeftBytes;
    send(100);
    await expect.poll(sent, patience).toBeGreaterThan(100_000);
    expect(used()).toBeGreaterThan(100_000);
    world.client.ip('link delete ppp0');
    await expect.poll(() => keeper.uplinks.length, patience).toBe(1);
    world.addUplink('ppp0', 1);
    await expect.poll(() => keeper.uplinks.length, patience).toBe(2);
    // The new one has moved less yet than its namesake, which counts all the same.
    send(20);
    await expect.poll(sent, patience).toBeGreaterThan(120_000);
    expect(used()).toBeGreaterThan(120_000);
  });
});
