/** Events of kernel sockets: what the kernel tells of subflows and addresses reaches the socket that it is about. */
import { once } from 'node:events';
import { Socket as NetSocket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { kernelPair } from '../../test/support/kernel-pair.js';
import { describeWith } from '../../test/support/with-rights.js';
import { kernelMptcp, mayCreateNamespaces } from '../linux/index.js';
import { decodePathEvent } from '../netlink/index.js';
import { adopt } from './kernel-socket.js';
import type { AddressEvent, Socket, SubflowEvent } from './socket.js';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

/** All that the socket tells from now on. */
function heard(socket: Socket): { subflows: SubflowEvent[]; addresses: AddressEvent[] } {
  const all = { subflows: [] as SubflowEvent[], addresses: [] as AddressEvent[] };
  socket.on('subflow', (event: SubflowEvent) => all.subflows.push(event));
  socket.on('address', (event: AddressEvent) => all.addresses.push(event));
  return all;
}

const patience = { timeout: 20_000 };

describeWith('a kernel socket that watches its subflows', [kernelMptcp(), mayCreateNamespaces()], () => {
  it.each([
    [4, '10.0.1.1'],
    [6, '2001:db8:1::1'],
  ] as const)(
    'tells of one that opens, becomes a backup and closes, on both sides, IPv%i',
    async (family, localAddress) => {
      const { namespace, peer, client, server } = await kernelPair(open, 'userspace', family);
      namespace.run(() => client.watchSubflows());
      peer.run(() => server.watchSubflows());
      const [near, far] = [heard(client), heard(server)];
      const opened = await namespace.run(() => [client.openSubflow({ localAddress })])[0]!;
      const { id } = opened;
      await expect.poll(() => [near.subflows.length, far.subflows.length], patience).toEqual([1, 1]);
      expect(near.subflows[0]).toMatchObject({ type: 'opened', subflow: { id, localAddress } });
      expect(far.subflows[0]).toMatchObject({ type: 'opened', subflow: { remoteAddress: localAddress } });
      namespace.run(() => client.setBackup(id, true));
      await expect.poll(() => far.subflows.length, patience).toBe(2);
      expect(far.subflows[1]).toMatchObject({ type: 'priority', subflow: { backup: true } });
      namespace.run(() => client.closeSubflow(id));
      await expect.poll(() => near.subflows.at(-1)?.type, patience).toBe('closed');
      await expect.poll(() => far.subflows.at(-1)?.type, patience).toBe('closed');
      expect(near.subflows.at(-1)).toMatchObject({
        subflow: { id, localAddress, state: 'closed' },
        reason: 'normal',
      });
    },
  );

  it('tells of addresses that the peer announces and withdraws, by the peer’s word for one socket', async () => {
    const { namespace, peer, client, server } = await kernelPair(open, 'userspace');
    peer.run(() => server.watchSubflows());
    const far = heard(server);
    expect(namespace.run(() => client.announceAddress(5, '10.0.1.1', 4000))).toBe(true);
    await expect
      .poll(() => far.addresses, patience)
      .toEqual([{ type: 'announced', id: 5, address: '10.0.1.1', port: 4000 }]);
    // The ID is taken, for another address.
    expect(namespace.run(() => client.announceAddress(5, '10.0.1.9'))).toBe(false);
    namespace.run(() => client.withdrawAddress(5));
    await expect.poll(() => far.addresses.at(-1), patience).toEqual({ type: 'removed', id: 5 });
    expect(() => namespace.run(() => client.announceAddress(0, '10.0.1.1'))).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_ADDRESS_ID' }),
    );
  });

  it('hears of each event once however often it asks, and nothing when it is closed', async () => {
    const { namespace, client } = await kernelPair(open, 'userspace');
    namespace.run(() => client.watchSubflows());
    namespace.run(() => client.watchSubflows());
    const near = heard(client);
    await namespace.run(() => [client.openSubflow({ localAddress: '10.0.1.1' })])[0]!;
    await expect.poll(() => near.subflows.length, patience).toBe(1);
    const closed = once(client, 'close');
    client.destroy();
    await closed;
    expect(near.subflows.map(({ type }) => type)).toEqual(['opened']);
  });
});

describeWith('a kernel socket without CAP_NET_ADMIN', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('is refused events and announcements with EPERM', async () => {
    const { client } = await kernelPair(open, 'userspace');
    const expected = expect.objectContaining({ code: 'EPERM' }) as Error;
    process.seteuid!(65_534);
    try {
      expect(() => client.watchSubflows()).toThrow(expected);
      expect(() => client.announceAddress(5, '10.0.1.1')).toThrow(expected);
      expect(() => client.withdrawAddress(5)).toThrow(expected);
    } finally {
      process.seteuid!(0);
    }
  });
});

describe('events of the kernel', () => {
  it('are refused to a socket that is not connected', () => {
    const socket = adopt(new NetSocket());
    const expected = expect.objectContaining({ code: 'ENOTCONN' }) as Error;
    expect(() => socket.watchSubflows()).toThrow(expected);
    expect(() => socket.announceAddress(1, '10.0.0.1')).toThrow(expected);
  });

  it('that are about something else, or name no connection, are none', () => {
    const data = {
      kind: 'data',
      sequence: 0,
      attributes: new Map([[1, Uint8Array.of(4, 3, 2, 1)]]),
    } as const;
    expect(decodePathEvent({ ...data, command: 14 })).toBeUndefined();
    expect(decodePathEvent({ ...data, command: 11, attributes: new Map() })).toBeUndefined();
    expect(decodePathEvent({ ...data, command: 11 })).toMatchObject({
      type: 'subflow-closed',
      token: 0x01020304,
    });
  });
});
