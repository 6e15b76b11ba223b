/** A relay in a process of its own: `relay` as proxies here do it, or `pipe` as Node's streams do. `MODE TARGET [PORT]` */
import net from 'node:net';
import { pipeline } from 'node:stream';
import { Relay, SocketEnd } from '../src/node/relay/index.js';

const [mode = '', target = '', port = '0'] = process.argv.slice(2);

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
listener.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () =>
  process.send?.((listener.address() as net.AddressInfo).port),
);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send!((user + system) / 1e6);
});
if (process.connected) process.on('disconnect', () => process.exit());
