/**
 * A program that is one end of visits through proxies, in a namespace of its own: `proxy`, which serves clients in all ways
 * that there are, or `client`, which visits as it is told, a message for each. It ends when whoever started it lets go of it.
 */

import type { ProxyWay } from '../../experiments/index.js';
import { closedRules, connect, ConverterServer, parseNetwork, ProxyServer } from '../../node/index.js';
import { clientNetwork, proxyAddress, proxyPorts, serverAddress, serverPort } from './proxy-visit-places.js';

/** What a client is asked for. */
export interface VisitOrder {
  readonly way: ProxyWay;
  readonly fastOpen: boolean;
}

/** What a program says: that it is ready, or that a visit is over; `error`: what went wrong. */
export interface VisitNews {
  readonly error?: string;
}

const say = (news: VisitNews): void => void process.send!(news);

/** How the client gets to the server. */
function wayOptions(way: ProxyWay): { readonly via?: string; readonly converter?: string } {
  const proxy = `${proxyAddress}:${proxyPorts.proxy}`;
  switch (way) {
    case 'direct':
      return {};
    case 'socks 5':
      return { via: `socks5://${proxy}` };
    case 'socks 6':
      return { via: `socks6://${proxy}` };
    case 'http connect':
      return { via: `http://${proxy}` };
    case 'converter':
      return { converter: `${proxyAddress}:${proxyPorts.converter}` };
  }
}

async function serveAsProxy(): Promise<void> {
  const host = proxyAddress;
  const rules = { ...closedRules, clients: [parseNetwork(clientNetwork)], allowPrivate: true };
  await ProxyServer.start({ listen: [{ host, port: proxyPorts.proxy }], rules });
  await ConverterServer.start({ host, port: proxyPorts.converter, rules });
}

function visit({ way, fastOpen }: VisitOrder): void {
  let news: VisitNews = { error: 'the connection ended without an answer' };
  const socket = connect({ host: serverAddress, port: serverPort, fastOpen, ...wayOptions(way) });
  // At once, so that it may go with whatever is said first.
  socket.write('request');
  socket.once('data', () => {
    news = {};
    socket.destroy();
  });
  socket.once('error', ({ message }: Error) => (news = { error: message }));
  socket.once('close', () => say(news));
}

process.once('disconnect', () => process.exit(0));
if (process.argv[2] === 'proxy') {
  await serveAsProxy();
} else {
  process.on('message', (order) => visit(order as VisitOrder));
}
say({});
