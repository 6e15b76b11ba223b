/**
 * A transfer between two kernels over two emulated paths, captured at both hosts: what the trace analyser makes of Linux is
 * seen with it. Needs the rights to make namespaces and TUN devices.
 *
 * ```
 *   client  10.0.1.1 --- box? --- link 1 ---  10.0.1.2  server
 *           10.0.2.1 --- box? --- link 2 ---  10.0.2.2
 * ```
 */
import { MILLISECOND, SeededRandom } from '../../src/base/index.js';
import { PcapngWriter, readCapture } from '../../src/capture/index.js';
import { type KernelProtocol, NetworkNamespace, TunDevice } from '../../src/linux/index.js';
import {
  bridge,
  CaptureObserver,
  type Device,
  Link,
  type LinkSetup,
  MiddleboxDevice,
  middleboxBehaviour,
  TapDevice,
} from '../../src/network/index.js';
import { type Finding, TraceAnalyzer, type TraceOptions, type TraceReport } from '../../src/trace/index.js';
import { IpAddress } from '../../src/wire/index.js';
import { RealTimeWorld } from '../interop/support/real-time-world.js';
import {
  connectFromKernel,
  KernelServer,
  type KernelTransfer,
  Payload,
} from '../interop/support/transfer.js';

export interface KernelCaptureOptions {
  /** Bytes that the server sends; 1 MB when absent. */
  readonly bytes?: number;
  /** Properties of the two links; 20 Mbit/s and 10 ms each way when absent. */
  readonly links?: readonly [LinkSetup, LinkSetup];
  /** Name of the box on the first and on the second path. */
  readonly boxes?: readonly [string | undefined, string | undefined];
  /** Flags of the client's second endpoint; none when absent. */
  readonly endpoint?: string;
  /** Commands of `ip` in the server's namespace. */
  readonly serverIp?: readonly string[];
  readonly checksum?: boolean;
  readonly serverProtocol?: KernelProtocol;
  /** Values of `sysctl` in the client's namespace. */
  readonly clientSysctl?: Readonly<Record<string, string>>;
  /** Called when the client has this many bytes. */
  readonly midway?: { readonly atByte: number; act(world: KernelWorld): unknown };
}

/** What a test may change while the transfer runs. */
export interface KernelWorld {
  readonly world: RealTimeWorld;
  readonly links: readonly Link[];
  readonly client: NetworkNamespace;
  readonly server: NetworkNamespace;
  readonly near: KernelTransfer;
}

const usualLink: LinkSetup = {
  both: { rateBps: 20e6, delayNs: 10 * MILLISECOND, queue: { ns: 50 * MILLISECOND } },
};

/** The capture of a download at both hosts; the interfaces are called `client/1`, `server/2` and so on. */
export async function captureKernels(options: KernelCaptureOptions): Promise<Uint8Array> {
  const writer = new PcapngWriter();
  const world = new RealTimeWorld();
  const client = NetworkNamespace.create('client');
  const server = NetworkNamespace.create('server');
  const devices: TunDevice[] = [];
  try {
    const links = [1, 2].map((path) => addPath({ path, world, client, server, devices, writer }, options));
    configure(client, server, options);
    await download({ world, links, client, server }, options);
    return writer.take();
  } finally {
    world.close();
    for (const device of devices) device.close();
    client.close();
    server.close();
  }
}

/** What the analyser says of a capture: as seen at one host, at both, or as if both were one. */
export function analyseAt(
  bytes: Uint8Array,
  place: 'client' | 'server' | 'both' | 'merged',
  options: TraceOptions = {},
): TraceReport {
  const analyzer = new TraceAnalyzer(options);
  const { reader, packets } = readCapture(bytes);
  for (const packet of packets) {
    const [host] = reader.interfaces[packet.interfaceIndex]!.name.split('/');
    if (place === 'both') analyzer.handle(packet, host === 'client' ? 0 : 1);
    else if (host === place || place === 'merged') analyzer.handle(packet);
  }
  return analyzer.finish();
}

/** All findings of a report. */
export function findingsOf(report: TraceReport): readonly Finding[] {
  return [...report.findings, ...report.connections.flatMap(({ findings }) => findings)];
}

interface PathPlace {
  readonly path: number;
  readonly world: RealTimeWorld;
  readonly client: NetworkNamespace;
  readonly server: NetworkNamespace;
  readonly devices: TunDevice[];
  readonly writer: PcapngWriter;
}

function addPath(
  { path, world, client, server, devices, writer }: PathPlace,
  options: KernelCaptureOptions,
): Link {
  const link = new Link(world.simulator, options.links?.[path - 1] ?? usualLink);
  const name = options.boxes?.[path - 1];
  let left: Device = link.left;
  if (name !== undefined) {
    const publicAddresses = [IpAddress.parse(`10.0.${path}.77`)!];
    const box = middleboxBehaviour(name).make({ random: new SeededRandom(path), publicAddresses });
    left = new MiddleboxDevice(world.simulator, box, left);
  }
  for (const [namespace, host, end] of [
    [client, 1, left],
    [server, 2, link.right],
  ] as const) {
    const device = new TunDevice({ name: `tun${path}`, namespace, offload: false }, world);
    devices.push(device);
    const side = host === 1 ? 'client' : 'server';
    bridge(new TapDevice(device, [new CaptureObserver(writer, { name: `${side}/${path}` })]), end);
    namespace.ip(
      `address add 10.0.${path}.${host}/24 dev tun${path}`,
      `link set tun${path} up`,
      `route add 10.0.${3 - path}.0/24 dev tun${path} metric 2000`,
      'mptcp limits set subflow 4 add_addr_accepted 4',
    );
  }
  return link;
}

function configure(client: NetworkNamespace, server: NetworkNamespace, options: KernelCaptureOptions): void {
  const { endpoint, checksum = false, clientSysctl = {}, serverIp = [] } = options;
  if (endpoint !== undefined) client.ip(`mptcp endpoint add 10.0.2.1 dev tun2 ${endpoint}`);
  if (serverIp.length > 0) server.ip(...serverIp);
  for (const namespace of [client, server]) namespace.sysctl('net.mptcp.checksum_enabled', checksum ? 1 : 0);
  for (const [name, value] of Object.entries(clientSysctl)) client.sysctl(name, value);
}

/** The client asks with 1000 bytes, and closes when it has the answer. */
async function download(place: Omit<KernelWorld, 'near'>, options: KernelCaptureOptions): Promise<void> {
  const { client, server } = place;
  const { bytes = 1_000_000, serverProtocol = 'mptcp', midway } = options;
  const [request, answer] = [new Payload(1000), new Payload(bytes)];
  const listener = new KernelServer(server, '10.0.1.2', 7000, serverProtocol);
  const setup = { address: '10.0.1.2', port: 7000, payload: request.bytes, closes: 'after-peer' } as const;
  const near = connectFromKernel(client, setup);
  if (midway !== undefined) {
    near.socket.on('data', () => {
      if (near.receivedBytes >= midway.atByte && near.socket.listenerCount('midway') > 0)
        near.socket.emit('midway');
    });
    near.socket.once('midway', () => midway.act({ ...place, near }));
  }
  const far = await listener.accept(answer.bytes);
  const [received] = await Promise.all([near.finished, far.finished]);
  listener.close();
  if (received.bytes !== bytes || received.sha256 !== answer.sha256) {
    throw new Error(`the client got ${received.bytes} bytes of ${bytes}: ${received.error ?? 'wrong ones'}`);
  }
}
