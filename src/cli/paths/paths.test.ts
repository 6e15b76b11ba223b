/** `subflow paths` as a user runs it, in a namespace of its own. */
import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { launcher } from '../../../test/support/subflow-command.js';
import { UplinkWorld } from '../../../test/support/uplink-world.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from '../../linux/index.js';
import { changeFlags, endpointText, parseEndpoint } from './endpoint-words.js';

let world: UplinkWorld | undefined;

afterEach(() => {
  world?.close();
  world = undefined;
});

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `subflow paths ARGS` on the machine, by another program where one is given. */
function paths(args: readonly string[], through: readonly string[] = []): Ran {
  const [program, ...rest] = [...through, process.execPath, launcher, 'paths', ...args];
  try {
    const out = world!.client.run(() =>
      execFileSync(program!, rest, { encoding: 'utf8', stdio: 'pipe', timeout: 60_000 }),
    );
    return { status: 0, out, err: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { status, out: stdout, err: stderr };
  }
}

describe('the words of an endpoint', () => {
  const find = (name: string): number | undefined => (name === 'wlan0' ? 3 : undefined);

  it('are those of `ip mptcp`', () => {
    expect(parseEndpoint('10.0.1.1', ['dev', 'wlan0', 'id', '7', 'subflow', 'backup'], find)).toEqual({
      ...{ address: '10.0.1.1', flags: ['subflow', 'backup'], interfaceIndex: 3, id: 7 },
    });
    const endpoint = { id: 4, address: '::1', port: 80, flags: ['signal'], interfaceIndex: 3 } as const;
    expect(endpointText(endpoint, () => 'wlan0')).toBe('::1 port 80 id 4 signal dev wlan0');
  });

  it.each([
    ['10.0.1', [], /not an IP address/],
    ['10.0.1.1', ['dev', 'eth9'], /no interface 'eth9'/],
    ['10.0.1.1', ['fast'], /'fast' is no word/],
    ['10.0.1.1', ['id', '0'], /from 1 to 255/],
    ['10.0.1.1', ['dev'], /'dev' is no word/],
    ['0.0.0.0', ['subflow'], /no address that a host can have/],
    ['ff02::1', ['signal'], /no address that a host can have/],
    ['255.255.255.255', [], /no address that a host can have/],
    ['10.0.1.1', ['port', '5'], /takes 'signal'/],
    ['10.0.1.1', ['port', '5', 'signal', 'subflow'], /not 'subflow'/],
    ['10.0.1.1', ['signal', 'fullmesh'], /exclude each other/],
    ['10.0.1.1', ['implicit'], /none can be added/],
  ] as const)('%s %j are refused', (address, words, message) => {
    expect(() => parseEndpoint(address, words, find)).toThrow(message);
  });

  it('for changes leave the other flag as it is', () => {
    expect(changeFlags(['subflow', 'fullmesh'], ['backup'])).toEqual(['fullmesh', 'backup']);
    expect(changeFlags(['subflow', 'backup'], ['nobackup'])).toEqual([]);
    expect(() => changeFlags([], ['signal'])).toThrow(/cannot be changed/);
  });
});

describeWith('subflow paths', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('makes, changes, lists and removes endpoints and sets limits', () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const json = (...args: string[]): Record<string, unknown> =>
      JSON.parse(paths([...args, '--json']).out) as Record<string, unknown>;
    expect(json('add', '10.0.1.1', 'dev', 'wlan0', 'subflow')).toMatchObject({
      schema: 'subflow/paths/1',
      endpoint: { id: 1, address: '10.0.1.1', flags: ['subflow'], device: 'wlan0' },
    });
    expect(paths(['change', '1', 'backup']).out).toBe('10.0.1.1 id 1 subflow backup dev wlan0\n');
    expect(json('limits', 'subflows', '5')).toMatchObject({ limits: { subflows: 5 } });
    expect(json('list')).toMatchObject({
      ...{ pathManager: 'kernel', limits: { subflows: 5 }, endpoints: [{ id: 1, device: 'wlan0' }] },
      links: [
        { name: 'eth0', lacks: null },
        { name: 'wlan0', lacks: null },
      ],
    });
    expect(paths(['remove', '10.0.1.1']).status).toBe(0);
    expect(paths(['remove', '10.0.1.1'])).toMatchObject({
      status: 2,
      err: expect.stringContaining("no endpoint '10.0.1.1'") as string,
    });
    expect(world.endpointList()).toEqual([]);
  });

  it('says what a second path lacks, and with which command it gets it', () => {
    world = new UplinkWorld('eth0', 'wlan0');
    world.client.ip('route delete default dev wlan0');
    world.ip(6, 'route delete default dev wlan0');
    const first = paths(['list']).out;
    expect(first).toContain('eth0 is the only uplink');
    expect(first).toContain('wlan0 cannot be used: it has no default route: ip route add default via ROUTER');
    world.giveAddresses('wlan0', 1);
    expect(paths(['list']).out).toContain('wlan0 has no endpoint: subflow paths add 10.0.1.1 dev wlan0');
  });

  it('without the right says so, and with status 3', () => {
    world = new UplinkWorld('eth0', 'wlan0');
    const without = ['setpriv', '--bounding-set=-net_admin'];
    for (const args of [
      ['add', '10.0.1.1', 'subflow'],
      ['flush'],
      ['auto'],
      ['auto', '--dry-run'],
      ['watch'],
    ]) {
      const { status, err } = paths(args, without);
      expect([args, status]).toEqual([args, 3]);
      expect(err).toContain('CAP_NET_ADMIN');
    }
    expect(paths(['list'], without)).toMatchObject({
      status: 0,
      out: expect.stringContaining('shows them to root only') as string,
    });
  });

  it('without Multipath TCP in the kernel says so', () => {
    world = new UplinkWorld('eth0', 'wlan0');
    world.client.sysctl('net.mptcp.enabled', 0);
    for (const args of [['list'], ['auto'], ['limits']]) {
      const { status, err } = paths(args);
      expect([args, status]).toEqual([args, 3]);
      expect(err).toContain('net.mptcp.enabled=1');
    }
  });
});
