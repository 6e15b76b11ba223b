/** Servers: listening, counting, dropping, closing. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { alike, closed, codeOf, errorOf, thrown, until } from './sides.js';

function connections(server: net.Server): Promise<number> {
  return new Promise((done) => server.getConnections((_error, count) => done(count)));
}

alike('a server', {
  'listens in every form of arguments': async (world) => {
    const forms: unknown[][] = [
      [0],
      [0, '127.0.0.1'],
      [0, '127.0.0.1', 5],
      [{ port: 0 }],
      [{ port: 0, host: '127.0.0.1', backlog: 3 }],
      [{ port: '0', host: 'localhost' }],
      [],
    ];
    const seen = [];
    for (const form of forms) {
      const server = world.keep(world.side.createServer());
      const called = new Promise((done) => server.listen(...(form as []), () => done('called')));
      const word = await called;
      const { address, family } = server.address() as AddressInfo;
      seen.push([
        word,
        address === '::1' ? '127.0.0.1' : address,
        family === 'IPv6' && address === '::1' ? 'IPv4' : family,
      ]);
    }
    return seen;
  },
  'takes IPv4 on :: unless told not to': async (world) => {
    const results = [];
    for (const ipv6Only of [false, true]) {
      const server = world.keep(world.side.createServer());
      server.listen({ port: 0, host: '::', ipv6Only });
      await once(server, 'listening');
      const client = world.client({ port: (server.address() as AddressInfo).port });
      results.push(await Promise.race([once(client, 'connect').then(() => 'connected', codeOf)]));
    }
    return results;
  },
  'cannot listen where another does': async (world) => {
    const { port } = await world.server();
    const server = world.keep(world.side.createServer());
    server.listen(port, '127.0.0.1');
    const [error] = await once(server, 'error');
    return [errorOf(error), server.listening, server.address()];
  },
  'cannot listen twice, but again after it closed': async (world) => {
    const { server } = await world.server();
    const twice = thrown(() => server.listen(0));
    await new Promise((done) => server.close(done));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return [twice, server.listening];
  },
  'cannot listen at an address that is none of ours': async (world) => {
    const server = world.keep(world.side.createServer());
    server.listen(0, '192.0.2.77');
    const [error] = await once(server, 'error');
    return errorOf(error);
  },
  'closes when its last connection is gone, and takes no other meanwhile': async (world) => {
    const { client, peer, server } = await world.pair();
    const order: string[] = [];
    const { port } = server.address() as AddressInfo;
    server.close(() => order.push('closed'));
    const late = world.client({ port });
    const [error] = await once(late, 'error');
    order.push(codeOf(error), String(server.listening));
    peer.resume();
    client.end();
    await once(server, 'close');
    return order;
  },
  'that does not run cannot be closed': async (world) => {
    const server = world.side.createServer();
    const error = await new Promise((done) => server.close(done));
    return codeOf(error);
  },
  'closed before it listens does not': async (world) => {
    const server = world.side.createServer();
    server.listen(0, '127.0.0.1');
    server.close();
    await once(server, 'close');
    await new Promise((done) => setTimeout(done, 20));
    return server.listening;
  },
  'counts its connections': async (world) => {
    const { server, port } = await world.server();
    const clients = [world.client({ port }), world.client({ port })];
    await Promise.all(clients.map((client) => once(client, 'connect')));
    for (let turn = 0; (await connections(server)) !== 2 && turn < 500; turn++)
      await new Promise((done) => setTimeout(done, 2));
    const two = await connections(server);
    clients[0]!.resetAndDestroy();
    for (let turn = 0; (await connections(server)) !== 1 && turn < 500; turn++)
      await new Promise((done) => setTimeout(done, 2));
    return [two, await connections(server)];
  },
  'drops connections beyond its most, and tells where from': async (world) => {
    const { server, port } = await world.server();
    server.maxConnections = 1;
    const first = world.client({ port });
    await once(first, 'connect');
    const dropped = once(server, 'drop');
    const second = world.client({ port });
    const [data] = (await dropped) as [Record<string, unknown>];
    second.resume();
    await closed(second);
    return [
      Object.keys(data).sort(),
      data['remoteAddress'],
      data['localPort'] === port,
      await connections(server),
    ];
  },
  'takes none at all with a most of 0 or less': async (world) => {
    const { server, port } = await world.server();
    server.maxConnections = -1;
    const dropped = once(server, 'drop');
    const client = world.client({ port });
    await dropped;
    client.resume();
    await closed(client);
    return connections(server);
  },
  'hands out each connection once, with its server': async (world) => {
    let taken = 0;
    const { server, port } = await world.server(() => taken++);
    const [socket] = (await Promise.all([
      once(server, 'connection').then(([each]) => each as net.Socket),
      once(world.client({ port }), 'connect'),
    ])) as [net.Socket, unknown];
    const owner = (socket as unknown as { server: net.Server }).server;
    return [taken, owner === server, socket instanceof net.Socket];
  },
  'is gone with its scope': async (world) => {
    const { server } = await world.server();
    await server[Symbol.asyncDispose]();
    return server.listening;
  },
  'takes many at once': async (world) => {
    let taken = 0;
    const { port } = await world.server((socket) => {
      taken++;
      socket.end('x');
    });
    const clients = Array.from({ length: 300 }, () => world.client({ port }).resume());
    await Promise.all(clients.map(closed));
    await until(() => taken === 300);
    return [taken, clients.filter(({ bytesRead }) => bytesRead === 1).length];
  },
});
