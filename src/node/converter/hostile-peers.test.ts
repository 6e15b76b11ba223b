/** Clients of a converter that say too much, or leave in the middle, and what is rationed; clients whose converter refuses them. */
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { fromHex, portHex, ProxyWorld, type RawClient } from '../../../test/support/proxy-world.js';
import { errorMessage, scanConvert } from '../../convert/index.js';
import { connect } from '../index.js';
import { listenForRelay, RelaySet } from '../relay/index.js';
import type { ConverterContext } from './context.js';
import { ConverterSession } from './session.js';

const world = new ProxyWorld();
afterEach(() => world.close());

/** A Connect to a port of this machine, with TCP options where there are any. */
const connectTo = (port: number, options = ''): string => {
  const words = 5 + options.replace(/\s/g, '').length / 8;
  const [all, tlv] = [words + 1, words].map((count) => count.toString(16).padStart(2, '0'));
  return `01${all}2263 0a${tlv}${portHex(port)} 00000000000000000000ffff7f000001 ${options}`;
};
/** Bytes of the confirmation at the beginning of what a client got. */
function confirmationBytes(digits: string): number {
  const scan = scanConvert(fromHex(digits));
  return scan.state === 'done' ? scan.length : 0;
}
async function behindConfirmation(client: RawClient): Promise<string> {
  const { bytes } = await client.rest();
  return bytes.slice(2 * confirmationBytes(bytes));
}

describe('a client of a converter', () => {
  it('that sends much behind its message, and ends, loses nothing', async () => {
    const port = await world.echo();
    const converter = await world.converter({ isPlain: true });
    const much = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => i % 251));
    const client = await world.client(converter.port);
    client.socket.end(Buffer.concat([fromHex(connectTo(port)), much]));
    expect((await behindConfirmation(client)) === much.toString('hex')).toBe(true);
  });

  it('that ends in the midst of its message is reset', async () => {
    const converter = await world.converter({ isPlain: true });
    const client = await world.client(converter.port);
    client.socket.end(Buffer.from(fromHex(connectTo(80)).subarray(0, -1)));
    expect((await client.rest()).how).toBe('ECONNRESET');
    await expect.poll(() => converter.events).toMatchObject([{ event: 'closed', reason: 'no-request' }]);
  });

  it('that asks for options which cannot be converted is told them (code 33)', async () => {
    const converter = await world.converter({ isPlain: true });
    const client = await world.client(converter.port);
    // A Fast Open cookie, and the Authentication Option.
    client.send(connectTo(80, '2206 01020304 1d04 0000 0000'));
    expect(await client.rest()).toEqual({ bytes: '010322631e0221221d000000', how: 'end' });
  });

  it('that pipelines a second message has it taken for data', async () => {
    const port = await world.echo();
    const converter = await world.converter({ isPlain: true });
    const client = await world.client(converter.port);
    client.socket.end(Buffer.from(fromHex(`${connectTo(port)} 01022263 01010000`)));
    expect(await behindConfirmation(client)).toBe('0102226301010000');
  });

  it('beyond the errors that are told is reset without a word (RFC 8803 §6.2.5)', async () => {
    let told = 0;
    const context: ConverterContext = {
      ...{ isMultipath: false, relays: new RelaySet(), sessions: new Set() },
      ...{ helloMs: 60_000, connectMs: () => 60_000, nowMs: () => 0, wallNs: () => 0 },
      policy: () => ({ supportedKinds: [], cookies: undefined, isLoopbackAllowed: true }),
      rules: () => ({ clients: [], deny: [], allowPrivate: false, allowLoopback: true }),
      mayTellError: () => told++ < 2,
      log: () => undefined,
    };
    const listener = listenForRelay({ host: '127.0.0.1', port: 0, isPlain: true, fastOpen: false });
    world.onClose(() => listener.close());
    listener.serve({
      onArrival: ({ client, address }) => new ConverterSession(context, client, address, undefined).begin(),
      onShortage: () => undefined,
    });
    const ends: string[] = [];
    for (let i = 0; i < 4; i++) {
      const client = await world.client(listener.address.port);
      const { bytes, how } = await client.send('01022263 c8010000').rest();
      ends.push(`${bytes.length > 0 ? 'told' : 'silent'} ${how}`);
      client.socket.destroy();
    }
    expect(ends).toEqual(['told end', 'told end', 'silent ECONNRESET', 'silent ECONNRESET']);
  });
});

describe('a client that its converter refuses', () => {
  it('resets the connection on which the error came (RFC 8803 §6.2.8)', async () => {
    let end: (code: string) => void;
    const ended = new Promise<string>((resolve) => (end = resolve));
    const port = await world.server((socket) => {
      socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? ''));
      socket.once('end', () => end('end'));
      // It is left open: whoever got the error has to end it.
      socket.once('data', () => socket.write(errorMessage(32)));
    });
    const socket = connect({
      host: '127.0.0.1',
      port: 9,
      converter: `127.0.0.1:${port}`,
      transport: 'kernel',
    });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ERR_SUBFLOW_CONVERT_NOT_AUTHORIZED');
    expect(await ended).toBe('ECONNRESET');
  });
});
