import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket as NetSocket, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { kernelPair } from '../../test/support/kernel-pair.js';
import { describeWith } from '../../test/support/with-rights.js';
import { congestionControlOf, descriptorOf, kernelMptcp, mayCreateNamespaces } from '../linux/index.js';
import { connect, createServer } from './index.js';
import { adopt } from './kernel-socket.js';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 1000) throw new Error('it never came about');
    await new Promise((done) => setTimeout(done, 5));
  }
}

describeWith('subflows of kernel sockets by hand', [kernelMptcp(), mayCreateNamespaces()], () => {
  it.each([
    [4, '10.0.1.1'],
    [6, '2001:db8:1::1'],
  ] as const)(
    'are opened and closed where the path manager is the userspace one, IPv%i',
    async (family, localAddress) => {
      const { namespace, client, server } = await kernelPair(open, 'userspace', family);
      const opening = namespace.run(() => [client.openSubflow({ localAddress })]);
      const opened = await opening[0]!;
      expect(opened).toMatchObject({ localAddress, remotePort: client.remotePort, state: 'active' });
      await until(() => server.subflows.length === 2);
      expect(server.subflows.map(({ remoteAddress }) => remoteAddress)).toContain(localAddress);
      namespace.run(() => client.closeSubflow(opened.id));
      await until(() => client.subflows.length === 1);
      expect(client.isMultipath).toBe(true);
      expect(() => client.closeSubflow(opened.id)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_NO_SUCH_SUBFLOW' }),
      );
    },
  );

  it('become backups, which the peer is told by MP_PRIO', async () => {
    const { namespace, client } = await kernelPair(open, 'userspace');
    const opening = namespace.run(() => [client.openSubflow({ localAddress: '10.0.1.1', backup: true })]);
    const { id } = await opening[0]!;
    const before = namespace.counters().get('MPTcpExtMPPrioTx') ?? 0;
    namespace.run(() => client.setBackup(id, false));
    namespace.run(() => client.setBackup(id, true));
    expect(Number(namespace.counters().get('MPTcpExtMPPrioTx') ?? 0) - Number(before)).toBe(2);
  });

  it('are refused with the next step where the path manager is the kernel’s', async () => {
    const { namespace, client } = await kernelPair(open, 'kernel');
    const expected = expect.objectContaining({
      code: 'ERR_SUBFLOW_UNSUPPORTED',
      hint: expect.stringContaining('net.mptcp.path_manager=userspace') as string,
    }) as Error;
    const attempt = namespace.run(() => [client.openSubflow({ localAddress: '10.0.1.1' })]);
    await expect(attempt[0]).rejects.toEqual(expected);
    const [only] = client.subflows;
    expect(() => namespace.run(() => client.closeSubflow(only!.id))).toThrow(expected);
    expect(() => namespace.run(() => client.setBackup(only!.id, true))).toThrow(expected);
    expect(() => namespace.run(() => client.announceAddress(3, '10.0.1.1'))).toThrow(expected);
    expect(() => namespace.run(() => client.withdrawAddress(3))).toThrow(expected);
  });

  it('fail with a code when the address is not ours, and when nobody is there', async () => {
    const { namespace, client } = await kernelPair(open, 'userspace');
    const foreign = namespace.run(() => [client.openSubflow({ localAddress: '192.0.2.1' })]);
    await expect(foreign[0]).rejects.toMatchObject({ code: expect.stringMatching(/^E/) as string });
    const nobody = namespace.run(() => [client.openSubflow({ localAddress: '10.0.1.1', remotePort: 9 })]);
    await expect(nobody[0]).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(client.subflows.length).toBe(1);
  });
});

describeWith('choices for one kernel socket', [kernelMptcp()], () => {
  async function listening(congestion?: string): Promise<number> {
    const server = createServer({ transport: 'kernel', ...(congestion !== undefined && { congestion }) });
    open.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      open.push({ close: () => socket.destroy() });
    });
    return (server.address() as AddressInfo).port;
  }

  it('are its congestion control, for clients and servers', async () => {
    const port = await listening('new-reno');
    const client = connect({ transport: 'kernel', host: '127.0.0.1', port, congestion: 'reno' });
    open.push({ close: () => client.destroy() });
    expect(client.multipath.scheduler).toBeUndefined();
    await once(client, 'connect');
    expect(congestionControlOf(descriptorOf(client as unknown as NetSocket))).toBe('reno');
    const pathManager =
      readFileSync('/proc/sys/net/mptcp/pm_type', 'utf8').trim() === '0' ? 'kernel' : 'userspace';
    expect(client.multipath).toMatchObject({
      version: 1,
      scheduler: 'default',
      pathManager,
      congestion: 'reno',
    });
    expect(client.multipath.token).toBeTypeOf('number');
  });

  it.each([
    [{ scheduler: 'lowest-rtt' }, 'ERR_SUBFLOW_UNSUPPORTED', 'net.mptcp.scheduler'],
    [{ pathManager: 'full-mesh' }, 'ERR_SUBFLOW_UNSUPPORTED', 'net.mptcp.path_manager'],
    [{ profile: 'apple' }, 'ERR_SUBFLOW_UNSUPPORTED', 'userspace transport'],
    [{ multipath: false }, 'ERR_SUBFLOW_UNSUPPORTED', 'node:net'],
    [{ versions: [0] as const }, 'ERR_SUBFLOW_UNSUPPORTED', 'Let the list have 1'],
    [{ versions: [] }, 'ERR_SUBFLOW_BAD_SETTING', 'Name 1, 0 or both'],
    [{ congestion: () => undefined as never }, 'ERR_SUBFLOW_UNSUPPORTED', 'Name one'],
    [{ congestion: 'no-such' }, 'ERR_SUBFLOW_UNKNOWN_NAME', 'cubic'],
  ])('that the kernel does not have throw at once, with the next step: %j %s', (options, code, hint) => {
    const expected = expect.objectContaining({
      code,
      hint: expect.stringContaining(hint) as string,
    }) as Error;
    expect(() => connect({ transport: 'kernel', port: 80, ...options })).toThrow(expected);
    expect(() => createServer({ transport: 'kernel', ...options })).toThrow(expected);
  });
});

describe('what no kernel socket can do', () => {
  it('is refused with the next step: a choice of local addresses', () => {
    const choose = (...localAddresses: string[]): unknown =>
      connect({ transport: 'kernel', port: 80, localAddresses });
    expect(() => choose('10.0.0.1')).toThrow(
      expect.objectContaining({
        code: 'ERR_SUBFLOW_UNSUPPORTED',
        hint: expect.stringContaining('openSubflow') as string,
      }),
    );
    expect(() => choose('10.0.0.1', 'nowhere')).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_IP_ADDRESS' }),
    );
  });

  it('is refused with the next step: options for private use', () => {
    const socket = adopt(new NetSocket());
    expect(() => socket.sendExperiment(0, { nibble: 1, body: new Uint8Array(1) })).toThrow(
      expect.objectContaining({
        code: 'ERR_SUBFLOW_UNSUPPORTED',
        hint: expect.stringContaining('userspace transport') as string,
      }),
    );
  });
});

describe('a kernel socket that is not connected', () => {
  it('knows nothing of subflows and refuses to be told', async () => {
    const socket = adopt(new NetSocket());
    expect(socket.multipath.token).toBeUndefined();
    await expect(socket.openSubflow()).rejects.toMatchObject({ code: 'ENOTCONN' });
    expect(() => socket.closeSubflow(1)).toThrow(expect.objectContaining({ code: 'ENOTCONN' }));
  });
});
