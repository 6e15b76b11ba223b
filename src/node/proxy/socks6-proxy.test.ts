/** SOCKS 6 against the real server: requests of our codec, and some in bytes written by hand. */
import { afterEach, describe, expect, it } from 'vitest';
import { fromHex, ProxyWorld, portHex, type RawClient, textHex } from '../../../test/support/proxy-world.js';
import { describeWith } from '../../../test/support/with-rights.js';
import type { Scan } from '../../base/index.js';
import { kernelMptcp } from '../../linux/index.js';
import {
  emitPassword,
  emitSocks6Request,
  fastOpenOption,
  multipathOption,
  scanSocks6AuthenticationReply,
  scanSocks6OperationReply,
  type Socks6AuthenticationReply,
  type Socks6OperationReply,
  type Socks6Option,
} from '../../socks/index.js';
import { IpAddress } from '../../wire/index.js';
import { closedRules, parseHops, type ProxyOptions, TunnelUpstream } from '../index.js';

const world = new ProxyWorld();
afterEach(() => world.close());

const host = IpAddress.parse('127.0.0.1')!;
const request = (port: number, options: readonly Socks6Option[] = [], command = 1, version = 6): Uint8Array =>
  emitSocks6Request({ command, host, port, options }, version);
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const right = { user: bytes('alice'), password: bytes('secret') };
const users: ProxyOptions = {
  authenticate: (_, user, password) =>
    Promise.resolve(
      Buffer.from(user).toString() === 'alice' && Buffer.from(password).toString() === 'secret',
    ),
};

/** Reads one message. */
async function message<T>(client: RawClient, scan: (bytes: Uint8Array) => Scan<T>): Promise<T> {
  let read = new Uint8Array(0);
  for (;;) {
    const scanned = scan(read);
    if (scanned.state === 'done') return scanned.value;
    if (scanned.state === 'invalid') throw new Error(scanned.error.message);
    const more = await client.read(scanned.atLeast - read.length);
    if (/[^0-9a-f]|^end$/.test(more)) throw new Error(`the stream is over: ${more}`);
    read = Uint8Array.of(...read, ...fromHex(more));
  }
}
const authentication = (client: RawClient): Promise<Socks6AuthenticationReply> =>
  message(client, scanSocks6AuthenticationReply);
const operation = (client: RawClient): Promise<Socks6OperationReply> =>
  message(client, scanSocks6OperationReply);

/** The option of RFC 1929's message. */
function passwordOption(credentials = right): Socks6Option {
  const said = emitPassword(credentials);
  const data = new Uint8Array(((said.length + 4) & ~3) - 1);
  data.set(said);
  return { kind: 'authentication-data', method: 2, data };
}

