/**
 * The part of a userspace host that speaks from addresses that the kernel has: which addresses those are, and which
 * ports the kernel is to leave to the host's servers. Ports of connections are taken by the devices themselves.
 */
import { networkInterfaces } from 'node:os';
import { SubflowError } from '../base/index.js';
import { inside, type NetworkNamespace, type RawDevice } from '../linux/index.js';
import type { IpAddress } from '../wire/index.js';

/** How to speak from addresses of one of the kernel's interfaces. */
export interface RawSetup {
  /** The kernel's name of the interface. */
  readonly interface: string;
  /** Addresses that the kernel has on it, as `192.0.2.2/24`; all but link-local ones when left out. */
  readonly addresses?: readonly string[];
  /** Preference among interfaces for connections that do not choose; lower first. Default 0. */
  readonly metric?: number;
  /** Where the interface is; the caller's namespace when left out. */
  readonly namespace?: NetworkNamespace;
  /** Whether its bytes cost money; left out: whether it is cellular. */
  readonly metered?: boolean;
  /** Ports taken from the kernel for connections at a time; 1024 when left out. The one used longest ago goes first. */
  readonly maxPorts?: number;
}

/** The addresses that the kernel has on an interface, link-local ones left out. Throws `ENODEV` when there are none. */
export function kernelAddresses(name: string, namespace: NetworkNamespace | undefined): string[] {
  const all = inside(namespace, () => networkInterfaces());
  const addresses = (all[name] ?? [])
    .filter(({ address }) => !/^fe[89ab]/i.test(address))
    .flatMap(({ cidr }) => (cidr === null ? [] : [cidr]));
  if (addresses.length > 0) return addresses;
  throw new SubflowError('ENODEV', `${name} has no address to speak from`, {
    hint: 'ip address show lists interfaces and their addresses; one that is down shows none here.',
  });
}

/** The raw devices of a host, by address. */
export class RawInterfaces {
  private readonly devices: { readonly address: IpAddress; readonly device: RawDevice }[] = [];

  add(address: IpAddress, device: RawDevice): void {
    this.devices.push({ address, device });
  }

  /**
   * Takes `port` from the kernel for a server on `address`, or on all of them; on none where that fails.
   * @throws SystemError `EADDRINUSE` when a program of the kernel's has it.
   */
  listenOn(address: IpAddress | undefined, port: number): void {
    const chosen = this.of(address);
    for (const [i, { device }] of chosen.entries()) {
      try {
        device.listenOn(port);
      } catch (error) {
        for (const taken of chosen.slice(0, i)) taken.device.stopListening(port);
        throw error;
      }
    }
  }

  /** A server is gone: its port is kept only as long as those of connections. */
  stopListening(address: IpAddress | undefined, port: number): void {
    for (const { device } of this.of(address)) device.stopListening(port);
  }

  private of(address: IpAddress | undefined): readonly { readonly device: RawDevice }[] {
    return this.devices.filter((each) => address === undefined || each.address.equals(address));
  }
}
