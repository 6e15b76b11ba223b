import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { mayCreateNamespaces, mayUseXdp, NetworkNamespace } from '../../linux/index.js';
import { IpAddress } from '../../wire/index.js';
import type { DataPath } from './data-path.js';
import { xdpPath } from './xdp-path.js';

const ip = (text: string): IpAddress => IpAddress.parse(text)!;

describeWith('the data path in the kernel', [mayCreateNamespaces(), mayUseXdp()], () => {
  let client: NetworkNamespace;
  let middle: NetworkNamespace;
  let path: DataPath | undefined;
  beforeEach(() => {
    client = NetworkNamespace.create('client');
    middle = NetworkNamespace.create('middle');
    client.connectTo(middle, 'c0', 'b0');
  });
  afterEach(async () => {
    await path?.close();
    client.close();
    middle.close();
  });

  async function open(): Promise<DataPath> {
    path = await xdpPath({
      ...{ namespace: middle, design: 'stateless', mode: 'generic', interfaces: ['b0'] },
      ...{ services: [{ address: ip('192.0.2.1'), port: 443 }], source: ip('10.9.0.254') },
      start: { generation: { number: 1, atNs: 1, reason: '', servers: [] } },
    });
    return path;
  }

  it('ends when an interface vanishes', async () => {
    const { failed } = await open();
    middle.ip('link delete b0');
    expect(await failed).toMatchObject({ code: 'ENODEV', message: 'the interface b0 is gone' });
  });

  it('ends as well when one of the same name came in its place before anybody looked', async () => {
    const { failed } = await open();
    middle.ip('link delete b0');
    client.connectTo(middle, 'c0', 'b0');
    expect(await failed).toMatchObject({ code: 'ENODEV', message: 'the interface b0 is gone' });
  });
});
