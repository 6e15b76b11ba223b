/**
 * Captures of Multipath TCP transfers between two kernels, made by tcpdump in namespaces of the test's own. Needs root,
 * iperf3, mptcpize and tcpdump.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { NetworkNamespace } from '../../src/linux/index.js';

export interface LinuxCaptureOptions {
  /** Where the capture goes. */
  readonly file: string;
  /** Bytes that the client sends; absent: what `packets` need. */
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
    await listen(server);
    const stop = await startTcpdump(client, options);
    await transfer(client, options);
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

async function listen(server: NetworkNamespace): Promise<void> {
  const args = ['run', 'iperf3', '--server', '--port', `${PORT}`, '--one-off', '--forceflush'];
  const child = server.spawn('mptcpize', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout!, 'data');
  child.stdout!.resume();
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

async function transfer(client: NetworkNamespace, options: LinuxCaptureOptions): Promise<void> {
  const { family = 4, bytes = (options.packets ?? 1000) * 1500, reverse = false, parallel = 1 } = options;
  const args = ['run', 'iperf3', '--client', address(family, 1, 2), '--port', `${PORT}`, '--length', '16K'];
  const more = ['--bytes', `${bytes}`, '--parallel', `${parallel}`, ...(reverse ? ['--reverse'] : [])];
  const child = client.spawn('mptcpize', [...args, ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`iperf3: ${said}`);
}
