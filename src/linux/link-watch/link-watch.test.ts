/** Against a real kernel, in namespaces of the test's own. */
import { afterEach, expect, it, vi } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { mayCreateNamespaces } from '../capabilities.js';
import { NetworkNamespace } from '../namespace.js';
import type { LinkFacts } from '../../policy/index.js';
import { type LinkChange, LinkFactsWatch, LinkWatch, type WatchedLink } from './index.js';

const open: { close(): void }[] = [];

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

const patience = { timeout: 20_000 };

/** Two namespaces joined by a link, the watched one's end called `name`. */
function pair(name = 'c0'): { near: NetworkNamespace; far: NetworkNamespace } {
  const near = NetworkNamespace.create('near');
  const far = NetworkNamespace.create('far');
  open.push(near, far);
  near.connectTo(far, name, 's0');
  return { near, far };
}

function watch(namespace: NetworkNamespace): { watch: LinkWatch; changes: LinkChange[] } {
  const changes: LinkChange[] = [];
  const made = new LinkWatch({ namespace, onChange: (more) => changes.push(...more) });
  open.push(made);
  return { watch: made, changes };
}

const addressesOf = (link: WatchedLink | undefined): string[] | undefined =>
  link?.addresses.map(({ address, prefixLength, scope }) => `${address.toString()}/${prefixLength} ${scope}`);

const routesOf = (link: WatchedLink | undefined): string[] | undefined =>
  link?.defaultRoutes.map(({ gateway, metric, table }) => `${gateway?.toString()} ${metric} ${table}`);

describeWith('a watch of links', [mayCreateNamespaces()], () => {
  it('has what there was before it: interfaces, carrier, addresses with their scope, default routes', async () => {
    const { near } = pair();
    // The kernel takes a moment to see that both ends are up.
    await expect.poll(() => watch(near).watch.find('c0')?.hasCarrier, patience).toBe(true);
    near.ip(
      'address add 10.0.0.1/24 dev c0',
      'address add 2001:db8::1/64 dev c0',
      'address add fe80::5/64 dev c0',
      'route add default via 10.0.0.2 dev c0 metric 30',
      'route add default via 10.0.0.3 dev c0 metric 20 table 1000',
      'route add 192.0.2.0/24 via 10.0.0.2',
    );
    // It brings addresses of IPv6 into use in its own time.
    await expect.poll(() => watch(near).watch.find('c0')?.addresses.length, patience).toBe(3);
    const { watch: links } = watch(near);
    const link = links.find('c0');
    expect(link).toMatchObject({ isUp: true, hasCarrier: true, isLoopback: false, kind: 'wired' });
    expect(addressesOf(link)).toEqual(['10.0.0.1/24 global', '2001:db8::1/64 global', 'fe80::5/64 link']);
    expect(routesOf(link)).toEqual(['10.0.0.3 20 1000', '10.0.0.2 30 254']);
    expect(links.find('lo')).toMatchObject({ isLoopback: true, hasCarrier: true, kind: 'unknown' });
    expect(links.find('nothing')).toBeUndefined();
  });

  it('hears when the other end of a link goes down and comes back', async () => {
    const { near, far } = pair();
    const { watch: links, changes } = watch(near);
    await expect.poll(() => links.find('c0')?.hasCarrier, patience).toBe(true);
    far.ip('link set s0 down');
    await expect.poll(() => links.find('c0'), patience).toMatchObject({ isUp: true, hasCarrier: false });
    expect(changes.at(-1)).toMatchObject({ before: { hasCarrier: true }, after: { hasCarrier: false } });
    far.ip('link set s0 up');
    await expect.poll(() => links.find('c0')?.hasCarrier, patience).toBe(true);
  });

  it('hears of addresses and interfaces that come, get another name and go', async () => {
    const { near, far } = pair();
    const { watch: links, changes } = watch(near);
    near.ip('address add 10.0.0.1/24 dev c0');
    await expect.poll(() => addressesOf(links.find('c0')), patience).toEqual(['10.0.0.1/24 global']);
    near.ip('address del 10.0.0.1/24 dev c0');
    await expect.poll(() => addressesOf(links.find('c0')), patience).toEqual([]);
    near.connectTo(far, 'c1', 's1');
    await expect.poll(() => links.find('c1')?.hasCarrier, patience).toBe(true);
    near.ip('link set c1 down', 'link set c1 name wlan7');
    await expect.poll(() => links.find('wlan7'), patience).toMatchObject({ isUp: false, kind: 'wifi' });
    expect(links.find('c1')).toBeUndefined();
    near.ip('link del wlan7');
    await expect.poll(() => links.find('wlan7'), patience).toBeUndefined();
    expect(changes.at(-1)).toMatchObject({ before: { name: 'wlan7' }, after: undefined });
  });

  it('leaves addresses out that are deprecated, and has them again when they are not', async () => {
    const { near } = pair();
    near.ip('address add 2001:db8::1/64 dev c0');
    const { watch: links } = watch(near);
    near.ip('address change 2001:db8::1/64 dev c0 preferred_lft 0');
    await expect.poll(() => addressesOf(links.find('c0')), patience).toEqual([]);
    near.ip('address change 2001:db8::1/64 dev c0 preferred_lft forever');
    await expect.poll(() => addressesOf(links.find('c0')), patience).toEqual(['2001:db8::1/64 global']);
  });

  it('has no default route any more that the kernel dropped without a word, with an address or an interface', async () => {
    const { near } = pair();
    const { watch: links } = watch(near);
    const give = (): string =>
      near.ip('address replace 10.0.0.1/24 dev c0', 'link set c0 up', 'route replace default via 10.0.0.2');
    give();
    await expect.poll(() => routesOf(links.find('c0')), patience).toEqual(['10.0.0.2 0 254']);
    near.ip('link set c0 down');
    await expect.poll(() => routesOf(links.find('c0')), patience).toEqual([]);
    give();
    await expect.poll(() => routesOf(links.find('c0')), patience).toEqual(['10.0.0.2 0 254']);
    near.ip('address del 10.0.0.1/24 dev c0');
    await expect.poll(() => routesOf(links.find('c0')), patience).toEqual([]);
  });

  it('has each hop of a default route with several', async () => {
    const { near, far } = pair();
    near.connectTo(far, 'c1', 's1');
    near.ip('address add 10.0.0.1/24 dev c0', 'address add 10.0.1.1/24 dev c1');
    const { watch: links } = watch(near);
    near.ip('route add default nexthop via 10.0.0.2 nexthop via 10.0.1.2');
    await expect.poll(() => routesOf(links.find('c0')), patience).toEqual(['10.0.0.2 0 254']);
    expect(routesOf(links.find('c1'))).toEqual(['10.0.1.2 0 254']);
  });

  it('asks everything anew where more was announced than the kernel could hold', async () => {
    const { near } = pair();
    const { watch: links } = watch(near);
    // The event loop stands still meanwhile.
    near.ip(
      ...Array.from({ length: 150 }, (_, i) => [
        `link add a${i} type veth peer name b${i}`,
        `link set a${i} up`,
      ]).flat(),
    );
    near.ip(...Array.from({ length: 149 }, (_, i) => `link del a${i}`));
    near.ip('address add 10.0.0.1/24 dev a149');
    await expect.poll(() => addressesOf(links.find('a149')), patience).toEqual(['10.0.0.1/24 global']);
    expect(links.overruns).toBeGreaterThan(0);
    expect(links.links.map(({ name }) => name).sort()).toEqual(['a149', 'b149', 'c0', 'lo']);
  });

  it('tells together what came together, and nothing of a change that was undone', async () => {
    const { near } = pair();
    const calls: (readonly LinkChange[])[] = [];
    const { watch: first } = watch(near);
    await expect.poll(() => first.find('c0')?.hasCarrier, patience).toBe(true);
    open.push(new LinkWatch({ namespace: near, onChange: (changes) => calls.push(changes) }));
    near.ip(
      'address add 10.0.0.9/24 dev lo',
      'address del 10.0.0.9/24 dev lo',
      'address add 10.0.0.1/24 dev c0',
      'address add 10.0.0.2/24 dev c0',
    );
    await expect.poll(() => calls.length, patience).toBeGreaterThan(0);
    expect(calls).toHaveLength(1);
    expect(calls[0]!.map(({ after }) => after?.name)).toEqual(['c0']);
    expect(addressesOf(calls[0]![0]!.after)).toHaveLength(2);
  });

  it('tells every watch of a namespace, each until it is closed', async () => {
    const { near } = pair();
    const first = watch(near);
    const second = watch(near);
    first.watch.close();
    first.watch.close();
    near.ip('address add 10.0.0.1/24 dev c0');
    await expect.poll(() => second.changes.length, patience).toBe(1);
    expect(first.changes).toEqual([]);
    expect(watch(near).watch.links).toEqual(second.watch.links);
  });
});

