import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../test/support/memory-devices.js';
import { defaultMptcpSettings, fullMesh, lowestRtt } from '../mptcp/index.js';
import {
  congestionControls,
  connect,
  createServer,
  UserspaceHost,
  type AddressEvent,
  type ConnectOptions,
  type ExperimentEvent,
  type ServerOptions,
  type Socket,
  type SubflowEvent,
} from './index.js';

const hosts: UserspaceHost[] = [];

afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly clientHost: UserspaceHost;
  readonly lines: readonly [MemoryDevice, MemoryDevice][];
}

/** A connection between two hosts with two lines between them; `mptcp` are settings of both. */
async function pair(
  own: Partial<ConnectOptions> = {},
  theirs: ServerOptions = {},
  mptcp: Partial<typeof defaultMptcpSettings> = {},
  signal = false,
): Promise<Pair> {
  const settings = { mptcp: { ...defaultMptcpSettings, ...mptcp } };
  const clientHost = new UserspaceHost({ settings });
  const serverHost = new UserspaceHost({ settings });
  hosts.push(clientHost, serverHost);
  const lines = [0, 1].map((i) => {
    const line = MemoryDevice.pair();
    clientHost.addDevice(line[0], { name: `path${i}`, addresses: [`10.0.${i}.1/24`, `2001:db8:${i}::1/64`] });
    serverHost.addDevice(line[1], { name: `path${i}`, addresses: [`10.0.${i}.2/24`] });
    return line;
  });
  if (signal) {
    const { stack } = serverHost;
    const { address, prefixLength } = stack.interfaces[1]!.addresses[0]!;
    stack.removeAddress(serverHost.now(), 1, address);
    stack.addAddress(serverHost.now(), 1, { address, prefixLength, signal: true });
  }
  const listener = createServer({ via: serverHost, ...theirs }).listen(0);
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const accepted = once(listener, 'connection');
  const client = connect({ via: clientHost, host: '10.0.0.2', port, ...own });
  await once(client, 'connect');
  const [server] = (await accepted) as [Socket];
  return { client, server, clientHost, lines };
}

/** Lets the event loop turn until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 100_000) throw new Error('it never came about');
    await new Promise(setImmediate);
  }
}

/** Whether both subflows are part of the connection. */
function isWhole({ subflows }: Socket): boolean {
  return subflows.length === 2 && subflows.every(({ state }) => state === 'active');
}

const byHand = { pathManager: 'passive' } as const;

