/**
 * A transfer through a middlebox with the machine's kernel at one end or both: the trial of `network/`, in real time.
 * The hosts on the kernel are namespaces of their own with TUN devices; links and boxes are those of the simulation.
 */

import { createServer, type Server, Socket } from 'node:net';
import type { KernelSides, KernelTrialOutcome } from '../../experiments/index.js';
import { connectKernel, listenKernel, NetworkNamespace, TunDevice } from '../../linux/index.js';
import {
  bridge,
  type Device,
  Host,
  judgeTransfer,
  Link,
  pathAddress,
  type Side,
  TapDevice,
  trialClientAddress,
  TrialEnd,
  trialLink,
  trialPlans,
  trialPort,
  type TrialSetup,
  trialStackSettings,
  withTrialBox,
} from '../../network/index.js';
import { Stack } from '../../stack/index.js';
import { type IpAddress } from '../../wire/index.js';
import { KernelTrialEnd } from './kernel-trial-end.js';
import { RealTimeLoop } from './real-time-loop.js';

/**
 * Time in which nothing moves, no byte and no packet, after which a transfer counts as lost, in ms; a pause that the box
 * needs comes on top. Longer than the gaps between SYNs before a host makes do with plain TCP, and than those between
 * retransmissions as long as there is hope.
 */
const patienceMs = 6000;
/** How long a transfer may go on at all, in ms, beside what its bytes and pauses need. */
const limitMs = 60_000;
/** How often progress is looked at, in ms. The looks are counted, not the time: they are fewer on a busy machine. */
const lookEveryMs = 100;

/** Runs `setup` with `sides` on the kernel, once. */
export async function runKernelTrial(
  setup: TrialSetup,
  sides: KernelSides,
): Promise<Omit<KernelTrialOutcome, 'runs'>> {
  const trial = new KernelTrial(setup, sides);
  try {
    return await trial.run();
  } finally {
    trial.close();
  }
}

class KernelTrial {
  private readonly setup: TrialSetup;
  private readonly family: 4 | 6;
  private readonly paths: number;
  private readonly loop: RealTimeLoop;
  private readonly namespaces = new Map<Side, NetworkNamespace>();
  private readonly hosts = new Map<Side, Host>();
  /** What `ip` is to do in a namespace; at once, for meanwhile the packets of other trials wait. */
  private readonly commands = new Map<Side, string[]>();
  private readonly tuns: TunDevice[] = [];
  /** Packets that left a host or came to one. */
  private packets = 0;
  private readonly ends: Record<Side, TrialEnd | KernelTrialEnd>;
  private server: Server | undefined = undefined;

