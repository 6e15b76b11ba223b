/**
 * Bulk goodput between our stack and the kernel over TUN devices, as a share of what two kernels reach over veth
 * interfaces in the same run; one subflow and two. The kernel's side is Debian's iperf3 under mptcpize, in namespaces of
 * the program's own. Needs root, iperf3 and mptcpize.
 */
import { once } from 'node:events';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun, NetworkNamespace } from '../src/linux/index.js';
import { UserspaceHost } from '../src/node/index.js';
import { IpAddress } from '../src/wire/index.js';
import { runIperf3 } from './iperf3.js';
import type { BenchResult } from './result.js';

const PORT = 5201;
const SECONDS = 3;
const WARM_UP_SECONDS = 1;
const TARGET = 0.5;
/**
 * Lengths of iperf3's writes and reads. Each is tried and the better figure counts, of the peer and of ours: Linux 6.18 stalls
 * again and again with the default of 128 KiB (MPTcpExtMPTCPRetrans counts it), which would flatter us.
 */
const BLOCKS = [16 << 10, 128 << 10] as const;

type Paths = 1 | 2;

export async function run(): Promise<BenchResult[]> {
  for (const capability of [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()]) {
    if (capability.available) continue;
    process.stderr.write(
      `bench: stack.receive and stack.send left out: ${capability.reason}. ${capability.hint}\n`,
    );
    return [];
  }
  const results: BenchResult[] = [];
  for (const paths of [1, 2] as const) {
    const kernel = await best((block) => kernelToKernel(paths, block));
    const suffix = paths === 1 ? '' : '2';
    for (const sender of ['kernel', 'us'] as const) {
      const ours = await best((block) => withOurStack(paths, sender, block));
      const layer = sender === 'kernel' ? `stack.receive${suffix}` : `stack.send${suffix}`;
      results.push(
        {
          name: `${layer}.vsKernel`,
          value: round(ours / kernel),
          unit: 'ratio',
          better: 'higher',
          target: TARGET,
          peer: 'linux',
        },
        {
          name: `${layer}.bps`,
          value: Math.round(ours),
          unit: 'bit/s',
          better: 'higher',
          target: null,
          peer: null,
        },
      );
    }
    results.push({
      name: `stack.receive${suffix}.kernelBps`,
      value: Math.round(kernel),
      unit: 'bit/s',
      better: 'higher',
      target: null,
      peer: null,
    });
  }
  return results;
}

/** The better of the runs with each block length. */
async function best(measure: (blockBytes: number) => Promise<number>): Promise<number> {
  let most = 0;
  for (const block of BLOCKS) most = Math.max(most, await measure(block));
  return most;
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

/** Two kernels, joined by as many veth pairs as there are paths, in bit/s. */
async function kernelToKernel(paths: Paths, blockBytes: number): Promise<number> {
  const client = NetworkNamespace.create('client');
  const server = NetworkNamespace.create('server');
  try {
    for (let path = 1; path <= paths; path++) {
      client.connectTo(server, `veth${path}`, `veth${path}`);
      client.ip(`address add 10.0.${path}.1/24 dev veth${path}`);
      server.ip(`address add 10.0.${path}.2/24 dev veth${path}`);
    }
    for (const namespace of [client, server]) namespace.ip('mptcp limits set subflow 4 add_addr_accepted 4');
    // The server names its second address, so that the join takes the second pair.
    if (paths === 2) server.ip('mptcp endpoint add 10.0.2.2 dev veth2 signal');
    await startServer(server);
    const args = [
      'run',
      'iperf3',
      '--client',
      '10.0.1.2',
      '--time',
      `${SECONDS}`,
      '--omit',
      `${WARM_UP_SECONDS}`,
      '--length',
      `${blockBytes}`,
      '--json',
    ];
    const iperf3 = client.spawn('mptcpize', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    iperf3.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(iperf3, 'close');
    const report = JSON.parse(output) as { end: { sum_received: { bits_per_second: number } } };
    expectJoins(server, paths);
    return report.end.sum_received.bits_per_second;
  } finally {
    client.close();
    server.close();
  }
}

/** Our stack and a kernel, joined by as many TUN devices as there are paths, in bit/s. */
async function withOurStack(paths: Paths, sender: 'us' | 'kernel', blockBytes: number): Promise<number> {
  const kernel = NetworkNamespace.create('kernel');
  const host = new UserspaceHost();
  try {
    kernel.ip('mptcp limits set subflow 4 add_addr_accepted 4');
    for (let path = 1; path <= paths; path++) {
      const { tun } = host.addTun({
        name: `tun${path}`,
        namespace: kernel,
        addresses: [`10.0.${path}.1/24`],
      });
      kernel.ip(`address add 10.0.${path}.2/24 dev ${tun.name}`, `link set ${tun.name} up`);
    }
    await startServer(kernel);
    const remote = { address: IpAddress.parse('10.0.1.2')!, port: PORT };
    const bits = await runIperf3(host, {
      remote,
      sender,
      blockBytes,
      seconds: SECONDS,
      warmUpSeconds: WARM_UP_SECONDS,
    });
    expectJoins(kernel, paths);
    return bits;
  } finally {
    host.close();
    kernel.close();
  }
}

/** Starts an iperf3 server inside and waits until it listens. */
async function startServer(namespace: NetworkNamespace): Promise<void> {
  const server = namespace.spawn(
    'mptcpize',
    ['run', 'iperf3', '--server', '--port', `${PORT}`, '--one-off', '--forceflush'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  await Promise.race([
    once(server.stdout!, 'data'),
    once(server, 'error').then(([error]) => Promise.reject(error as Error)),
    once(server, 'exit').then(() =>
      Promise.reject(new Error('iperf3 did not start: is it installed, with mptcpize?')),
    ),
  ]);
  server.stdout!.resume();
}

/** A measurement over fewer or more subflows than it says is none: two connections, each with a join per further path. */
function expectJoins(server: NetworkNamespace, paths: Paths): void {
  const counters = server.counters();
  const joins = counters.get('MPTcpExtMPJoinAckRx');
  if (counters.get('MPTcpExtMPCapableACKRX') !== 2 || joins !== 2 * (paths - 1)) {
    throw new Error(
      `not the subflows that were to be measured: ${JSON.stringify(counters.nonZero('MPTcpExt'))}`,
    );
  }
}
