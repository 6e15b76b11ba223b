import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { IpAddress } from '../../wire/index.js';
import { mayCreateNamespaces } from '../capabilities.js';
import { NetworkNamespace, runIp } from '../namespace.js';
import { LinkWatch, Reach } from './index.js';

const open: { close(): void }[] = [];

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

describeWith('whether there is a way over a link', [mayCreateNamespaces()], () => {
  it.each([
    [4, '10.0.0', '192.0.2.1', '32'],
    [6, '2001:db8:0:', '2001:db8:9::1', '128'],
  ] as const)(
    'follows the routes of every table and the rules for the source: IPv%i',
    (family, net, peer, bits) => {
      const near = NetworkNamespace.create('near');
      const far = NetworkNamespace.create('far');
      open.push(near, far);
      const [dot, length] = family === 4 ? ['.', 24] : [':', 64];
      const of = (i: number, host: number): string =>
        family === 4 ? `10.0.${i}${dot}${host}` : `${net}${i}::${host}`;
      for (const i of [0, 1]) {
        near.connectTo(far, `c${i}`, `s${i}`);
        near.ip(`address add ${of(i, 1)}/${length} dev c${i}`);
      }
      const links = new LinkWatch({ namespace: near });
      const reach = new Reach(near);
      open.push(links, reach);
      const has = (i: number, destination: string): boolean =>
        reach.has({
          link: links.find(`c${i}`)!.index,
          source: IpAddress.parse(of(i, 1))!,
          destination: IpAddress.parse(destination)!,
        });
      expect([has(0, peer), has(1, peer)]).toEqual([false, false]);
      expect([has(0, of(0, 2)), has(1, of(0, 2))]).toEqual([true, false]);
      near.ip(`route add ${peer}/${bits} via ${of(0, 2)} dev c0`);
      expect([has(0, peer), has(1, peer)]).toEqual([true, false]);
      near.run(() => runIp('near', [`rule add from ${of(1, 1)} table 1001`], family === 4 ? [] : ['-6']));
      near.ip(`route add ${peer}/${bits} via ${of(1, 2)} dev c1 table 1001`);
      expect([has(0, peer), has(1, peer)]).toEqual([true, true]);
      near.ip(
        `route del ${peer}/${bits} via ${of(1, 2)} dev c1 table 1001`,
        `route del ${peer}/${bits} dev c0`,
      );
      const hops = [0, 1].map((i) => `nexthop via ${of(i, 2)} dev c${i}`).join(' ');
      near.ip(`route add ${peer}/${bits} ${hops}`);
      expect([has(0, peer), has(1, peer)]).toEqual([true, true]);
      near.ip('link set c1 down');
      expect(has(1, peer)).toBe(false);
    },
  );
});