describe('a proxy of SOCKS 6', () => {
  it('answers on the client, and on the connection, to one message with the data in it (§5 to §7)', async () => {
    const port = await world.echo();
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    client.send(`06 01 0000 ${portHex(port)} 00 01 7f000001 ${textHex('early')}`);
    expect(await client.read(4)).toBe('06000000');
    expect(await client.read(12)).toMatch(/^06000000[0-9a-f]{4}00017f000001$/);
    expect(await client.read(5)).toBe(textHex('early'));
    client.socket.end();
    expect(await client.rest()).toEqual({ bytes: '', how: 'end' });
    await expect.poll(() => proxy.events.at(-1)).toMatchObject({ protocol: 'socks6', outcome: 'ended' });
  });

  it('has a version byte of its choice, and tells others which (§5.1)', async () => {
    const port = await world.echo();
    const listen = [{ host: '127.0.0.1', port: 0, protocols: ['socks6'] as const }];
    const proxy = await world.proxy({ socks6Version: 212, listen });
    const client = await world.client(proxy.port);
    expect((await client.send(request(port)).rest()).bytes).toBe('d4');
    const other = await world.client(proxy.port);
    expect(await other.send(request(port, [], 1, 212)).read(4)).toBe('d4000000');
  });

  it('does nothing when asked for nothing, and has no other command', async () => {
    const proxy = await world.proxy();
    const nothing = await world.client(proxy.port);
    nothing.send(request(1, [], 0));
    expect(await authentication(nothing)).toMatchObject({ isSuccess: true });
    expect(await operation(nothing)).toMatchObject({ code: 0 });
    expect((await nothing.rest()).how).toBe('end');
    for (const command of [2, 3, 9]) {
      const client = await world.client(proxy.port);
      client.send(request(1, [], command));
      await authentication(client);
      expect(await operation(client)).toMatchObject({ code: 7 });
    }
  });

  it('tells what rules and the network say', async () => {
    const proxy = await world.proxy();
    const refused = await world.client(proxy.port);
    refused.send(request(await world.closedPort()));
    await authentication(refused);
    expect(await operation(refused)).toMatchObject({ code: 5 });
    proxy.server.change({ rules: closedRules });
    const forbidden = await world.client(proxy.port);
    forbidden.send(request(80));
    await authentication(forbidden);
    expect(await operation(forbidden)).toMatchObject({ code: 2 });
  });

  it('sends the server no more with the SYN than the client allows, loses nothing, and says how much it was (§8.1)', async () => {
    const port = await world.echo();
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    client.send(Uint8Array.of(...request(port, [fastOpenOption(4)]), ...bytes('early')));
    await authentication(client);
    // Nothing, or all that is allowed, as the kernel's setting has it.
    const { code, options } = await operation(client);
    expect([code, options.length]).toEqual([0, 1]);
    expect([fastOpenOption(0), fastOpenOption(4)]).toContainEqual(options[0]);
    expect(await client.read(5)).toBe(textHex('early'));
  });

  it('reads over options that it does not know, that are there twice, or that make no sense (§8)', async () => {
    const port = await world.echo();
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    const options: Socks6Option[] = [
      { kind: 'other', number: 999, body: new Uint8Array(8) },
      ...Array<Socks6Option>(50).fill(multipathOption(false)),
      { kind: 'other', number: 6, body: new Uint8Array(0) },
      { kind: 'idempotence-request', size: 4 },
      { kind: 'idempotence-expenditure', token: 7 },
    ];
    client.send(request(port, options));
    expect(await authentication(client)).toEqual({ isSuccess: true, options: [] });
    expect(await operation(client)).toMatchObject({ code: 0 });
  });

  it.each([
    ['an option of length 0', '06 01 0004 0050 00 01 7f000001 0001 0000'],
    ['an option that is longer than all', '06 01 0004 0050 00 01 7f000001 0001 0008'],
    ['options of no whole words', '06 01 0003 0050 00 01 7f000001 000100'],
    ['more options than there may be', '06 01 fffc 0050 00 01 7f000001'],
    ['padding that is not zero', '06 01 0000 0050 01 01 7f000001'],
  ])('resets who sends %s', async (_, digits) => {
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    expect(await client.send(digits).rest()).toEqual({ bytes: '', how: 'ECONNRESET' });
    await expect.poll(() => proxy.server.relays.connections).toBe(0);
  });
});

