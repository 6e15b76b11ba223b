import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { IpAddress } from '../wire/index.js';
import { mayCreateNamespaces } from './capabilities.js';
import { NetworkNamespace } from './namespace.js';
import { OwnAddresses } from './own-addresses.js';

describeWith('addresses of a machine', [mayCreateNamespaces()], () => {
  let machine: NetworkNamespace;
  let near: NetworkNamespace;
  let own: OwnAddresses;
  beforeEach(() => {
    machine = NetworkNamespace.create('machine');
    near = NetworkNamespace.create('near');
    machine.connectTo(near, 'm0', 'n0');
    machine.ip('address add 9.9.9.1/24 dev m0', 'address add 2620:fe::1/64 dev m0 nodad');
    own = new OwnAddresses(machine);
  });
  afterEach(() => {
    own.close();
    machine.close();
    near.close();
  });
  const has = (text: string): boolean => own.has(IpAddress.parse(text)!);

  it('are those of its interfaces, and those that its routes call local', () => {
    machine.ip('route add local 8.8.8.0/24 dev lo');
    for (const text of ['9.9.9.1', '2620:fe::1', '127.0.0.1', '127.9.9.9', '::1', '8.8.8.77'])
      expect(has(text), text).toBe(true);
  });

  it('are not those of its neighbours, of others far away, or of nobody', () => {
    machine.ip('route add 1.1.1.0/24 via 9.9.9.2', 'route add unreachable 4.4.4.0/24');
    for (const text of ['9.9.9.2', '2620:fe::2', '1.1.1.1', '4.4.4.4', '5.5.5.5', '2001:4860::8888'])
      expect(has(text), text).toBe(false);
  });

  it('are not those that marked packets only are led here for, as a transparent proxy has it', () => {
    machine.ip('route add local 0.0.0.0/0 dev lo table 77', 'rule add pref 90 fwmark 77 lookup 77');
    expect(has('1.1.1.1')).toBe(false);
  });

  it('change with the machine', async () => {
    expect(has('9.9.9.3')).toBe(false);
    machine.ip('address add 9.9.9.3/24 dev m0');
    await expect.poll(() => has('9.9.9.3'), { timeout: 10_000 }).toBe(true);
    machine.ip('address del 9.9.9.3/24 dev m0');
    await expect.poll(() => has('9.9.9.3'), { timeout: 10_000 }).toBe(false);
  });
});
