/** How sockets end: destroyed at any moment, reset, timed out, called off. */
import { once } from 'node:events';
import type net from 'node:net';
import { text } from 'node:stream/consumers';
import { alike, closed, codeOf, thrown, until, watch } from './sides.js';

/** What a program can see of how a socket stands. */
function stateOf(socket: net.Socket): unknown {
  const { readyState, pending, connecting, destroyed, closed: isClosed, readable, writable } = socket;
  return { readyState, pending, connecting, destroyed, isClosed, readable, writable };
}

alike('destroy', {
  'before it connects': async (world) => {
    const { port } = await world.server();
    const client = world.client({ port });
    const seen = watch(client);
    const before = stateOf(client);
    client.destroy();
    const after = stateOf(client);
    await closed(client);
    return { seen, before, after, end: stateOf(client) };
  },
  'with an error while it connects': async (world) => {
    const { port } = await world.server();
    const client = world.client({ port });
    const seen = watch(client);
    client.destroy(new Error('enough'));
    await closed(client);
    return [seen, client.errored?.message];
  },
  'during the look-up of a name': async (world) => {
    const { port } = await world.server();
    const client = world.client({
      port,
      host: 'some.test',
      lookup: (_name, _options, done) => setTimeout(done, 20, null, '127.0.0.1', 4),
    });
    const seen = watch(client);
    client.destroy();
    await closed(client);
    await new Promise((done) => setTimeout(done, 40));
    return seen;
  },
  'when it is connected': async (world) => {
    const { client, peer } = await world.pair();
    const [one, two] = [watch(client), watch(peer)];
    peer.resume();
    const open = stateOf(client);
    client.destroy();
    await Promise.all([closed(client), closed(peer)]);
    return { one, two, open, end: stateOf(client) };
  },
  'twice, and after its end': async (world) => {
    const { client, peer } = await world.pair();
    const seen = watch(client);
    peer.end();
    client.resume();
    await closed(client);
    client.destroy().destroy(new Error('too late'));
    await new Promise(setImmediate);
    return seen;
  },
  'soon, once all that was written is on its way': async (world) => {
    const { client, peer } = await world.pair();
    const heard = text(peer);
    client.write('x'.repeat(1_000_000));
    client.destroySoon();
    const length = (await heard).length;
    await closed(client);
    return [length, client.destroyed];
  },
});

alike('a reset', {
  'reaches the peer as ECONNRESET': async (world) => {
    const { client, peer } = await world.pair();
    const [one, two] = [watch(client), watch(peer)];
    peer.resume();
    client.resetAndDestroy();
    await Promise.all([closed(client), closed(peer)]);
    return { one, two, error: (peer.errored as NodeJS.ErrnoException).syscall };
  },
  'while it connects waits for the connection': async (world) => {
    const { port } = await world.server();
    const client = world.client({ port });
    const seen = watch(client, ['error', 'close']);
    client.resetAndDestroy();
    await closed(client);
    return [seen, client.destroyed];
  },
  'of a socket that is closed is an error': async (world) => {
    const { client } = await world.pair();
    client.destroy();
    await closed(client);
    const seen = watch(client);
    client.resetAndDestroy();
    await new Promise(setImmediate);
    return [seen, codeOf(client.errored ?? new Error('none'))];
  },
  'by the server ends the client': async (world) => {
    const { client, peer } = await world.pair();
    const seen = watch(client);
    client.resume();
    peer.resetAndDestroy();
    await closed(client);
    return seen;
  },
});

alike('time-outs', {
  'tell of silence and leave the connection alone': async (world) => {
    const { client, peer } = await world.pair();
    const chained = client.setTimeout(20) === client;
    await once(client, 'timeout');
    const open = client.readyState;
    client.end('still');
    return [chained, client.timeout, open, await text(peer)];
  },
  'come as an option, and by a listener': async (world) => {
    const { port } = await world.server();
    const client = world.client({ port, timeout: 20 });
    await once(client, 'timeout');
    const first = client.timeout;
    await new Promise<void>((done) => client.setTimeout(10, done));
    return [first, client.timeout];
  },
  'come while it connects': async (world) => {
    const client = world.client({ port: 9, host: 'slow.test', timeout: 15, lookup: () => undefined });
    await once(client, 'timeout');
    return client.connecting;
  },
  'are switched off by 0': async (world) => {
    const { client } = await world.pair();
    const seen = watch(client, ['timeout']);
    client.setTimeout(10);
    client.setTimeout(0);
    await new Promise((done) => setTimeout(done, 40));
    return [seen, client.timeout];
  },
  'refuse what is no time': async (world) => {
    const { client } = await world.pair();
    return [-1, NaN, Infinity, 'x', {}].map((ms) => thrown(() => client.setTimeout(ms as number)));
  },
});

alike('signals', {
  'call off a socket that connects': async (world) => {
    const { port } = await world.server();
    const control = new AbortController();
    const client = world.client({ port, signal: control.signal });
    const failed = once(client, 'error');
    control.abort();
    const [error] = (await failed) as [Error & { code: string }];
    await closed(client);
    return [error.name, error.code, client.destroyed];
  },
  'call off a socket that is connected, with the reason given': async (world) => {
    const control = new AbortController();
    const { client } = await world.pair({ signal: control.signal });
    const failed = once(client, 'error');
    control.abort(new Error('because'));
    const [error] = (await failed) as [Error & { cause: Error }];
    return [error.name, error.cause.message];
  },
  'are of no interest once the socket is closed': async (world) => {
    const control = new AbortController();
    const { client } = await world.pair({ signal: control.signal });
    client.destroy();
    await closed(client);
    const seen = watch(client);
    control.abort();
    await new Promise(setImmediate);
    return seen;
  },
  'close a server': async (world) => {
    const control = new AbortController();
    const server = world.keep(world.side.createServer());
    server.listen({ port: 0, host: '127.0.0.1', signal: control.signal });
    await once(server, 'listening');
    control.abort();
    await once(server, 'close');
    return [server.listening, server.address()];
  },
});

alike('states', {
  'of a socket on its way': async (world) => {
    const { port } = await world.server((socket) => void socket.end());
    const client = world.client({ port, allowHalfOpen: true });
    const states = [stateOf(client)];
    await once(client, 'connect');
    states.push(stateOf(client));
    client.resume();
    await once(client, 'end');
    states.push(stateOf(client));
    client.end();
    await closed(client);
    states.push(stateOf(client));
    return states;
  },
  'addresses are there while it is connected': async (world) => {
    const { client, peer, server } = await world.pair();
    const shape = (socket: net.Socket): unknown => {
      const { localAddress, localFamily, remoteAddress, remoteFamily } = socket;
      return {
        localAddress,
        localFamily,
        remoteAddress,
        remoteFamily,
        address: Object.keys(socket.address()),
      };
    };
    const matches = [
      client.localPort === peer.remotePort,
      client.remotePort === (server.address() as net.AddressInfo).port,
    ];
    const before = [shape(client), shape(peer)];
    client.destroy();
    peer.resume();
    await Promise.all([closed(client), closed(peer)]);
    await until(() => peer.destroyed);
    return { matches, before, after: [client.remoteAddress, client.localPort, client.address()] };
  },
});
