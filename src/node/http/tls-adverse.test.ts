/** TLS sockets of the kernel transport that are destroyed at any moment: no descriptor stays open. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { expect, it } from 'vitest';
import { selfSigned } from '../../../test/support/self-signed.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp } from '../../linux/index.js';
import { listen, tlsConnect, type TlsConnectOptions, type TlsSocket } from './index.js';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describeWith('a TLS socket', [kernelMptcp()], () => {
  type Moment = [string, (socket: TlsSocket) => unknown, Partial<TlsConnectOptions>?];
  const moments: Moment[] = [
    ['at once', (socket) => socket.destroy()],
    ['on an attempt', (socket) => socket.once('connectionAttempt', () => socket.destroy())],
    ['on connect', (socket) => socket.once('connect', () => socket.destroy())],
    ['when it is secure', (socket) => socket.once('secureConnect', () => socket.destroy())],
    ['on data', (socket) => socket.once('data', () => socket.destroy())],
    ['by its end', (socket) => socket.resume()],
    ['by a signal aborted before', () => undefined, { signal: AbortSignal.abort() }],
    ['by a refusal', () => undefined, { port: 1 }],
    ['by a local address that is none of ours', () => undefined, { localAddress: '192.0.2.1' }],
    ['by a certificate that is not trusted', () => undefined, { ca: [] }],
  ];

  it.each(moments)('destroyed %s leaves no descriptor', async (_name, act, options) => {
    const identity = selfSigned();
    const server = tls.createServer(identity, (socket) => {
      socket.on('error', () => undefined);
      socket.resume().end('hello');
    });
    server.on('tlsClientError', () => undefined);
    listen(server, { host: '127.0.0.1' });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const attempt = async (): Promise<void> => {
      const place = { host: 'localhost', port, ca: identity.cert };
      const socket = tlsConnect({ ...place, ...options } as TlsConnectOptions);
      socket.on('error', () => undefined);
      const end = new Promise((done) => socket.once('close', done));
      act(socket);
      await end;
    };
    await attempt();
    const before = openDescriptors();
    for (let i = 0; i < 10; i++) await attempt();
    await expect.poll(openDescriptors, { timeout: 20_000 }).toBeLessThanOrEqual(before);
    await new Promise((done) => server.close(done));
  });
});
