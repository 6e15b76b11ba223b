/** Bytes: half-open connections, backpressure, pipes, iteration, counts. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer, text } from 'node:stream/consumers';
import { alike, closed, codeOf, until, watch } from './sides.js';

alike('ends of one direction', {
  'a server that ends ends the client': async (world) => {
    const { client, peer } = await world.pair();
    const seen = watch(client);
    const other = watch(peer);
    client.resume();
    peer.resume();
    peer.end('bye');
    await Promise.all([closed(client), closed(peer)]);
    return { seen, other };
  },
  'a client with allowHalfOpen writes on after the end of the server': async (world) => {
    const { client, peer } = await world.pair({ allowHalfOpen: true });
    client.resume();
    peer.end();
    await once(client, 'end');
    const states = [client.readyState, client.readable, client.writable];
    client.end('late');
    return { states, heard: await text(peer) };
  },
  'a server with allowHalfOpen answers after the end of the client': async (world) => {
    const { client, peer } = await world.pair({}, { allowHalfOpen: true });
    peer.resume();
    const answer = text(client);
    client.end('question');
    await once(peer, 'end');
    const state = peer.readyState;
    peer.end('answer');
    return [state, client.writableEnded, await answer];
  },
  'both ends end at once': async (world) => {
    const { client, peer } = await world.pair({ allowHalfOpen: true }, { allowHalfOpen: true });
    const [one, two] = [watch(client), watch(peer)];
    client.resume().end('a');
    peer.resume().end('b');
    await Promise.all([closed(client), closed(peer)]);
    return { one: one.sort(), two: two.sort() };
  },
  'a write after the own end is an error': async (world) => {
    const { client } = await world.pair();
    client.end();
    const told = new Promise((done) => client.write('late', (error) => done(codeOf(error))));
    const [error] = await once(client, 'error');
    return [await told, codeOf(error)];
  },
  'a write to a socket that is closed is an error of its callback': async (world) => {
    const { client } = await world.pair();
    client.destroy();
    await closed(client);
    return new Promise((done) => client.write('late', (error) => done(codeOf(error))));
  },
  'end takes a last chunk and a callback, also before the connection is there': async (world) => {
    const { port } = await world.server((socket) => void socket.pipe(socket));
    const client = world.client({ port });
    const called = new Promise((done) => client.end('early', () => done('called')));
    return [await text(client), await called, client.bytesWritten];
  },
});

alike('backpressure', {
  'write is false beyond the high-water mark, and drain follows when the reader goes on': async (world) => {
    const { client, peer } = await world.pair();
    peer.pause();
    const chunk = Buffer.alloc(1 << 20, 'x');
    let chunks = 1;
    while (client.write(chunk) || client.writableLength < 4 << 20) {
      if (++chunks > 256) break;
      await new Promise(setImmediate);
    }
    const isFull = client.writableNeedDrain;
    const drained = once(client, 'drain');
    let received = 0;
    peer.on('data', (bytes: Buffer) => (received += bytes.length)).resume();
    await drained;
    client.end();
    await once(peer, 'end');
    return { isFull, isWhole: received === chunks << 20, left: client.writableLength };
  },
  'a reader that pauses gets nothing until it resumes': async (world) => {
    const { client, peer } = await world.pair();
    const heard: string[] = [];
    peer.on('data', (bytes) => heard.push(String(bytes)));
    client.write('one');
    await until(() => heard.length === 1);
    peer.pause();
    await new Promise<void>((done) => client.write('two', () => done()));
    await new Promise((done) => setTimeout(done, 30));
    const paused = [...heard, peer.isPaused()];
    peer.resume();
    await until(() => heard.length === 2);
    return { paused, heard };
  },
  'connections handed out paused wait with their data': async (world) => {
    const { client, peer } = await world.pair({}, { pauseOnConnect: true });
    client.end('waits');
    const isPaused = peer.isPaused();
    return [isPaused, await text(peer)];
  },
  'what is corked goes out together': async (world) => {
    const { client, peer } = await world.pair();
    client.cork();
    client.write('a');
    client.write('b');
    const held = client.writableLength;
    client.uncork();
    client.end();
    return [held, await text(peer)];
  },
  'read takes as many bytes as are asked for': async (world) => {
    const { client, peer } = await world.pair();
    client.end('abcdef');
    await until(() => {
      peer.read(0);
      return peer.readableLength === 6;
    });
    return [String(peer.read(2)), String(peer.read(4)), peer.read(1)];
  },
});

alike('streams', {
  'a pipe carries every byte and the end': async (world) => {
    const sent = Buffer.alloc(3_000_001, 'pipe ');
    const { port } = await world.server((socket) => void socket.pipe(socket));
    const client = world.client({ port });
    const all = buffer(client);
    await pipeline(Readable.from([sent.subarray(0, 1000), sent.subarray(1000)]), client, { end: true });
    return sent.equals(await all);
  },
  'iteration gives all bytes, and destroys a socket that it leaves': async (world) => {
    const { client, peer } = await world.pair();
    peer.write('x');
    let first = '';
    for await (const chunk of client) {
      first = String(chunk);
      break;
    }
    await closed(client);
    return [first, client.destroyed];
  },
  'strings come in the encoding that is set': async (world) => {
    const { client, peer } = await world.pair();
    client.setEncoding('utf8');
    const bytes = Buffer.from('grüße');
    peer.write(bytes.subarray(0, 3));
    setTimeout(() => peer.end(bytes.subarray(3)), 10);
    let all = '';
    for await (const chunk of client) all += typeof chunk === 'string' ? chunk : 'bytes';
    return all;
  },
  'bytes are counted while they wait and when they came': async (world) => {
    const { port } = await world.server((socket) => void socket.pipe(socket));
    const client = world.client({ port });
    client.write('täst');
    client.write(Buffer.alloc(10));
    const waiting = client.bytesWritten;
    client.end();
    await buffer(client);
    return [waiting, client.bytesWritten, client.bytesRead];
  },
  'chunks that are no bytes are refused': async (world) => {
    const { client } = await world.pair();
    const codes = [5, null, {}].map((chunk) => {
      try {
        client.write(chunk as never);
        return 'nothing';
      } catch (error) {
        return codeOf(error);
      }
    });
    return codes;
  },
});
