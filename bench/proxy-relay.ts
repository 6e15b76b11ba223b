/** A relay in a process of its own, for proxy.ts: `relay` as proxies here do it, or `pipe` as Node's streams do. */
import net from 'node:net';
import { pipeline } from 'node:stream';
import { Relay, SocketEnd } from '../src/node/relay/index.js';

const [mode = '', target = ''] = process.argv.slice(2);

function relay(accepted: net.Socket): void {
  const client = SocketEnd.accepted(accepted);
  const server = SocketEnd.connecting({ host: '127.0.0.1', port: Number(target) }, true);
  server.socket.once('connect', () => new Relay(client, server).start());
}

function pipe(client: net.Socket): void {
  const server = net.connect({ host: '127.0.0.1', port: Number(target), allowHalfOpen: true });
  const done = (): void => undefined;
  pipeline(client, server, done);
  pipeline(server, client, done);
}

const options = { allowHalfOpen: true, pauseOnConnect: true };
const listener = net.createServer(options, mode === 'relay' ? relay : pipe);
listener.listen(0, '127.0.0.1', () => process.send!((listener.address() as net.AddressInfo).port));
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send!((user + system) / 1e6);
});
process.on('disconnect', () => process.exit());