describe('opening subflows by hand (RFC 6897)', () => {
  it('gives the subflow once it is part of the connection, right after the connection too', async () => {
    const { client, server } = await pair(byHand);
    const opened = await client.openSubflow({ localAddress: '10.0.1.1', remoteAddress: '10.0.1.2' });
    expect(opened).toMatchObject({
      localAddress: '10.0.1.1',
      remoteAddress: '10.0.1.2',
      remotePort: client.remotePort,
      state: 'active',
      backup: false,
    });
    expect(client.subflows.map(({ id }) => id)).toContain(opened.id);
    await until(() => server.subflows.length === 2);
  });

  it('makes it a backup where that is asked for, and tells the peer', async () => {
    const { client, server } = await pair(byHand);
    const opened = await client.openSubflow({ localAddress: '10.0.1.1', backup: true });
    expect(opened.backup).toBe(true);
    await until(() => server.subflows.some(({ backup }) => backup === true));
  });

  it('can be asked for before the connection is there', async () => {
    const { client, clientHost } = await pair(byHand);
    const early = connect({ via: clientHost, host: '10.0.0.2', port: client.remotePort!, ...byHand });
    await expect(early.openSubflow({ localAddress: '10.0.1.1' })).resolves.toMatchObject({ state: 'active' });
  });

  it('can be done by the server too: the token says what it belongs to, not the port', async () => {
    const { server, client } = await pair(byHand);
    const ends = { localAddress: '10.0.1.2', remoteAddress: '10.0.1.1', remotePort: 9 };
    await expect(server.openSubflow(ends)).resolves.toMatchObject({ ...ends, state: 'active' });
    expect(client.subflows.map(({ localPort }) => localPort)).toContain(9);
  });

  it('says that the peer takes no more', async () => {
    const { client } = await pair(byHand, { profile: 'linux' });
    await client.openSubflow({ localAddress: '10.0.1.1' });
    await client.openSubflow({ localAddress: '10.0.1.1' });
    await expect(client.openSubflow({ localAddress: '10.0.1.1' })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      syscall: 'openSubflow',
      address: '10.0.0.2',
    });
  });

  it.each([
    [{ localAddress: '192.0.2.1' }, 'EADDRNOTAVAIL'],
    [{ localAddress: '2001:db8:1::1' }, 'ERR_INVALID_ARG_VALUE'],
    [{ localAddress: 'wifi' }, 'ERR_INVALID_IP_ADDRESS'],
    [{ remotePort: 65_536 }, 'ERR_SOCKET_BAD_PORT'],
    [{ backup: 1 as unknown as boolean }, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %j with %s', async (options, code) => {
    const { client } = await pair(byHand);
    await expect(client.openSubflow(options)).rejects.toMatchObject({ code });
    expect(client.subflows.length).toBe(1);
  });

  it('refuses at the limit, over an interface that is down, and where the peer forbids it (RFC 8684 §3.1, flag C)', async () => {
    const few = await pair(byHand, {}, { maxSubflows: 2 });
    await few.client.openSubflow({ localAddress: '10.0.1.1' });
    await expect(few.client.openSubflow()).rejects.toMatchObject({ code: 'ERR_SUBFLOW_LIMIT' });
    const cut = await pair(byHand);
    cut.lines[1]![0].setUp(false);
    await expect(cut.client.openSubflow({ localAddress: '10.0.1.1' })).rejects.toMatchObject({
      code: 'ENETDOWN',
    });
    const closed = await pair(byHand, {}, { joinInitialAddress: false });
    await expect(closed.client.openSubflow({ localAddress: '10.0.1.1' })).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_FORBIDDEN',
    });
  });

  it('refuses in plain TCP, and when the connection is over', async () => {
    const { client } = await pair({ multipath: false });
    await expect(client.openSubflow()).rejects.toMatchObject({ code: 'ERR_SUBFLOW_FALLBACK' });
    expect(() => client.setBackup(1, true)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_FALLBACK' }),
    );
    client.destroy();
    await once(client, 'close');
    await expect(client.openSubflow()).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  it('fails when the connection ends before it comes about', async () => {
    const { client, lines } = await pair(byHand);
    lines[1]![1].isUp = false;
    const opened = client.openSubflow({ localAddress: '10.0.1.1', remoteAddress: '10.0.1.2' });
    setImmediate(() => client.destroy());
    await expect(opened).rejects.toMatchObject({ code: 'ECONNABORTED' });
  });
});

describe('closing subflows and making them backups by hand', () => {
  it('closes one for good: the path manager does not open it again', async () => {
    const { client } = await pair({}, {}, { retrySubflowNs: 1 });
    await until(() => isWhole(client));
    const events: SubflowEvent[] = [];
    client.on('subflow', (event: SubflowEvent) => events.push(event));
    const second = client.subflows[1]!;
    client.closeSubflow(second.id);
    await until(() => events.some(({ type }) => type === 'closed'));
    expect(events[0]).toMatchObject({ type: 'closed', subflow: { id: second.id }, reason: 'normal' });
    await client.openSubflow({ localAddress: '10.0.0.1', remotePort: client.remotePort! });
    expect(client.subflows.every(({ localAddress }) => localAddress === '10.0.0.1')).toBe(true);
  });

  it('changes the priority, which the peer hears of', async () => {
    const { client, server } = await pair();
    await until(() => isWhole(server) && isWhole(client));
    const events: SubflowEvent[] = [];
    server.on('subflow', (event: SubflowEvent) => events.push(event));
    client.setBackup(client.subflows[0]!.id, true);
    await until(() => events.length > 0);
    expect(events).toMatchObject([{ type: 'priority', subflow: { localAddress: '10.0.0.2', backup: true } }]);
    client.write('x'.repeat(1000));
    await once(server, 'data');
    expect(client.subflows.map(({ bytesSent }) => bytesSent)).toEqual([0, 1000]);
  });

  it('says so when there is no such subflow', async () => {
    const { client } = await pair();
    for (const call of [() => client.closeSubflow(77), () => client.setBackup(77, true)]) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_NO_SUCH_SUBFLOW' }));
    }
    expect(() => client.setBackup(1, 'yes' as unknown as boolean)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });
});