describeWith('the facts of links', [mayCreateNamespaces()], () => {
  it('are the kind, what it costs and the carrier, one object until they change', async () => {
    const { near, far } = pair('wwan0');
    near.connectTo(far, 'c1', 's1');
    const told: string[] = [];
    const facts = new LinkFactsWatch({
      namespace: near,
      onChange: (links) => told.push(...links.map(({ name }) => name)),
    });
    open.push(facts);
    const of = (name: string): LinkFacts | undefined => {
      const link = facts.find(name);
      return link && facts.factsOf(link);
    };
    await expect.poll(() => of('wwan0')?.hasCarrier, patience).toBe(true);
    expect(of('wwan0')).toEqual({ kind: 'cellular', isMetered: true, hasCarrier: true });
    expect(of('wwan0')).toBe(of('wwan0'));
    expect(of('c1')).toMatchObject({ kind: 'wired', isMetered: false });
    far.ip('link set s0 down');
    await expect.poll(() => of('wwan0')?.hasCarrier, patience).toBe(false);
    expect(told).toContain('wwan0');
    facts.close();
    facts.close();
  });

  it('show a lost carrier of a link that is attended to before the kernel announces it', async () => {
    const { near, far } = pair();
    const { watch: links } = watch(near);
    await expect.poll(() => links.find('c0')?.hasCarrier, patience).toBe(true);
    const { index } = links.find('c0')!;
    links.attend(new Set([index]));
    // So often that the kernel puts its announcements off; each state is seen all the same.
    for (const state of ['down', 'up', 'down', 'up']) {
      far.ip(`link set s0 ${state}`);
      await expect.poll(() => links.find('c0')?.hasCarrier, patience).toBe(state === 'up');
    }
    links.attend(new Set());
    links.attend(new Set([index, 99]));
    links.close();
    links.attend(new Set([index]));
  });

  it('show a lost carrier of a link that is attended to within 100 ms', async () => {
    const { near, far } = pair();
    const { watch: links, changes } = watch(near);
    await expect.poll(() => links.find('c0')?.hasCarrier, patience).toBe(true);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      links.attend(new Set([links.find('c0')!.index]));
      changes.length = 0;
      far.ip('link set s0 down');
      // Whatever the kernel announces is not heard meanwhile: the event loop does not turn.
      expect(links.find('c0')?.hasCarrier).toBe(true);
      vi.advanceTimersByTime(100);
      expect(links.find('c0')?.hasCarrier).toBe(false);
      expect(changes).toHaveLength(1);
      links.attend(new Set());
    } finally {
      vi.useRealTimers();
    }
  });
});