  constructor(setup: TrialSetup, sides: KernelSides) {
    this.setup = setup;
    this.family = setup.family ?? 4;
    this.paths = setup.placement === 'only' ? 1 : 2;
    this.loop = new RealTimeLoop(setup.seed ?? 1, () => undefined);
    const plans = trialPlans(setup);
    const makeEnd = (side: Side): TrialEnd | KernelTrialEnd => {
      const plan = plans[side];
      return sides === 'both' || sides === side
        ? new KernelTrialEnd(plan, side === 'client')
        : new TrialEnd(plan);
    };
    this.ends = { client: makeEnd('client'), server: makeEnd('server') };
    try {
      for (const side of ['client', 'server'] as const) this.addHost(side);
      for (let path = 0; path < this.paths; path++) this.addPath(path);
      for (const [side, commands] of this.commands) this.namespaces.get(side)!.ip(...commands);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Runs to the end, or until nothing moves any more. */
  async run(): Promise<Omit<KernelTrialOutcome, 'runs'>> {
    this.listen();
    this.connect();
    const isOver = await this.settled();
    const { client, server } = this.ends;
    const [clientSaw, serverSaw] = [client.observation(), server.observation()];
    const sides = ['client', 'server'] as const;
    return {
      ...judgeTransfer(clientSaw, serverSaw, { behaviour: this.setup.behaviour, paths: this.paths }),
      client: clientSaw,
      server: serverSaw,
      isOver,
      countedCorruption: sides.filter((side) => {
        const end = this.ends[side];
        return end instanceof KernelTrialEnd && end.hasCountedCorruption();
      }),
    };
  }

  close(): void {
    this.loop.close();
    this.server?.close();
    for (const end of Object.values(this.ends)) if (end instanceof KernelTrialEnd) end.close();
    for (const tun of this.tuns) tun.close();
    for (const namespace of this.namespaces.values()) namespace.close();
  }

  /**
   * Waits until both ends are done, or one has failed and the other stands still. What stands still at both ends is
   * lost, which is an end as well: the kernel's own patience is a quarter of an hour. False when it moves without end.
   */
  private async settled(): Promise<boolean> {
    const pauseMs = (this.setup.behaviour?.needs?.pauseNs ?? 0) / 1e6;
    const { bytes = 0 } = this.setup;
    const most = (limitMs + pauseMs + (4 * bytes * 8e3) / trialLink.rateBps) / lookEveryMs;
    let progress = -1;
    let stillMs = 0;
    for (let looks = 0; looks < most; looks++) {
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      const { client, server } = this.ends;
      for (const end of [client, server]) if (end instanceof KernelTrialEnd) end.look();
      if (client.isDone && server.isDone) return true;
      const now = client.receivedBytes + server.receivedBytes + this.packets;
      stillMs = now === progress ? stillMs + lookEveryMs : 0;
      if (stillMs >= patienceMs + pauseMs) return true;
      progress = now;
    }
    return false;
  }

  private addHost(side: Side): void {
    const end = this.ends[side];
    if (end instanceof KernelTrialEnd) {
      const namespace = NetworkNamespace.create(`trial-${side}`);
      this.namespaces.set(side, namespace);
      // Joins arrive on one interface for the address of another.
      namespace.sysctl('net.ipv4.conf.all.rp_filter', 0);
      namespace.sysctl('net.ipv4.conf.default.rp_filter', 0);
      namespace.sysctl('net.mptcp.checksum_enabled', (this.setup[side]?.checksum ?? true) ? 1 : 0);
      this.commands.set(side, ['mptcp limits set subflows 4 add_addr_accepted 4']);
      end.watch(namespace);
      return;
    }
    const { simulator } = this.loop;
    const settings = trialStackSettings(this.setup[side]);
    const host = new Host(simulator, side, new Stack({ random: simulator.random.fork(), settings }));
    this.hosts.set(side, host);
    this.loop.act((now) => host.run(now, end));
  }

  private addPath(path: number): void {
    const { simulator } = this.loop;
    const link = new Link(simulator, { both: trialLink });
    const counter = { observe: () => void this.packets++ };
    const wrapped = (device: Device, side: Side): Device =>
      new TapDevice(this.setup.wrap?.(device, side, path) ?? device, [counter]);
    const boxed = withTrialBox(simulator, this.setup, link.left, path);
    this.addEnd('client', path, wrapped(boxed, 'client'));
    this.addEnd('server', path, wrapped(link.right, 'server'));
  }

  private addressOf(side: Side, path: number): IpAddress {
    return side === 'client'
      ? trialClientAddress(this.setup, path)
      : pathAddress(path, 'server', this.family);
  }

  private addEnd(side: Side, path: number, device: Device): void {
    const address = this.addressOf(side, path);
    const prefixLength = this.family === 4 ? 24 : 64;
    // Without it the kernel makes an IPv6 address fit for use a little later, by a worker of its own.
    const flags = this.family === 6 ? ' nodad' : '';
    const name = `path${path}`;
    const host = this.hosts.get(side);
    if (host !== undefined) {
      const setup = { name, metric: path, addresses: [{ address, prefixLength }] };
      this.loop.act((now) => host.addDevice(now, device, setup));
      return;
    }
    const namespace = this.namespaces.get(side)!;
    // Without offload, so that links and boxes see the packets that real ones would.
    const tun = new TunDevice({ name, namespace, offload: false }, this.loop);
    this.tuns.push(tun);
    bridge(tun, device);
    const commands = this.commands.get(side)!;
    commands.push(
      `address add ${String(address)}/${prefixLength} dev ${name}${flags}`,
      `link set ${name} up`,
    );
    // Private addresses are on no path's subnet, and a join over one path goes to the address of the other.
    for (let to = 0; to < this.paths; to++) {
      const subnet = this.family === 4 ? `10.0.${to}.0/24` : `fd00:0:0:${to}::/64`;
      commands.push(`route add ${subnet} dev ${name} metric ${to === path ? 1000 : 2000 + path}`);
    }
    if (side === 'client' && path > 0) {
      commands.push(`mptcp endpoint add ${String(address)} dev ${name} subflow`);
    }
  }

  private listen(): void {
    const end = this.ends.server;
    if (end instanceof TrialEnd) {
      this.loop.act((now) => this.hosts.get('server')!.stack.listen(now, { local: { port: trialPort } }));
      return;
    }
    const namespace = this.namespaces.get('server')!;
    this.server = createServer({ allowHalfOpen: true }, (socket) => end.attach(socket));
    this.server.listen({
      fd: listenKernel({ address: this.addressOf('server', 0).toString(), port: trialPort, namespace }),
    });
  }

  private connect(): void {
    const end = this.ends.client;
    const address = this.addressOf('server', 0);
    if (end instanceof TrialEnd) {
      const host = this.hosts.get('client')!;
      const local = { address: this.addressOf('client', 0) };
      this.loop.act((now) => {
        end.begin(host.stack.connect(now, { remote: { address, port: trialPort }, local }));
        host.wake(now);
      });
      return;
    }
    const namespace = this.namespaces.get('client')!;
    const fd = connectKernel({ address: address.toString(), port: trialPort, namespace });
    end.attach(new Socket({ fd, allowHalfOpen: true }));
  }
}