describe('users of a proxy of SOCKS 6', () => {
  it('say who they are in the request, with data behind it', async () => {
    const port = await world.echo();
    const proxy = await world.proxy(users);
    const client = await world.client(proxy.port);
    client.send(request(port, [passwordOption()])).send(bytes('early'));
    // §9: RFC 1929's answer, in an option.
    const welcome = { kind: 'authentication-data', method: 2, data: Uint8Array.of(1, 0, 0) } as const;
    expect(await authentication(client)).toEqual({ isSuccess: true, options: [welcome] });
    expect(await operation(client)).toMatchObject({ code: 0 });
    expect(await client.read(5)).toBe(textHex('early'));
    expect(proxy.events[0]).toMatchObject({ user: 'alice' });
  });

  it('are refused with a wrong password, or with none', async () => {
    const proxy = await world.proxy(users);
    const wrong = passwordOption({ ...right, password: bytes('guess') });
    const refusal = { kind: 'authentication-data', method: 2, data: Uint8Array.of(1, 1, 0) } as const;
    for (const options of [[wrong], [], [{ kind: 'session-request' } as const]]) {
      const client = await world.client(proxy.port);
      client.send(request(80, options));
      const said = options.includes(wrong) ? [refusal] : [];
      expect(await authentication(client)).toEqual({ isSuccess: false, options: said });
      expect((await client.rest()).how).toBe('end');
    }
  });

  it('may offer a password, and say it behind the data that they announced (§6, §8.2)', async () => {
    const port = await world.echo();
    const proxy = await world.proxy(users);
    const offer = { kind: 'method-advertisement', initialDataBytes: 5, methods: [2] } as const;
    const client = await world.client(proxy.port);
    client.send(request(port, [offer])).send(bytes('ear'));
    expect(await authentication(client)).toEqual({
      isSuccess: false,
      options: [{ kind: 'method-selection', method: 2 }],
    });
    client.send(Uint8Array.of(...bytes('ly'), ...emitPassword(right), ...bytes('+')));
    expect(await client.read(2)).toBe('0100');
    expect(await authentication(client)).toEqual({ isSuccess: true, options: [] });
    expect(await operation(client)).toMatchObject({ code: 0 });
    expect(await client.read(6)).toBe(textHex('early+'));
    const other = await world.client(proxy.port);
    other.send(request(port, [{ ...offer, initialDataBytes: 0 }]));
    await authentication(other);
    other.send(emitPassword({ ...right, password: bytes('guess') }));
    expect(await other.read(2)).toBe('0101');
    expect(await authentication(other)).toEqual({ isSuccess: false, options: [] });
  });

  it('get a session for the asking, which stands for them until they end it (§8.4)', async () => {
    const port = await world.echo();
    const proxy = await world.proxy(users);
    const ask = async (...options: Socks6Option[]): Promise<Socks6AuthenticationReply> => {
      const client = await world.client(proxy.port);
      client.send(request(port, options));
      return authentication(client);
    };
    const first = await ask(passwordOption(), { kind: 'session-request' });
    const id = first.options.find((option) => option.kind === 'session-id')!;
    expect(first).toMatchObject({
      isSuccess: true,
      options: [{ kind: 'authentication-data' }, { kind: 'session-id' }],
    });
    expect(await ask(id)).toEqual({ isSuccess: true, options: [{ kind: 'session-ok' }] });
    const invalid = { isSuccess: false, options: [{ kind: 'session-invalid' }] };
    expect(await ask({ kind: 'session-id', id: new Uint8Array(16) })).toEqual(invalid);
    // The request that ends it is none of it, and has to say who the user is.
    expect(await ask(id, { kind: 'session-teardown' })).toEqual({ isSuccess: false, options: [] });
    expect(await ask(id)).toEqual(invalid);
    expect(await ask(id, { kind: 'session-teardown' }, passwordOption())).toMatchObject({ isSuccess: true });
    const second = await ask(passwordOption(), { kind: 'session-request' });
    proxy.server.change({ authenticate: users.authenticate });
    expect(await ask(second.options[1]!)).toEqual(invalid);
  });

  it('spend each token once: the same packet a second time opens nothing (§8.5)', async () => {
    let connections = 0;
    const port = await world.server((socket) => {
      connections++;
      socket.pipe(socket);
    });
    const proxy = await world.proxy();
    const ask = async (...options: Socks6Option[]): Promise<[RawClient, Socks6AuthenticationReply]> => {
      const client = await world.client(proxy.port);
      client.send(request(port, options));
      return [client, await authentication(client)];
    };
    const [, first] = await ask({ kind: 'session-request' }, { kind: 'idempotence-request', size: 3 });
    const id = first.options.find((option) => option.kind === 'session-id')!;
    const window = first.options.find((option) => option.kind === 'idempotence-window')!;
    expect(window.size).toBe(3);
    const spend = (place: number): ReturnType<typeof ask> =>
      ask(id, { kind: 'idempotence-expenditure', token: (window.base + place) >>> 0 });
    // It is told with every success.
    expect((await ask(id))[1].options).toEqual([
      { kind: 'session-ok' },
      { kind: 'idempotence-window', base: window.base, size: 3 },
    ]);
    await expect.poll(() => connections).toBe(2);
    const [good, accepted] = await spend(1);
    expect(accepted.options).toEqual([
      { kind: 'session-ok' },
      { kind: 'idempotence-accepted' },
      { kind: 'idempotence-window', base: window.base, size: 3 },
    ]);
    expect(await operation(good)).toMatchObject({ code: 0 });
    await expect.poll(() => connections).toBe(3);
    for (const place of [1, 3, -1]) {
      const [client, rejected] = await spend(place);
      expect(rejected).toEqual({ isSuccess: false, options: [{ kind: 'idempotence-rejected' }] });
      expect(await client.rest()).toEqual({ bytes: '', how: 'end' });
    }
    const [, moved] = await spend(0);
    expect(moved.options).toContainEqual({
      ...{ kind: 'idempotence-window', base: (window.base + 2) >>> 0, size: 3 },
    });
    await expect.poll(() => connections).toBe(4);
  });
});