describe('addresses of the peer', () => {
  it('are told as they come and go, and listed', async () => {
    const events: AddressEvent[] = [];
    const { client } = await pair(byHand, {}, {}, true);
    client.on('address', (event: AddressEvent) => events.push(event));
    await until(() => events.length > 0);
    const [{ id, address, port }] = events as [AddressEvent];
    expect([address, port]).toEqual(['10.0.1.2', client.remotePort]);
    expect(client.multipath.remoteAddresses).toEqual([
      { id: 0, address: '10.0.0.2', port },
      { id, address, port },
    ]);
    const serverHost = hosts[1]!;
    const { stack } = serverHost;
    stack.removeAddress(serverHost.now(), 1, stack.interfaces[1]!.addresses[0]!.address);
    serverHost.wake();
    await until(() => events.length > 1);
    expect(events[1]).toEqual({ type: 'removed', id });
  });
});

describe('choices for one socket', () => {
  it('are shown, by name', async () => {
    const { client, server } = await pair(
      { scheduler: 'lowest-rtt', pathManager: 'active-backup', congestion: 'new-reno' },
      { pathManager: 'signal', congestion: 'cubic' },
    );
    expect(client.multipath).toMatchObject({
      version: 1,
      fallbackCause: undefined,
      scheduler: 'lowest-rtt',
      pathManager: 'active-backup',
      congestion: 'reno',
      maxSubflows: 8,
    });
    expect(server.multipath).toMatchObject({ pathManager: 'signal', congestion: 'cubic' });
    expect(client.multipath.token).toBeTypeOf('number');
  });

  it('may be the program’s own', async () => {
    let asked = 0;
    const scheduler = () => {
      const inner = lowestRtt();
      return {
        name: 'counting',
        select: (...args: Parameters<typeof inner.select>) => (asked++, inner.select(...args)),
      };
    };
    const { client, server } = await pair({
      scheduler,
      pathManager: fullMesh,
      congestion: congestionControls.cubic!,
    });
    client.write('x');
    await once(server, 'data');
    expect(client.multipath).toMatchObject({ scheduler: 'counting', pathManager: 'full-mesh' });
    expect(asked).toBeGreaterThan(0);
  });

  it('may be plain TCP', async () => {
    const { client, server } = await pair({ multipath: false });
    expect([client.isMultipath, server.isMultipath]).toEqual([false, false]);
    expect(client.multipath).toMatchObject({
      version: undefined,
      fallbackCause: 'disabled',
      token: undefined,
    });
  });

  it.each([
    [[0], undefined, 0],
    [undefined, [0], undefined],
    [[0, 1], undefined, 0],
    [[1], [0, 1], 1],
  ] as const)(
    'may be versions: a client of %j and a server of %j speak %s',
    async (asked, known, version) => {
      const { client, server } = await pair(
        asked === undefined ? {} : { versions: asked },
        known === undefined ? {} : { versions: known },
      );
      client.write('x');
      await once(server, 'data');
      expect([client.multipath.version, server.multipath.version]).toEqual([version, version]);
    },
  );

  it('may be a profile: Apple’s keeps the second path in reserve', async () => {
    const { client } = await pair({ profile: 'apple' });
    await until(() => client.subflows.length === 2);
    expect(client.multipath.pathManager).toBe('active-backup');
    expect(client.subflows.map(({ backup }) => backup)).toEqual([false, true]);
  });

  it.each([
    [{ scheduler: 'fastest' }, 'ERR_SUBFLOW_UNKNOWN_NAME'],
    [{ pathManager: 'mesh' }, 'ERR_SUBFLOW_UNKNOWN_NAME'],
    [{ congestion: 'no-such' }, 'ERR_SUBFLOW_UNKNOWN_NAME'],
    [{ profile: 'amiga' }, 'ERR_SUBFLOW_UNKNOWN_NAME'],
    [{ scheduler: 1 as unknown as string }, 'ERR_INVALID_ARG_TYPE'],
    [{ multipath: 'yes' as unknown as boolean }, 'ERR_INVALID_ARG_TYPE'],
    [{ profile: {} as string }, 'ERR_INVALID_ARG_TYPE'],
    [{ versions: 1 as unknown as [1] }, 'ERR_INVALID_ARG_TYPE'],
    [{ versions: [] }, 'ERR_SUBFLOW_BAD_SETTING'],
    [{ versions: [1, 1] as const }, 'ERR_SUBFLOW_BAD_SETTING'],
    [{ versions: [2 as 1] }, 'ERR_SUBFLOW_BAD_SETTING'],
  ])('that cannot be throw at once: %j %s', (options, code) => {
    const via = new UserspaceHost();
    hosts.push(via);
    const expected = expect.objectContaining({ code }) as Error;
    expect(() => connect({ via, port: 80, ...options })).toThrow(expected);
    expect(() => createServer({ via, ...options })).toThrow(expected);
  });

  it('refuse a server that behaves as a client', () => {
    const via = new UserspaceHost();
    hosts.push(via);
    expect(() => createServer({ via, profile: 'apple' })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_CLIENT_ONLY' }),
    );
  });
});

