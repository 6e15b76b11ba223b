/** A relay in a process of its own: `relay` as proxies here do it, or `pipe` as Node's streams do. `MODE TARGET [PORT]` */
import net from 'node:net';
import { pipeline } from 'node:stream';
import { type Arrival, connectForRelay, listenForRelay, Relay } from '../src/node/relay/index.js';
import { IpAddress } from '../src/wire/index.js';

const address = IpAddress.parse('127.0.0.1')!;
const [mode = '', target = '', port = '0'] = process.argv.slice(2);

function relay({ client }: Arrival): void {
  const server = connectForRelay({ address, port: Number(target), isPlain: true }, (error) => {
    if (error === undefined) new Relay(client, server).start();
    else client.reset();
  });
}

function pipe(client: net.Socket): void {
  const server = net.connect({ host: '127.0.0.1', port: Number(target), allowHalfOpen: true });
  const done = (): void => undefined;
  pipeline(client, server, done);
  pipeline(server, client, done);
}

const place = { host: '127.0.0.1', port: Number(port) };
if (mode === 'relay') {
  const listener = listenForRelay({ ...place, isPlain: true, fastOpen: false });
  listener.serve({ onArrival: relay, onShortage: (reason) => console.error(reason) });
  process.send?.(listener.address.port);
} else {
  const listener = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, pipe);
  listener.listen({ ...place, backlog: 4096 }, () =>
    process.send?.((listener.address() as net.AddressInfo).port),
  );
}
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send!((user + system) / 1e6);
});
if (process.connected) process.on('disconnect', () => process.exit());