describeWith('the stacks of a proxy of SOCKS 6', [kernelMptcp()], () => {
  it.each([
    ['wants Multipath TCP and gets it', 'mptcp', true, true],
    ['wants Multipath TCP, which the server does not speak', 'tcp', true, false],
    ['wants none', 'mptcp', false, false],
  ] as const)('are told to a client that %s (§8.1)', async (_, protocol, isWanted, isThere) => {
    const port = await world.echo(protocol);
    const proxy = await world.proxy();
    const client = await world.client(proxy.port);
    client.send(request(port, [multipathOption(isWanted), multipathOption(true, 1)]));
    await authentication(client);
    expect(await operation(client)).toMatchObject({
      ...{ code: 0, options: [multipathOption(false, 1), multipathOption(isThere)] },
    });
  });

  it.each([
    ['is not asked, as the draft has it', {}, [], false, []],
    ['is set to it', { socks6Multipath: 'always' }, [], true, [multipathOption(true)]],
    [
      'is asked for none',
      { socks6Multipath: 'always' },
      [multipathOption(false)],
      false,
      [multipathOption(false)],
    ],
  ] as const)('are what a proxy chooses that %s (§8.1)', async (_, options, asked, serverMultipath, told) => {
    const port = await world.echo('mptcp');
    const proxy = await world.proxy(options);
    const client = await world.client(proxy.port);
    client.send(request(port, asked));
    await authentication(client);
    expect(await operation(client)).toMatchObject({ code: 0, options: told });
    expect(proxy.events[0]).toMatchObject({ event: 'connected', serverMultipath });
  });

  it('are left as the client wants them by proxies in between', async () => {
    const port = await world.echo('mptcp');
    const last = await world.proxy();
    const first = await world.proxy({
      upstream: new TunnelUpstream(parseHops(`socks6://127.0.0.1:${last.port}`)),
    });
    for (const isMultipath of [true, false]) {
      const client = await world.client(first.port);
      client.send(request(port, [multipathOption(isMultipath)]));
      await authentication(client);
      expect(await operation(client)).toMatchObject({ options: [multipathOption(isMultipath)] });
    }
    expect(last.events).toMatchObject([
      { clientMultipath: true, serverMultipath: true },
      { clientMultipath: true, serverMultipath: false },
    ]);
  });

  it('are plain TCP for a client that wants that, also where a converter is left out', async () => {
    const port = await world.echo('mptcp');
    const converter = await world.converter();
    const upstream = new TunnelUpstream(parseHops(`127.0.0.1:${converter.port}`));
    const proxy = await world.proxy({ upstream });
    const ask = async (isMultipath: boolean): Promise<Socks6OperationReply> => {
      const client = await world.client(proxy.port);
      client.send(request(port, [multipathOption(isMultipath)]));
      await authentication(client);
      return operation(client);
    };
    for (const isMultipath of [true, false, true])
      expect(await ask(isMultipath)).toMatchObject({ options: [multipathOption(isMultipath)] });
    const way = `converter://127.0.0.1:${converter.port}`;
    expect(proxy.events).toMatchObject([{ way }, { way: 'direct' }, { way: 'direct' }]);
  });

  it('are told through a proxy of SOCKS 6 in between, and through a converter behind that', async () => {
    const port = await world.echo('mptcp');
    const converter = await world.converter();
    const last = await world.proxy({
      upstream: new TunnelUpstream(parseHops(`127.0.0.1:${converter.port}`)),
    });
    const first = await world.proxy({
      upstream: new TunnelUpstream(parseHops(`socks6://127.0.0.1:${last.port}`)),
    });
    const client = await world.client(first.port);
    client.send(request(port, [multipathOption(true)])).send(bytes('early'));
    await authentication(client);
    expect(await operation(client)).toMatchObject({ code: 0, options: [multipathOption(true)] });
    expect(await client.read(5)).toBe(textHex('early'));
    expect(converter.events[0]).toMatchObject({ event: 'connected', server: `127.0.0.1:${port}` });
  });
});