describe('addresses announced by hand (RFC 8684 §3.4)', () => {
  it('are heard by the peer with their port, and withdrawn again', async () => {
    const { client, server } = await pair(byHand, byHand);
    const heard: AddressEvent[] = [];
    client.on('address', (event: AddressEvent) => heard.push(event));
    await until(() => server.announceAddress(9, '10.0.1.2', 7000));
    await until(() => heard.length === 1);
    expect(heard[0]).toEqual({
      type: 'announced',
      id: 9,
      address: '10.0.1.2',
      port: 7000,
    });
    expect(client.multipath.remoteAddresses).toContainEqual({
      id: 9,
      address: '10.0.1.2',
      port: 7000,
    });
    server.withdrawAddress(9);
    await until(() => heard.length === 2);
    expect(heard[1]).toEqual({ type: 'removed', id: 9 });
  });

  it('are refused where they cannot be', async () => {
    const { client, server } = await pair(byHand, byHand, {
      maxAnnouncedAddresses: 1,
    });
    await until(() => server.announceAddress(1, '10.0.1.2'));
    expect(server.announceAddress(2, '10.0.2.2')).toBe(false);
    for (const [id, address, code] of [
      [0, '10.0.1.2', 'ERR_SUBFLOW_BAD_ADDRESS_ID'],
      [256, '10.0.1.2', 'ERR_SUBFLOW_BAD_ADDRESS_ID'],
      [3, 'nowhere', 'ERR_INVALID_IP_ADDRESS'],
    ] as const) {
      expect(() => client.announceAddress(id, address)).toThrow(expect.objectContaining({ code }));
    }
    expect(() => client.withdrawAddress(-1)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_ADDRESS_ID' }),
    );
    client.destroy();
    expect(() => client.announceAddress(1, '10.0.1.1')).toThrow(
      expect.objectContaining({ code: 'ENOTCONN' }),
    );
  });
});

describe('options for private use (RFC 8684 §7.2)', () => {
  const content = { nibble: 5, body: Uint8Array.of(1, 2, 3) };

  it('go from socket to socket, where the peer’s host wants to hear them', async () => {
    const { client, server } = await pair(byHand, byHand, {
      hearExperiments: true,
    });
    const heard: ExperimentEvent[] = [];
    server.on('experiment', (event: ExperimentEvent) => heard.push(event));
    // Both have heard of each other's keys: before, those take the room that an option needs.
    client.write('ping');
    await once(server, 'data');
    server.write('pong');
    await once(client, 'data');
    expect(client.sendExperiment(client.subflows[0]!.id, content)).toBe(true);
    await until(() => heard.length === 1);
    expect(heard[0]).toMatchObject({
      nibble: 5,
      subflow: { remotePort: client.localPort },
    });
    expect([...heard[0]!.body]).toEqual([1, 2, 3]);
  });

  it('are refused where they are none, or go nowhere', async () => {
    const { client } = await pair(byHand);
    const { id } = client.subflows[0]!;
    const refuse = (code: string, number: number, option: typeof content): void =>
      expect(() => client.sendExperiment(number, option)).toThrow(expect.objectContaining({ code }));
    refuse('ERR_SUBFLOW_BAD_OPTION', id, { nibble: 16, body: content.body });
    refuse('ERR_SUBFLOW_BAD_OPTION', id, {
      nibble: 1,
      body: new Uint8Array(26),
    });
    refuse('ERR_INVALID_ARG_TYPE', id, {
      nibble: 1,
      body: 'text' as unknown as Uint8Array<ArrayBuffer>,
    });
    refuse('ERR_SUBFLOW_NO_SUCH_SUBFLOW', 99, content);
  });
});
