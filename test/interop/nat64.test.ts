/**
 * A client that reaches a server with IPv4 only over two paths: one has IPv4, the other IPv6 alone, with a kernel that
 * routes it and our NAT64 behind. Every hop is a TUN device, so that every packet is a real one.
 *
 * ```
 *   our stack   10.0.1.1 ------------------------------------------------- tun1  10.0.1.2   the server
 *               2001:db8:1::2 -- in  the edge  out -- NAT64 (10.0.2.1) --- tun2  10.0.2.2
 * ```
 */
import { expect, it } from 'vitest';
import {
  kernelMptcp,
  mayCreateNamespaces,
  mayCreateTun,
  NetworkNamespace,
  TunDevice,
} from '../../src/linux/index.js';
import { bridge, Host, MiddleboxDevice, Nat64 } from '../../src/network/index.js';
import { Stack, type InterfaceOptions } from '../../src/stack/index.js';
import { IpAddress, parseNat64Prefix } from '../../src/wire/index.js';
import { describeWith } from '../support/with-rights.js';
import { RealTimeWorld, SystemRandom } from './support/real-time-world.js';
import { KernelServer, Payload, TransferApplication, type OurTransfer } from './support/transfer.js';

/** A prefix of the network's own: the well-known one is not for private addresses (RFC 6052 §3.1). */
const PREFIX = '2001:db8:64::/96';
const prefix = parseNat64Prefix(PREFIX)!;
const serverAddress = address('10.0.1.2');
const PORT = 7000;
const BYTES = 4 << 20;

function address(text: string): IpAddress {
  return IpAddress.parse(text)!;
}

/** The picture above. */
class TwoFamilies {
  readonly world = new RealTimeWorld();
  readonly server = NetworkNamespace.create('server');
  readonly stack = new Stack({ random: new SystemRandom() });
  readonly application = new TransferApplication();
  readonly box = new Nat64({ prefix, publicAddress: address('10.0.2.1'), random: new SystemRandom() });
  private readonly edge = NetworkNamespace.create('edge');
  private readonly host = new Host(this.world.simulator, 'ours', this.stack);
  private readonly tuns: TunDevice[] = [];

  constructor() {
    this.server.ip('mptcp limits set subflow 4 add_addr_accepted 4');
    const direct = this.tun(this.server, 'tun1', '10.0.1.2/24');
    const inner = this.tun(this.edge, 'in', '2001:db8:1::1/64');
    const outer = this.tun(this.edge, 'out', '2001:db8:2::1/64');
    this.edge.sysctl('net.ipv6.conf.all.forwarding', 1);
    this.edge.ip(`route add ${PREFIX} dev out`);
    const beyond = this.tun(this.server, 'tun2', '10.0.2.2/24');
    bridge(outer, new MiddleboxDevice(this.world.simulator, this.box, beyond));
    this.attach(direct, {
      name: 'IPv4',
      addresses: [{ address: address('10.0.1.1'), prefixLength: 24 }],
    });
    this.attach(inner, {
      name: 'IPv6',
      addresses: [{ address: address('2001:db8:1::2'), prefixLength: 64 }],
      nat64Prefixes: [prefix],
    });
    this.world.act((now) => this.host.run(now, this.application));
  }

  /** Connects from the address `local` and sends `payload`. */
  connect(payload: Uint8Array, local: IpAddress): OurTransfer {
    return this.world.act((now) => {
      const remote = { address: serverAddress, port: PORT };
      const socket = this.stack.connect(now, { remote, local: { address: local } });
      const transfer = this.application.add(socket, payload);
      this.host.wake(now);
      return transfer;
    });
  }

  close(): void {
    this.world.close();
    for (const tun of this.tuns) tun.close();
    this.edge.close();
    this.server.close();
  }

  private tun(namespace: NetworkNamespace, name: string, of: string): TunDevice {
    const device = new TunDevice({ name, namespace, offload: false }, this.world);
    this.tuns.push(device);
    namespace.ip(`address add ${of} dev ${name}`, `link set ${name} up`);
    return device;
  }

  private attach(device: TunDevice, options: Omit<InterfaceOptions, 'mtu' | 'capabilities'>): void {
    this.world.act((now) => this.host.addDevice(now, device, options));
  }
}

describeWith(
  'a server with IPv4 only (RFC 6146)',
  [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()],
  () => {
    it.each([
      ['IPv4', ['10.0.1.1', '2001:db8:1::2']],
      ['IPv6', ['2001:db8:1::2', '10.0.1.1']],
    ] as const)(
      'is reached over IPv4 and through a NAT64 at once, by a connection that begins over %s',
      async (_family, expected) => {
        const paths = new TwoFamilies();
        try {
          const [up, down] = [new Payload(BYTES), new Payload(BYTES)];
          const listener = new KernelServer(paths.server, '0.0.0.0', PORT);
          const ours = paths.connect(up.bytes, address(expected[0]));
          const kernel = await listener.accept(down.bytes);
          const { connection } = ours.socket;
          await ours.until(
            () =>
              connection.subflows.filter(
                ({ state, bytesReceived }) => state === 'active' && bytesReceived > 0,
              ).length === 2,
          );
          const locals = connection.subflows.map(({ local }) => local.address.toString());
          expect(locals).toEqual(expected);
          const whole = { bytes: BYTES, error: undefined };
          expect(await ours.finished).toEqual({ ...whole, sha256: down.sha256 });
          expect(await kernel.finished).toEqual({ ...whole, sha256: up.sha256 });
          expect(connection.fallbackCause).toBeUndefined();
          expect(paths.box.counters).toMatchObject({ droppedTooBig: 0, droppedOther: 0, droppedUnbound: 0 });
          expect(paths.box.counters.translated).toBeGreaterThan(100);
          listener.close();
        } finally {
          paths.close();
        }
      },
    );
  },
);
