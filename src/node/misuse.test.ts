/** What a program gets that asks for what cannot be: an error with a code, at once, and nothing is left open. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../test/support/memory-devices.js';
import { describeWith } from '../../test/support/with-rights.js';
import { SubflowError } from '../base/index.js';
import { kernelMptcp } from '../linux/index.js';
import {
  connect,
  createServer,
  type ConnectOptions,
  type InterfaceSetup,
  type ServerOptions,
  UserspaceHost,
} from './index.js';

/** Two hosts of ours on a line. */
const [near, far] = [new UserspaceHost(), new UserspaceHost()];
const line = MemoryDevice.pair();
near.addDevice(line[0], { name: 'a', addresses: ['10.0.0.1/24'] });
far.addDevice(line[1], { name: 'a', addresses: ['10.0.0.2/24'] });
afterAll(() => [near, far].forEach((host) => host.close()));

const type = 'ERR_INVALID_ARG_TYPE';
const range = 'ERR_OUT_OF_RANGE';
const value = 'ERR_INVALID_ARG_VALUE';
const port = 'ERR_SOCKET_BAD_PORT';
const address = 'ERR_INVALID_IP_ADDRESS';

/** Options of `addDevice`, values that each cannot have, and the code of the error. */
const wrongToAttach: readonly (readonly [string, readonly unknown[], string])[] = [
  ['name', [undefined, null, 5, ''], type],
  ['addresses', [undefined, null, '10.0.0.1/24', {}, [null], [5], [{}]], type],
  [
    'addresses',
    [[''], ['10.0.0.1'], ['10.0.0.1/33'], ['10.0.0.1/'], ['10.0.0.1/-1'], ['fd00::1'], ['x/24']],
    value,
  ],
  ['metric', ['x', null, {}], type],
  ['metric', [-1, NaN], range],
  ['nat64Prefixes', ['64:ff9b::/96', 5, {}], type],
  ['nat64Prefixes', [['64:ff9b::/95'], ['x']], value],
  ['link', [null, 5, {}, { kind: 'dial-up', isMetered: true, hasCarrier: true }], value],
  [
    'link',
    [
      { kind: 'wifi', isMetered: 1, hasCarrier: true },
      { kind: 'wifi', isMetered: true },
      { kind: 'wifi', isMetered: true, hasCarrier: true, signalDbm: 5 },
    ],
    type,
  ],
];

/** Options of `connect`, values that each cannot have, and the code of the error. */
const wrongToConnect: readonly (readonly [string, readonly unknown[], string])[] = [
  ['port', [undefined, null, -1, 65_536, 1.5, NaN, '', ' ', 'x', {}, [], true, Symbol('x')], port],
  ['localPort', [-1, 65_536, 1.5, NaN, null, 'x', {}, true], port],
  ['host', [5, null, {}, [], true], type],
  ['localAddress', [5, null, {}, '', 'nowhere', '1.2.3'], address],
  ['family', [5, -1, '4', 4.5, {}, true], value],
  ['hints', ['x', {}, true], type],
  ['hints', [-1, 1.5, 1e9, NaN], value],
  ['lookup', [5, 'x', {}, true], type],
  ['allowHalfOpen', ['x', 5, {}], type],
  ['noDelay', ['x', 5, {}], type],
  ['keepAlive', ['x', 5, {}], type],
  ['keepAliveInitialDelay', ['x', {}, true], type],
  ['keepAliveInitialDelay', [-1, NaN, Infinity], range],
  ['timeout', ['x', {}, true], type],
  ['timeout', [-1, NaN, Infinity], range],
  ['signal', [5, 'x', {}, true], type],
  ['autoSelectFamily', ['x', 5], type],
  ['autoSelectFamilyAttemptTimeout', ['x', {}], type],
  ['autoSelectFamilyAttemptTimeout', [-1, 0, NaN], range],
  ['transport', ['tcp', 5, null, {}], value],
  ['via', [5, {}, true], type],
  ['via', ['x', 'ftp://127.0.0.1'], 'ERR_SUBFLOW_BAD_PROXY'],
  ['path', ['/tmp/socket', 5], value],
  ['onread', [{}, 5], value],
  ['robust', ['x', 5, null, {}, { mode: 'x' }, { mode: 'timeout', localAddresses: 5 }], type],
  [
    'robust',
    [
      { mode: 'timeout', delay: -1 },
      { mode: 'timeout', delay: 'x' },
    ],
    range,
  ],
  ['robust', [{ mode: 'timeout', localAddresses: ['x'] }], address],
  ['fastOpen', ['x', 5, null, {}], type],
  ['multipath', ['x', 5, null], type],
  ['versions', ['1', 5, null], type],
  ['versions', [[], [2], [1, 1], ['1'], [null]], 'ERR_SUBFLOW_BAD_SETTING'],
  ['profile', [5, null, {}], type],
  ['serviceType', [5, null, {}], type],
  ['serviceType', ['Handover', 'constructor'], 'ERR_SUBFLOW_UNKNOWN_NAME'],
  ['serviceOptions', [5, null, 'x'], type],
  ['serviceOptions', [{}], value],
  ['scheduler', [5, null, {}], type],
  ['pathManager', [5, null, {}], type],
  ['congestion', [5, null, {}], type],
  ['congestion', ['constructor', '__proto__', 'x'.repeat(40)], 'ERR_SUBFLOW_UNKNOWN_NAME'],
];

