/** The option `serviceType` of sockets and servers. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../test/support/memory-devices.js';
import { describeWith } from '../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces, NetworkNamespace } from '../linux/index.js';
import { connect, createServer, UserspaceHost, type ConnectOptions } from './index.js';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

const wrong: readonly (readonly [object, string])[] = [
  [{ serviceType: 5 }, 'ERR_INVALID_ARG_TYPE'],
  [{ serviceType: 'Handover' }, 'ERR_SUBFLOW_UNKNOWN_NAME'],
  [{ serviceOptions: {} }, 'ERR_INVALID_ARG_VALUE'],
  [{ serviceType: 'handover', serviceOptions: 5 }, 'ERR_INVALID_ARG_TYPE'],
  [{ serviceType: 'handover', serviceOptions: { metered: 'never' } }, 'ERR_SUBFLOW_BAD_SETTING'],
  [{ serviceType: 'handover', serviceOptions: { thresholds: { recoverNs: 0 } } }, 'ERR_SUBFLOW_BAD_SETTING'],
];

describe('serviceType that cannot be', () => {
  it.each(wrong)('throws for clients and servers of the userspace transport: %j %s', (options, code) => {
    const via = new UserspaceHost();
    open.push(via);
    const expected = expect.objectContaining({ code }) as Error;
    expect(() => connect({ via, port: 80, ...options })).toThrow(expected);
    expect(() => createServer({ via, ...options })).toThrow(expected);
  });
});

describeWith('serviceType with the kernel transport', [kernelMptcp()], () => {
  it.each(wrong)('throws for clients and servers when it cannot be: %j %s', (options, code) => {
    const expected = expect.objectContaining({ code }) as Error;
    expect(() => connect({ transport: 'kernel', port: 80, ...options })).toThrow(expected);
    expect(() => createServer({ transport: 'kernel', ...options })).toThrow(expected);
  });

  it('none is plain TCP, for which no right is needed, on either side', async () => {
    const server = createServer({ transport: 'kernel' });
    const plain = createServer({ transport: 'kernel', serviceType: 'none' });
    for (const each of [server, plain]) {
      open.push(each);
      each.on('connection', (socket) => open.push({ close: () => socket.destroy() }));
      each.listen(0, '127.0.0.1');
      await once(each, 'listening');
    }
    const isMultipath = async (of: typeof server, options: Partial<ConnectOptions>): Promise<boolean> => {
      const { port } = of.address() as AddressInfo;
      const socket = connect({ transport: 'kernel', host: '127.0.0.1', port, ...options });
      open.push({ close: () => socket.destroy() });
      await once(socket, 'connect');
      return socket.isMultipath;
    };
    expect(await isMultipath(server, {})).toBe(true);
    expect(await isMultipath(server, { serviceType: 'none' })).toBe(false);
    expect(await isMultipath(plain, {})).toBe(false);
  });
});

describeWith('other service types with the kernel transport', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('throw with the way to have them where the kernel manages paths, and are taken as left out by servers', () => {
    const namespace = NetworkNamespace.create('client');
    open.push(namespace);
    namespace.run(() => {
      const options = { transport: 'kernel', serviceType: 'handover' } as const;
      expect(() => connect({ ...options, port: 80 })).toThrow(
        expect.objectContaining({
          code: 'ERR_SUBFLOW_UNSUPPORTED',
          hint: expect.stringContaining('net.mptcp.path_manager=userspace') as string,
        }),
      );
      expect(createServer(options).listening).toBe(false);
    });
  });
});

describe('serviceType with the userspace transport', () => {
  it.each([
    ['none', false],
    ['interactive', true],
  ] as const)('%s: Multipath TCP is spoken: %s', async (serviceType, isMultipath) => {
    const [near, far] = [new UserspaceHost(), new UserspaceHost()];
    const line = MemoryDevice.pair();
    near.addDevice(line[0], { name: 'a', addresses: ['10.0.0.1/24'] });
    far.addDevice(line[1], { name: 'a', addresses: ['10.0.0.2/24'] });
    open.push(near, far);
    const server = createServer({ via: far });
    server.listen(80, '10.0.0.2');
    await once(server, 'listening');
    const socket = connect({ via: near, host: '10.0.0.2', port: 80, serviceType });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    expect(socket.isMultipath).toBe(isMultipath);
  });
});
