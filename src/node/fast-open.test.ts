/** Fast Open as programs see it, over both transports. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../test/support/memory-devices.js';
import { connect, createServer, UserspaceHost, type Server, type Socket } from './index.js';

const hosts: UserspaceHost[] = [];

afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

function world(): { client: UserspaceHost; server: UserspaceHost } {
  const [client, server] = [new UserspaceHost(), new UserspaceHost()];
  hosts.push(client, server);
  const [left, right] = MemoryDevice.pair();
  client.addDevice(left, { name: 'left', addresses: ['10.0.0.1/24'] });
  server.addDevice(right, { name: 'right', addresses: ['10.0.0.2/24'] });
  return { client, server };
}

async function listening(server: Server): Promise<number> {
  server.listen(0);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Connects, writes at once, and gives what the server answers. */
async function ask(via: UserspaceHost, port: number, fastOpen: boolean | 'without-cookie'): Promise<string> {
  const socket = connect({ via, host: '10.0.0.2', port, fastOpen });
  socket.write('one ');
  socket.end('two');
  let answer = '';
  for await (const chunk of socket as unknown as AsyncIterable<Buffer>) answer += String(chunk);
  return answer;
}

describe('Fast Open over the userspace transport', () => {
  it('carries what is written right after connect with the SYN, once there is a cookie', async () => {
    const { client, server } = world();
    const listener = createServer({ via: server, fastOpen: true }, (socket: Socket) => socket.pipe(socket));
    const port = await listening(listener);
    expect(await ask(client, port, true)).toBe('one two');
    expect(server.stack.counters).toMatchObject({ fastOpenCookiesGiven: 1, fastOpensAccepted: 0 });
    expect(await ask(client, port, true)).toBe('one two');
    expect(server.stack.counters).toMatchObject({ fastOpensAccepted: 1 });
    expect(client.stack.counters).toMatchObject({ fastOpensActive: 1, fastOpensRefused: 0 });
    listener.close();
  });

  it('loses nothing and repeats nothing where the server does not take it', async () => {
    const { client, server } = world();
    const listener = createServer({ via: server }, (socket: Socket) => socket.pipe(socket));
    const port = await listening(listener);
    expect(await ask(client, port, 'without-cookie')).toBe('one two');
    expect(client.stack.counters).toMatchObject({ fastOpensActive: 0, fastOpensRefused: 1 });
    listener.close();
  });

  it('refuses choices that are none', () => {
    const { client } = world();
    expect(() => connect({ via: client, port: 1, fastOpen: 'soon' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
    expect(() => createServer({ via: client, fastOpen: 3 as never })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });
});
