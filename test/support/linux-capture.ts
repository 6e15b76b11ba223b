/**
 * Captures of Multipath TCP transfers between two kernels, made by tcpdump in namespaces of the test's own. Needs root and
 * tcpdump.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connectionInfo,
  connectKernel,
  descriptorOf,
  listenKernel,
  NetworkNamespace,
} from '../../src/linux/index.js';

export interface LinuxCaptureOptions {
  /** Where the capture goes. */
  readonly file: string;
  /** Bytes that each connection carries; absent: what `packets` need. */
  readonly bytes?: number;
  /** Packets after which tcpdump stops; absent: with the transfer. */
  readonly packets?: number;
  readonly family?: 4 | 6;
  /** Subflows: 1 or 2, over one pair of interfaces. 2 when absent. */
  readonly subflows?: 1 | 2;
  /** Whether segments longer than the MTU are captured as the kernel hands them over; false when absent. */
  readonly offload?: boolean;
  /** Bytes kept of each packet; 0 is all. */
  readonly snapLength?: number;
  /** Rate of the bottleneck in Mbit/s, with a short queue that drops; unlimited when absent. */
  readonly rateMbps?: number;
  readonly checksum?: boolean;
  /** Whether the server sends. */
  readonly reverse?: boolean;
  /** Connections at the same time. */
  readonly parallel?: number;
}

const PORT = 5201;

/** Makes one capture, at the client. */
export async function captureLinuxTransfer(options: LinuxCaptureOptions): Promise<void> {
  const client = NetworkNamespace.create('client');
  const server = NetworkNamespace.create('server');
  const bridge = NetworkNamespace.create('bridge');
  try {
    join(client, server, bridge, options.rateMbps);
    prepare(client, server, options);
    const stop = await startTcpdump(client, options);
    await transfer(client, server, options);
    await stop();
  } finally {
    client.close();
    server.close();
    bridge.close();
  }
}

/** Joins the two hosts directly, or by a bridge behind which packets are lost: the capture shows what is sent again then. */
function join(
  client: NetworkNamespace,
  server: NetworkNamespace,
  bridge: NetworkNamespace,
  rateMbps: number | undefined,
): void {
  if (rateMbps === undefined) {
    client.connectTo(server, 'veth0', 'veth0');
    return;
  }
  client.connectTo(bridge, 'veth0', 'left');
  server.connectTo(bridge, 'veth0', 'right');
  bridge.ip('link add br0 type bridge', 'link set br0 up');
  const rate = `rate ${rateMbps}mbit burst 16kb limit 40kb`;
  for (const port of ['left', 'right']) {
    bridge.ip(`link set ${port} master br0`);
    bridge.run(() => execFileSync('tc', `qdisc add dev ${port} root tbf ${rate}`.split(' ')));
  }
}

function prepare(client: NetworkNamespace, server: NetworkNamespace, options: LinuxCaptureOptions): void {
  const { family = 4, subflows = 2, offload = false, checksum = false } = options;
  const bits = family === 4 ? 24 : 64;
  for (const [namespace, end] of [
    [client, 1],
    [server, 2],
  ] as const) {
    for (let path = 1; path <= 2; path++) {
      namespace.ip(`address add ${address(family, path, end)}/${bits} dev veth0`);
    }
    // Segments of one MTU, as on a wire.
    if (!offload) namespace.ip('link set veth0 gso_max_segs 1');
    namespace.sysctl('net.mptcp.checksum_enabled', checksum ? 1 : 0);
    namespace.ip('mptcp limits set subflow 4 add_addr_accepted 4');
  }
  if (subflows === 2) server.ip(`mptcp endpoint add ${address(family, 2, 2)} dev veth0 signal`);
}

function address(family: 4 | 6, path: number, end: number): string {
  return family === 4 ? `10.0.${path}.${end}` : `fd00:${path}::${end}`;
}

/** Starts tcpdump and waits until it listens; gives what ends it. */
async function startTcpdump(
  client: NetworkNamespace,
  options: LinuxCaptureOptions,
): Promise<() => Promise<void>> {
  const count = options.packets === undefined ? [] : ['-c', `${options.packets}`];
  const args = ['-i', 'veth0', '-n', '-U', '-B', '65536', '-s', `${options.snapLength ?? 0}`, ...count];
  const child = client.spawn('tcpdump', ['-Z', 'root', ...args, '-w', options.file, 'tcp'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on')) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`tcpdump: ${said}`)));
  });
  return async () => {
    if (child.exitCode === null) {
      // libpcap hands its packets over once a second.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      child.kill('SIGINT');
      await ended;
    }
    if (!/\b0 packets dropped by kernel/.test(said)) throw new Error(`tcpdump: ${said}`);
  };
}

/** Every connection has its subflows before its bytes go: however slow the machine, the transfer is not over first. */
async function transfer(
  client: NetworkNamespace,
  server: NetworkNamespace,
  options: LinuxCaptureOptions,
): Promise<void> {
  const { family = 4, subflows = 2, bytes = (options.packets ?? 1000) * 1500 } = options;
  const remote = { address: address(family, 1, 2), port: PORT };
  const ends: Socket[] = [];
  const listener = createServer((socket) => ends.push(socket.on('error', () => undefined)));
  try {
    // Joins come to the other address too.
    const everywhere = family === 4 ? '0.0.0.0' : '::';
    listener.listen({ fd: listenKernel({ address: everywhere, port: PORT, namespace: server }) });
    for (let i = 0; i < (options.parallel ?? 1); i++) {
      const accepted = once(listener, 'connection');
      const near = new Socket({ fd: connectKernel({ ...remote, namespace: client }) });
      ends.push(near.on('error', () => undefined));
      const [far] = (await accepted) as [Socket];
      await greet(near, far);
      await joined([near, far], subflows - 1);
    }
    const over = Promise.all(ends.map((end) => finished(end.resume())));
    for (const end of ends) {
      if ((end.localPort === PORT) === (options.reverse ?? false)) Readable.from(chunks(bytes)).pipe(end);
    }
    await over;
  } finally {
    for (const end of ends) end.destroy();
    listener.close();
  }
}

/** A word in each direction: then either end knows that the other has its key, and may join. */
async function greet(near: Socket, far: Socket): Promise<void> {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.write('hello');
    await once(to, 'data');
  }
}

/** Waits until both ends count so many subflows that joined. */
async function joined(ends: readonly Socket[], count: number): Promise<void> {
  const isJoined = (end: Socket): boolean =>
    (connectionInfo(descriptorOf(end))?.joinedSubflows ?? 0) >= count;
  for (let left = 6000; !ends.every(isJoined); left--) {
    if (left === 0) throw new Error('no subflow joined within a minute');
    await sleep(10);
  }
}

/** So many bytes, in pieces. */
function* chunks(bytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(1 << 16, 'subflow');
  for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
}
