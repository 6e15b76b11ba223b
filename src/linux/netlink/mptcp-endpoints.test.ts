import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { IpAddress } from '../../wire/index.js';
import { kernelMptcp, mayCreateNamespaces } from '../capabilities.js';
import { NetworkNamespace, runIp } from '../namespace.js';
import { KernelEndpoints } from './mptcp-endpoints.js';
import { RouteTables } from './route-tables.js';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

function host(): NetworkNamespace {
  const namespace = NetworkNamespace.create('host');
  open.push(namespace);
  namespace.ip(
    'link add d0 type veth peer name p0',
    'link set p0 up',
    'link set d0 up',
    'address add 10.0.0.1/24 dev d0',
    'address add 2001:db8::1/64 dev d0',
  );
  return namespace;
}

const refused = (code: string): unknown => expect.objectContaining({ code });

describeWith('the path manager of the kernel', [kernelMptcp(), mayCreateNamespaces()], () => {
  function commanded(): { namespace: NetworkNamespace; endpoints: KernelEndpoints } {
    const namespace = host();
    const endpoints = namespace.run(() => new KernelEndpoints());
    open.push(endpoints);
    return { namespace, endpoints };
  }

  it('makes, lists, changes and removes endpoints as `ip mptcp` shows them', () => {
    const { namespace, endpoints } = commanded();
    const index = Number(/^(\d+):/.exec(namespace.ip('link show dev d0'))![1]);
    endpoints.add({ address: '10.0.0.1', flags: ['subflow', 'backup'], interfaceIndex: index });
    endpoints.add({ address: '2001:db8::1', flags: ['signal'], id: 9, port: 8080 });
    expect(endpoints.list()).toEqual([
      { id: 1, address: '10.0.0.1', port: 0, flags: ['subflow', 'backup'], interfaceIndex: index },
      { id: 9, address: '2001:db8::1', port: 8080, flags: ['signal'], interfaceIndex: 0 },
    ]);
    const shown = namespace.ip('mptcp endpoint show');
    expect(shown).toMatch(/^10\.0\.0\.1 id 1 subflow backup dev d0 *$/m);
    expect(shown).toMatch(/^2001:db8::1 port 8080 id 9 signal *$/m);
    endpoints.setFlags(1, ['fullmesh']);
    expect(endpoints.get(1)?.flags).toEqual(['subflow', 'fullmesh']);
    endpoints.remove(9);
    expect(endpoints.get(9)).toBeUndefined();
    endpoints.flush();
    expect(endpoints.list()).toEqual([]);
  });

  it('says why it refuses: an address that has an endpoint, an ID that none has, more than it has room for', () => {
    const { endpoints } = commanded();
    endpoints.add({ address: '10.0.0.1', flags: ['subflow'] });
    expect(() => endpoints.add({ address: '10.0.0.1', flags: ['subflow'] })).toThrow(/duplicate/);
    expect(() => endpoints.remove(77)).toThrow(refused('EINVAL') as Error);
    expect(() => endpoints.setLimits({ subflows: 100 })).toThrow(refused('EINVAL') as Error);
  });

  it('has limits, each of which can be set alone', () => {
    const { endpoints } = commanded();
    expect(endpoints.limits()).toEqual({ subflows: 2, addAddrAccepted: 0 });
    endpoints.setLimits({ subflows: 5 });
    endpoints.setLimits({ addAddrAccepted: 3 });
    expect(endpoints.limits()).toEqual({ subflows: 5, addAddrAccepted: 3 });
  });
});

describeWith('tables of routes', [mayCreateNamespaces()], () => {
  it('get routes and rules that `ip` shows, and give them back', () => {
    const namespace = host();
    const tables = namespace.run(() => new RouteTables());
    open.push(tables);
    const interfaceIndex = Number(/^(\d+):/.exec(namespace.ip('link show dev d0'))![1]);
    for (const [family, from, via] of [
      [4, '10.0.0.1', '10.0.0.2'],
      [6, '2001:db8::1', '2001:db8::2'],
    ] as const) {
      const show = (what: string): string => namespace.run(() => runIp('host', [what], [`-${family}`]));
      const [source, gateway] = [IpAddress.parse(from)!, IpAddress.parse(via)!];
      const route = { family, table: 7000, protocol: 83, interfaceIndex, gateway };
      const prefixLength = 8 * source.byteLength;
      const rule = {
        source,
        prefixLength,
        table: 7000,
        priority: 4000,
        protocol: 83,
        isWithoutDefault: false,
      };
      tables.addRoute(route);
      tables.addRule(rule);
      tables.addRule({ ...rule, table: 254, priority: 3999, isWithoutDefault: true });
      expect(show('route show table 7000')).toContain(`default via ${via} dev d0 proto 83`);
      const shown = show('rule show');
      expect(shown).toMatch(new RegExp(`^4000:\\s+from ${from} lookup 7000 proto 83`, 'm'));
      expect(shown).toMatch(
        new RegExp(`^3999:\\s+from ${from} lookup main suppress_prefixlength 0 proto 83`, 'm'),
      );
      expect(tables.routes().filter(({ table }) => table === 7000)).toMatchObject([{ family, protocol: 83 }]);
      expect(tables.rules()).toHaveLength(2);
      expect(() => tables.addRule(rule)).toThrow(refused('EEXIST') as Error);
      tables.removeRoute(route);
      for (const each of tables.rules()) tables.removeRule(each);
      expect(tables.rules()).toEqual([]);
    }
  });
});
