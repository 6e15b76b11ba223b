/**
 * Visits through proxies on the machine's kernel: a namespace each for client, proxy and server, emulated links between them
 * in real time, and a recorder at the near end of each link (proxy-visit-places.ts has the picture). Client and proxy are
 * programs of their own (proxy-visit-end.ts); the server, plain TCP that takes data from SYNs, is here.
 */

import type { ChildProcess } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { MILLISECOND } from '../../base/index.js';
import type { ProxyVisit, ProxyVisitRequest } from '../../experiments/index.js';
import { acceptFastOpen, listenKernel, NetworkNamespace, TunDevice } from '../../linux/index.js';
import { bridge, Link, TapDevice } from '../../network/index.js';
import { FailureError } from '../errors.js';
import type { VisitNews, VisitOrder } from './proxy-visit-end.js';
import {
  answerText,
  clientAddress,
  clientNetwork,
  proxyAddress,
  proxyFarAddress,
  serverAddress,
  serverPort,
} from './proxy-visit-places.js';
import { RealTimeLoop } from './real-time-loop.js';
import { VisitRecorder } from './visit-recorder.js';

/** Long against what a program takes to answer, so that packets that nobody had to wait for pass in the order in which they were sent. */
const delayNs = 5 * MILLISECOND;
/** Longest time for a program to begin, or for a visit, in ms. */
const PATIENCE_MS = 30_000;
/** Connections that a SYN alone made, at a time. */
const MAX_PENDING = 16;

/** Makes all visits, one after the other. */
export async function runProxyVisits(
  requests: readonly ProxyVisitRequest[],
  step: (done: number, what: string) => Promise<void>,
): Promise<ProxyVisit[]> {
  const lab = new ProxyVisitLab();
  try {
    await lab.start();
    const visits: ProxyVisit[] = [];
    for (const request of requests) {
      const { way, hasCookie } = request;
      await step(visits.length, `${way}, ${hasCookie ? 'with' : 'without'} a cookie`);
      visits.push(await lab.visit(request));
    }
    return visits;
  } finally {
    lab.close();
  }
}

class ProxyVisitLab {
  private readonly loop = new RealTimeLoop(1, () => undefined);
  private readonly namespaces: NetworkNamespace[] = [];
  private readonly tuns: TunDevice[] = [];
  private readonly near = new VisitRecorder();
  private readonly beyond = new VisitRecorder();
  private server: Server | undefined = undefined;
  /** Those of the server: what they say last has no network to go over when the lab closes. */
  private readonly accepted = new Set<Socket>();
  private client: ChildProcess | undefined = undefined;

  /** Makes the world, and waits until everybody in it is ready. */
  async start(): Promise<void> {
    const [client, proxy, server] = [this.host('client'), this.host('proxy'), this.host('server')];
    this.join(client, proxy, { own: clientAddress, other: proxyAddress, recorder: this.near });
    this.join(proxy, server, { own: proxyFarAddress, other: serverAddress, recorder: this.beyond });
    client.ip(`route add default via ${proxyAddress}`);
    server.ip(`route add ${clientNetwork} via ${proxyFarAddress}`);
    proxy.sysctl('net.ipv4.ip_forward', 1);
    this.server = listenAt(server, this.accepted);
    this.client = startEnd(client, 'client');
    await Promise.all([newsOf(this.client), newsOf(startEnd(proxy, 'proxy'))]);
  }

  async visit({ way, hasCookie }: ProxyVisitRequest): Promise<ProxyVisit> {
    // The first visit with Fast Open is given the cookie, of the proxy or the server, that the second shows.
    if (hasCookie) await this.order({ way, fastOpen: true });
    this.near.begin();
    this.beyond.begin();
    await this.order({ way, fastOpen: hasCookie });
    return { near: this.near.seen, beyond: way === 'direct' ? undefined : this.beyond.seen };
  }

  close(): void {
    this.loop.close();
    this.server?.close();
    for (const socket of this.accepted) socket.destroy();
    for (const tun of this.tuns) tun.close();
    for (const namespace of this.namespaces) namespace.close();
  }

  private async order(order: VisitOrder): Promise<void> {
    const client = this.client!;
    const news = newsOf(client);
    client.send(order);
    await news;
  }

  private host(name: string): NetworkNamespace {
    const namespace = NetworkNamespace.create(`lab-${name}`);
    this.namespaces.push(namespace);
    namespace.sysctl('net.ipv4.tcp_fastopen', 3);
    // Clients that are reset do not have the kernel do without Fast Open for an hour.
    namespace.sysctl('net.ipv4.tcp_fastopen_blackhole_timeout_sec', 0);
    return namespace;
  }

  private join(
    left: NetworkNamespace,
    right: NetworkNamespace,
    { own, other, recorder }: { own: string; other: string; recorder: VisitRecorder },
  ): void {
    const link = new Link(this.loop.simulator, { both: { delayNs } });
    const [near, far] = [this.device(left, 'right0', own), this.device(right, 'left0', other)];
    bridge(near, new TapDevice(link.left, [recorder]));
    bridge(link.right, far);
  }

  private device(namespace: NetworkNamespace, name: string, address: string): TunDevice {
    const tun = new TunDevice({ name, namespace, offload: false }, this.loop);
    this.tuns.push(tun);
    namespace.ip(`address add ${address}/24 dev ${name}`, `link set ${name} up`);
    return tun;
  }
}

/** A server that answers whatever it is sent first; `accepted` has its connections. */
function listenAt(namespace: NetworkNamespace, accepted: Set<Socket>): Server {
  const server = createServer((socket) => {
    accepted.add(socket);
    socket.once('close', () => accepted.delete(socket));
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answerText));
  });
  const prepare = (fd: number): void => acceptFastOpen(fd, MAX_PENDING);
  const wanted = { address: serverAddress, port: serverPort, protocol: 'tcp', namespace, prepare } as const;
  return server.listen({ fd: listenKernel(wanted) });
}

function startEnd(namespace: NetworkNamespace, role: 'client' | 'proxy'): ChildProcess {
  const program = fileURLToPath(new URL('./proxy-visit-end.js', import.meta.url));
  return namespace.spawn(process.execPath, [program, role], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/** Settles with the next that a program says; rejects where that is an error, where it ends, and where it says nothing. */
function newsOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: string): void => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit);
      if (error === undefined) resolve();
      else reject(new FailureError(`a visit came to nothing: ${error}`));
    };
    const onMessage = (news: unknown): void => end((news as VisitNews).error);
    const onExit = (): void => end('the program ended');
    const timer = setTimeout(() => end('the program says nothing'), PATIENCE_MS);
    child.on('message', onMessage).on('exit', onExit);
  });
}
