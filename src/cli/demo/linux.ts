/**
 * The demo against this machine's kernel: a network namespace with two TUN devices is the server's host, its Multipath
 * TCP the server's transport, and the emulated links run in real time between the TUN devices and our stack.
 */

import { release } from 'node:os';
import { randomFillSync } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { NEVER, type RandomSource } from '../../base/index.js';
import {
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  mayCreateTun,
  NetworkNamespace,
  TunDevice,
  type Capability,
  type DeviceOwner,
} from '../../linux/index.js';
import { bridge, pathAddress, RealTimeDriver } from '../../network/index.js';
import type { Endpoint } from '../../wire/index.js';
import { FailureError } from '../errors.js';
import { Content } from './content.js';
import type { DemoParameters } from './parameters.js';
import type { DemoOutcome } from './result.js';
import { DemoWorld, type DemoRun } from './world.js';

/** No well-known service: analysers show the content as what it is, bytes. */
const port = 45_000;
const sampleEveryMs = 100;
/** The longest time without progress after which the demo gives up, ns. */
const patienceNs = 60e9;

/** Whether the kernel can be the peer here, and if not, why. */
export function mayRunOnLinux(): Capability {
  for (const capability of [kernelMptcp(), mayCreateTun(), mayCreateNamespaces()]) {
    if (!capability.available) return capability;
  }
  return { available: true };
}

/** Draws from the operating system's generator, a block at a time. */
class SystemRandom implements RandomSource {
  private readonly block = new Uint32Array(64);
  private next = this.block.length;

  nextUint32(): number {
    if (this.next === this.block.length) {
      randomFillSync(this.block);
      this.next = 0;
    }
    return this.block[this.next++]!;
  }
}

/** The server's host: a namespace whose kernel takes joins. */
function makeServerHost(): NetworkNamespace {
  const namespace = NetworkNamespace.create('demo-server');
  try {
    // Joins arrive on one interface for the address of another.
    namespace.sysctl('net.ipv4.conf.all.rp_filter', 0);
    namespace.sysctl('net.ipv4.conf.default.rp_filter', 0);
    namespace.ip('mptcp limits set subflows 8 add_addr_accepted 8');
    return namespace;
  } catch (error) {
    namespace.close();
    throw error;
  }
}

/** A server on the kernel's Multipath TCP. */
interface ContentServer {
  /** Stops listening and lets go of the connection, whatever state it is in. */
  close(): void;
}

/** Sends the content to whoever connects. */
function serve(namespace: NetworkNamespace, content: Content): ContentServer {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    const source = new Readable({
      read() {
        this.push(content.next() ?? null);
      },
    });
    source.pipe(socket);
  });
  const address = pathAddress(0, 'server', 4).toString();
  server.listen({ fd: listenKernel({ address, port, namespace }) });
  return {
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Runs the demo in real time against the kernel. */
export async function runOnLinux(parameters: DemoParameters, run: DemoRun): Promise<DemoOutcome> {
  const namespace = makeServerHost();
  const content = new Content(parameters.seed, parameters.sizeBytes);
  let loop: DemoLoop | undefined;
  let server: ContentServer | undefined;
  try {
    const remote = { address: pathAddress(0, 'server', 4), port };
    loop = new DemoLoop(namespace, parameters, run);
    server = serve(namespace, content);
    const world = await loop.run(remote);
    return world.outcome(loop.now(), { peer: 'linux', kernel: release(), expectedSha256: content.digest() });
  } finally {
    loop?.close();
    server?.close();
    namespace.close();
  }
}

/** Ties the emulated links to TUN devices of the server's host, and moves time and packets. */
class DemoLoop implements DeviceOwner {
  private readonly parameters: DemoParameters;
  private readonly demoRun: DemoRun;
  private readonly devices: TunDevice[] = [];
  private readonly origin = process.hrtime.bigint();
  private world: DemoWorld | undefined;
  private driver: RealTimeDriver | undefined;
  private timer: NodeJS.Timeout | undefined;
  private finish: (error?: Error) => void = () => undefined;
  private lastProgress = { bytes: 0, at: 0 };

  /** Makes the devices; `close` removes them. */
  constructor(namespace: NetworkNamespace, parameters: DemoParameters, run: DemoRun) {
    this.parameters = parameters;
    this.demoRun = run;
    [parameters.wifi, parameters.lte].forEach((path, index) => {
      // Without offload, so that the links see the packets that real ones would.
      this.devices.push(new TunDevice({ name: path.name, namespace, offload: false }, this));
      const address = pathAddress(index, 'server', 4).toString();
      namespace.ip(`address add ${address}/24 dev ${path.name}`, `link set ${path.name} up`);
    });
  }

  /** Nanoseconds since the loop was made. */
  now(): number {
    return Number(process.hrtime.bigint() - this.origin);
  }

  /** Downloads; settles when all is there, and rejects when it cannot be. */
  async run(remote: Endpoint): Promise<DemoWorld> {
    const now = this.now();
    const world = new DemoWorld(now, this.parameters, remote, new SystemRandom(), this.demoRun);
    this.world = world;
    this.driver = new RealTimeDriver(world.simulator);
    this.lastProgress.at = now;
    world.links.forEach((link, index) => bridge(link.right, this.devices[index]!));
    const sampler = setInterval(() => this.sample(world), sampleEveryMs);
    try {
      await new Promise<void>((resolve, reject) => {
        this.finish = (error) => (error === undefined ? resolve() : reject(error));
        this.endInput();
      });
    } finally {
      clearInterval(sampler);
    }
    return world;
  }

  beginInput(): number {
    const now = this.now();
    this.driver?.advance(now);
    return now;
  }

  endInput(): void {
    clearTimeout(this.timer);
    const { world, driver } = this;
    if (world === undefined || driver === undefined) return;
    const now = this.now();
    const isQuiet = driver.advance(now);
    world.cutIfDue(now);
    if (world.download.isOver) {
      this.finish();
      return;
    }
    const at = isQuiet ? driver.nextEventAt() : now;
    if (at !== NEVER)
      this.timer = setTimeout(() => this.endInput(), Math.max(0, Math.ceil((at - now) / 1e6)));
  }

  close(): void {
    clearTimeout(this.timer);
    this.world = undefined;
    for (const device of this.devices) device.close();
  }

  private sample(world: DemoWorld): void {
    const now = this.now();
    try {
      this.demoRun.onSample(world.sample(now));
    } catch (error) {
      this.finish(error as Error);
    }
    const { bytes } = world.download;
    if (bytes > this.lastProgress.bytes) this.lastProgress = { bytes, at: now };
    else if (now - this.lastProgress.at > patienceNs) {
      this.finish(new FailureError(`nothing arrived for ${patienceNs / 1e9} s`));
    }
  }
}
