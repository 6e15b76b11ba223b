/**
 * The topology of the interop tests: this program's stack and a kernel in a namespace of its own, joined by two TUN
 * devices, each directly or through an emulated link.
 *
 * ```
 *   our stack   10.0.1.1 ---- link 1 ---- tun1  10.0.1.2   the kernel
 *               10.0.2.1 ---- link 2 ---- tun2  10.0.2.2
 *               fd00:1::1 ...                   fd00:1::2 ...
 * ```
 */
import type { Endpoint } from '../../../src/wire/index.js';
import { IpAddress } from '../../../src/wire/index.js';
import { NetworkNamespace, TunDevice } from '../../../src/linux/index.js';
import {
  bridge,
  Host,
  Link,
  MiddleboxDevice,
  TapDevice,
  type Device,
  type LinkSetup,
  type Middlebox,
  type PacketObserver,
} from '../../../src/network/index.js';
import { Stack, type InterfaceAddress, type StackSettings } from '../../../src/stack/index.js';
import { RealTimeWorld, SystemRandom } from './real-time-world.js';
import { TransferApplication } from './transfer.js';

export type Family = 4 | 6;

export interface TwoPathsOptions {
  readonly family: Family;
  /** Emulated links of the two paths; absent: the TUN devices are the stack's own. */
  readonly links?: readonly [LinkSetup, LinkSetup];
  /** Segmentation and checksum offload on the TUN devices; true when absent, which links then cut. */
  readonly offload?: boolean;
  /** What differs from the defaults of our stack. */
  readonly settings?: Partial<StackSettings>;
  /** Properties of our own two addresses. */
  readonly ourAddresses?: readonly [Partial<InterfaceAddress>, Partial<InterfaceAddress>];
  /** Endpoint of the kernel's second address, as in `subflow` or `signal`; none when absent. */
  readonly kernelEndpoint?: string;
  /** Sees every packet of each path, at our stack's end of it. */
  readonly observers?: readonly [PacketObserver[], PacketObserver[]];
  /** Stands before the first path, on our stack's side. */
  readonly box?: Middlebox;
  /** Paths that exist; 2 when absent. */
  readonly paths?: 1 | 2;
}

export class TwoPaths {
  readonly family: Family;
  readonly world = new RealTimeWorld();
  readonly kernel = NetworkNamespace.create('kernel');
  readonly stack: Stack;
  readonly host: Host;
  readonly application = new TransferApplication();
  readonly links: (Link | undefined)[] = [];
  readonly tuns: TunDevice[] = [];
  /** Interface IDs of our stack. */
  readonly interfaces: number[] = [];

  constructor(options: TwoPathsOptions) {
    this.family = options.family;
    this.stack = new Stack({
      random: new SystemRandom(),
      ...(options.settings === undefined ? {} : { settings: options.settings }),
    });
    this.host = new Host(this.world.simulator, 'ours', this.stack);
    try {
      for (let path = 1; path <= (options.paths ?? 2); path++) this.addPath(path, options);
      this.kernel.ip('mptcp limits set subflow 4 add_addr_accepted 4');
      if (options.kernelEndpoint !== undefined) {
        this.kernel.ip(`mptcp endpoint add ${this.kernelAddress(2)} dev tun2 ${options.kernelEndpoint}`);
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.world.act((now) => this.host.run(now, this.application));
  }

  /** Our address on a path, 1 or 2. */
  ourAddress(path: number): string {
    return this.family === 4 ? `10.0.${path}.1` : `fd00:${path}::1`;
  }

  /** The kernel's address on a path, 1 or 2. */
  kernelAddress(path: number): string {
    return this.family === 4 ? `10.0.${path}.2` : `fd00:${path}::2`;
  }

  kernelEndpoint(path: number, port: number): Endpoint {
    return { address: parseAddress(this.kernelAddress(path)), port };
  }

  ourEndpoint(path: number, port: number): Endpoint {
    return { address: parseAddress(this.ourAddress(path)), port };
  }

  /** Makes our stack do something now, and sends what follows from it. */
  act<T>(action: (now: number) => T): T {
    return this.world.act((now) => {
      const result = action(now);
      this.host.wake(now);
      return result;
    });
  }

  close(): void {
    this.world.close();
    for (const tun of this.tuns) tun.close();
    this.kernel.close();
  }

  private addPath(path: number, options: TwoPathsOptions): void {
    const name = `tun${path}`;
    const setup = options.links?.[path - 1];
    const offload = options.offload ?? true;
    const tun = new TunDevice({ name, namespace: this.kernel, offload }, this.world);
    this.tuns.push(tun);
    const bits = this.family === 4 ? 24 : 64;
    this.kernel.ip(`address add ${this.kernelAddress(path)}/${bits} dev ${name}`, `link set ${name} up`);
    // A subflow bound to an interface needs a route through it to the peer's other address.
    const other = this.family === 4 ? `10.0.${3 - path}.0/24` : `fd00:${3 - path}::/64`;
    this.kernel.ip(`route add ${other} dev ${name} metric 2000`);
    let device: Device = tun;
    let link: Link | undefined;
    if (setup !== undefined) {
      link = new Link(this.world.simulator, {
        ...setup,
        checksumOffload: offload,
        maxOffloadBytes: offload ? 65_536 : 0,
      });
      bridge(tun, link.right);
      device = link.left;
    }
    this.links.push(link);
    if (path === 1 && options.box !== undefined)
      device = new MiddleboxDevice(this.world.simulator, options.box, device);
    const observers = options.observers?.[path - 1];
    if (observers !== undefined) device = new TapDevice(device, observers);
    this.interfaces.push(
      this.world.act((now) =>
        this.host.addDevice(now, device, {
          name,
          addresses: [
            {
              address: parseAddress(this.ourAddress(path)),
              prefixLength: bits,
              ...options.ourAddresses?.[path - 1],
            },
          ],
        }),
      ),
    );
  }
}

function parseAddress(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}