const wrongToServe: readonly (readonly [string, readonly unknown[], string])[] = [
  ...wrongToConnect.filter(([name]) =>
    /^(allowHalfOpen|noDelay|keepAlive|keepAliveInitialDelay|transport|multipath|versions|congestion)$/.test(
      name,
    ),
  ),
  ['pauseOnConnect', ['x', 5, {}], type],
  ['fastOpen', ['x', 5, null], type],
];

const wrongToListen: readonly (readonly [unknown, string])[] = [
  ...[-1, 65_536, 1.5, NaN, 'x', ''].map((each) => [{ port: each }, port] as const),
  ...[-1, 65_536, 1.5, 'x'].map((each) => [each, port] as const),
  [{ port: 0, host: 5 }, type],
  [{ port: 0, backlog: 'x' }, type],
  [{ port: 0, backlog: -1 }, range],
  [{ port: 0, ipv6Only: 'x' }, type],
  [{ port: 0, signal: {} }, type],
  [{ path: '/tmp/socket' }, value],
];

/** What `act` throws. */
function thrown(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Each case by itself, for a message that names it. */
function each(cases: typeof wrongToConnect): [string, unknown, string][] {
  return cases.flatMap(([name, values, code]) =>
    values.map((one) => [name, one, code] as [string, unknown, string]),
  );
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('an interface that cannot be', () => {
  it('is refused with what to write instead, and the device is left alone', () => {
    const host = new UserspaceHost();
    const [device] = MemoryDevice.pair();
    const setup = { name: 'a', addresses: ['10.0.0.1/24'] };
    for (const [name, wrong, code] of each(wrongToAttach)) {
      const error = thrown(() => host.addDevice(device, { ...setup, [name]: wrong } as InterfaceSetup));
      expect(error, `${name}: ${String(wrong)}`).toBeInstanceOf(SubflowError);
      expect((error as SubflowError).code, `${name}: ${String(wrong)}`).toBe(code);
    }
    expect(thrown(() => host.addDevice(device, { ...setup, addresses: ['10.0.0.1'] }))).toMatchObject({
      message: "'10.0.0.1' is not an address with a prefix length",
      hint: expect.stringContaining('192.0.2.2/24') as string,
    });
    expect(thrown(() => host.addRaw({ interface: 'lo', addresses: ['127.0.0.1'] }))).toMatchObject({
      code: value,
    });
    expect(host.addDevice(device, setup)).toBe(0);
    host.close();
  });
});

function shared(ends: { readonly connect: object; readonly serve: object; readonly host: string }): void {
  const base = { port: 9, host: ends.host, ...ends.connect };

  it('is refused for wrong options of connect', () => {
    const before = openDescriptors();
    for (const [name, wrong, code] of each(wrongToConnect)) {
      const error = thrown(() => connect({ ...base, [name]: wrong } as ConnectOptions));
      expect(error, `${name}: ${String(wrong)}`).toBeInstanceOf(SubflowError);
      expect((error as SubflowError).code, `${name}: ${String(wrong)}`).toBe(code);
      expect((error as SubflowError).message).not.toBe('');
    }
    expect(openDescriptors()).toBe(before);
  });

  it('is refused for what is no options, and no listener', () => {
    for (const wrong of [undefined, null, 80, '80', []]) {
      const error = thrown(() => connect(wrong as unknown as ConnectOptions));
      expect(error).toMatchObject({ code: type, hint: expect.stringContaining('connect({') as string });
    }
    for (const wrong of [null, 80, 'x', []])
      expect(thrown(() => createServer(wrong as unknown as ServerOptions))).toMatchObject({ code: type });
    const noListener = 'x' as unknown as () => void;
    expect(thrown(() => connect(base, noListener))).toMatchObject({ code: type });
    expect(thrown(() => createServer(ends.serve, noListener))).toMatchObject({ code: type });
  });

  it('is refused for wrong options of a server', () => {
    for (const [name, wrong, code] of each(wrongToServe)) {
      const error = thrown(() => createServer({ ...ends.serve, [name]: wrong }));
      expect(error, `${name}: ${String(wrong)}`).toBeInstanceOf(SubflowError);
      expect((error as SubflowError).code, `${name}: ${String(wrong)}`).toBe(code);
    }
    for (const [wrong, code] of wrongToListen) {
      const server = createServer(ends.serve);
      const error = thrown(() => server.listen(wrong as number));
      expect((error as SubflowError | undefined)?.code, JSON.stringify(wrong)).toBe(code);
      expect(server.listening).toBe(false);
    }
  });

  it('is told of a port in use, a second listen and a second close, and may then do it right', async () => {
    const server = createServer(ends.serve).listen(0, ends.host);
    await once(server, 'listening');
    const { port: taken } = server.address() as AddressInfo;
    expect(thrown(() => server.listen(0))).toMatchObject({ code: 'ERR_SERVER_ALREADY_LISTEN' });
    const other = createServer(ends.serve).listen(taken, ends.host);
    const [error] = (await once(other, 'error')) as [Error];
    expect(error).toMatchObject({ code: 'EADDRINUSE', port: taken });
    await new Promise((done) => server.close(done));
    const again = await new Promise((done) => server.close(done));
    expect(again).toMatchObject({ code: 'ERR_SERVER_NOT_RUNNING' });
    other.listen(taken, ends.host);
    await once(other, 'listening');
    await new Promise((done) => other.close(done));
  });

  it('is told of writes after the end, and of an abort', async () => {
    const server = createServer(ends.serve, (socket) => socket.on('error', () => undefined).resume());
    server.listen(0, ends.host);
    await once(server, 'listening');
    const { port: to } = server.address() as AddressInfo;
    const aborting = new AbortController();
    const open = (): ReturnType<typeof connect> => connect({ ...base, port: to, signal: aborting.signal });
    const ended = open();
    await once(ended, 'connect');
    ended.end();
    const late = once(ended, 'error');
    ended.write('late');
    expect((await late)[0]).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' });
    const aborted = open();
    await once(aborted, 'connect');
    const gone = once(aborted, 'error');
    aborting.abort();
    expect((await gone)[0]).toMatchObject({ code: 'ABORT_ERR' });
    aborted.destroy();
    aborted.destroy();
    const after = await new Promise((done) => aborted.write('after', done));
    expect(after).toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
    await new Promise((done) => server.close(done));
  });
}

describe('a program that asks the userspace transport for what cannot be', () => {
  shared({ connect: { via: near }, serve: { via: far }, host: '10.0.0.2' });

  it.each(['profile', 'scheduler', 'pathManager'])('is told which names of a %s there are', (name) => {
    for (const wrong of ['no-such', 'constructor', '__proto__', 'toString']) {
      const error = thrown(() => connect({ host: '10.0.0.2', port: 9, via: near, [name]: wrong }));
      expect(error).toMatchObject({ code: 'ERR_SUBFLOW_UNKNOWN_NAME' });
      expect((error as SubflowError).hint).not.toBe('');
    }
  });
});

describeWith('a program that asks the kernel transport for what cannot be', [kernelMptcp()], () => {
  const transport = { transport: 'kernel' } as const;
  shared({ connect: transport, serve: transport, host: '127.0.0.1' });
});
