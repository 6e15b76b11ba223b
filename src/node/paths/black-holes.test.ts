/**
 * What Linux does where something on the way drops SYNs that ask for Multipath TCP, and what becomes of that in another network
 * (net/mptcp/ctrl.c of the kernel).
 */
import { execFileSync } from 'node:child_process';
import { afterEach, expect, it } from 'vitest';
import { patience, UplinkWorld } from '../../../test/support/uplink-world.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { descriptorOf, isMultipath, kernelMptcp, mayCreateNamespaces } from '../../linux/index.js';

let world: UplinkWorld;

// Where the tests are left out there is none.
afterEach(() => (world as UplinkWorld | undefined)?.close());

/** A machine whose uplink number 0 leads through a box that drops such SYNs. */
function inHotel(): void {
  world = new UplinkWorld('eth0');
  const drop = 'iifname s0 tcp flags syn tcp option mptcp exists drop';
  nft(`table inet box { chain input { type filter hook input priority 0; ${drop}; }; }`);
  // One SYN is sent again with the option, and then one without.
  world.client.sysctl('net.mptcp.syn_retrans_before_tcp_fallback', 1);
}

function nft(commands: string): void {
  world.server.run(() => execFileSync('nft', ['-f', '-'], { input: commands, stdio: 'pipe' }));
}

/** Whether a new connection is one of Multipath TCP. */
async function connectsByMultipath(): Promise<boolean> {
  const { client } = await world.connect(4);
  return isMultipath(descriptorOf(client));
}

function count(name: string): number {
  return Number(world.client.counters().get(`MPTcpExt${name}`) ?? 0);
}

const needs = [kernelMptcp(), mayCreateNamespaces(), hasTool('nft')];

describeWith('SYNs with the option that get lost', needs, () => {
  it('have the kernel ask for plain TCP for a while, until the time-out is written again, with the same number too', async () => {
    inHotel();
    const timeout = world.client.readSysctl('net.mptcp.blackhole_timeout');
    expect(Number(timeout)).toBeGreaterThan(60);
    expect(await connectsByMultipath()).toBe(false);
    expect([count('Blackhole'), count('MPCapableSYNTXDisabled')]).toEqual([1, 0]);
    // The box is gone, and the kernel does not try.
    nft('delete table inet box');
    expect(await connectsByMultipath()).toBe(false);
    expect(count('MPCapableSYNTXDisabled')).toBe(1);
    world.client.sysctl('net.mptcp.blackhole_timeout', timeout);
    expect(await connectsByMultipath()).toBe(true);
    expect(count('MPCapableSYNTXDisabled')).toBe(1);
    expect(world.client.readSysctl('net.mptcp.blackhole_timeout')).toBe(timeout);
  });

  it('are forgiven by a keeper of paths in another network, and not in the same', async () => {
    inHotel();
    world.keep({ serviceType: 'handover' });
    const forgiven = (): unknown[] => world.events.filter(({ event }) => event === 'black-holes-forgiven');
    expect(await connectsByMultipath()).toBe(false);
    // Something changes, and it is the same network.
    world.client.ip('address add 10.0.0.9/24 dev eth0');
    await expect.poll(() => world.ip(4, 'address show dev eth0'), patience).toContain('10.0.0.9');
    expect(await connectsByMultipath()).toBe(false);
    expect(forgiven()).toEqual([]);
    // Another network becomes the way out, and nothing is dropped on it.
    world.addUplink('wlan0', 1);
    world.client.ip('route replace default via 10.0.1.2 dev wlan0 metric 5');
    await expect.poll(forgiven, patience).toMatchObject([{ fields: { times: 1 } }]);
    expect(await connectsByMultipath()).toBe(true);
    expect(count('Blackhole')).toBe(1);
  });
});
