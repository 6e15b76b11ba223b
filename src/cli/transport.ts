/**
 * The flags that choose what carries connections: the kernel's Multipath TCP, or our engine, behind TUN devices of the
 * command's own or on addresses that the kernel has.
 */

import type { Command } from 'commander';
import { mayCreateTun, mayOpenRawSockets, runIp } from '../linux/index.js';
import {
  serviceTypes,
  UserspaceHost,
  type MultipathOptions,
  type ServiceType,
  type TransportOptions,
} from '../node/index.js';
import { requireScheduler, schedulerNames } from './algorithms.js';
import { IpAddress, type MptcpVersion } from '../wire/index.js';
import { EnvironmentError, UsageError } from './errors.js';

export interface TransportFlags {
  readonly transport?: string;
  readonly tun?: readonly string[];
  readonly raw?: readonly string[];
  readonly mptcpVersion?: string;
  readonly scheduler?: string;
  readonly serviceType?: string;
  readonly fastOpen?: true;
  readonly fastOpenWithoutCookie?: true;
}

/** What a command passes to `connect` and `createServer`; `close` removes the devices. */
export interface ChosenTransport {
  readonly options: TransportOptions &
    Pick<MultipathOptions, 'versions' | 'scheduler' | 'serviceType' | 'multipath'>;
  /** Whether Fast Open was asked for, and with which reading of cookies. */
  readonly fastOpen: false | 'with-cookie' | 'without-cookie';
  /** Our engine's addresses; empty with the kernel's transport. */
  readonly addresses: readonly string[];
  close(): void;
}

/** A point-to-point subnet: its first address is the kernel's, its second one our engine's. */
interface Subnet {
  readonly kernel: string;
  readonly engine: string;
  readonly prefixLength: number;
}

/** Adds `--transport`, `--tun`, `--raw`, `--mptcp-version`, `--scheduler`, `--service-type`, `--fast-open` and `--fast-open-without-cookie`. */
export function addTransportFlags(command: Command): Command {
  return command
    .option(
      '--transport <name>',
      "'kernel' (Linux's own MPTCP, the default where there is one) or 'userspace' (our engine; needs --tun or --raw, and root)",
    )
    .option(
      '--tun <subnet...>',
      'for userspace: a TUN device for each subnet, the first address for the kernel, the second for our engine',
    )
    .option(
      '--raw <interface...>',
      "for userspace: speak from the kernel's addresses on these interfaces, as in --raw eth0 wlan0",
    )
    .option(
      '--mptcp-version <list>',
      'for userspace: versions of Multipath TCP to speak, the preferred one first: 0 (RFC 6824), 1 (RFC 8684), 1,0 or 0,1 (default: 1,0)',
    )
    .option(
      '--scheduler <name>',
      `for userspace: which path carries the next bytes: ${schedulerNames} (default: lowest-rtt)`,
    )
    .option(
      '--service-type <name>',
      `what several paths are for: ${serviceTypes.join(', ')} (docs/service-types.md; with the kernel as root)`,
    )
    .option(
      '--fast-open',
      'let the first data go with the SYN, once there is a cookie (RFC 7413); the kernel keeps cookies between commands, our engine does not',
    )
    .option(
      '--fast-open-without-cookie',
      'the same without asking for cookies: for closed networks, set up so on both sides',
    );
}

/** Reads `10.77.0.0/30` or `fd77::/126`. Throws a {@link UsageError}. */
function parseSubnet(text: string): Subnet {
  const [prefix = '', bits = ''] = text.split('/');
  const base = IpAddress.parse(prefix);
  const prefixLength = /^\d+$/.test(bits) ? Number(bits) : NaN;
  const width = base === undefined ? 0 : base.byteLength * 8;
  if (base === undefined || !(prefixLength >= 8 && prefixLength <= width - 2) || (base.d & 3) !== 0) {
    throw new UsageError(`'${text}' is not a subnet with room for two addresses; write it like 10.77.0.0/30`);
  }
  const at = (host: number): string =>
    new IpAddress(base.family, base.a, base.b, base.c, base.d + host).toString();
  return { kernel: at(1), engine: at(2), prefixLength };
}

/** Reads `0`, `1`, `1,0` or `0,1`. Throws a {@link UsageError}. */
function parseVersions(text: string): readonly MptcpVersion[] {
  if (!/^(?:0|1|0,1|1,0)$/.test(text))
    throw new UsageError(`'${text}' is no list of versions of Multipath TCP; write 0, 1, 1,0 or 0,1`);
  return text.split(',').map((version) => (version === '0' ? 0 : 1));
}

function serviceTypeOf(name: string): ServiceType {
  const type = serviceTypes.find((each) => each === name);
  if (type !== undefined) return type;
  throw new UsageError(`there is no service type called '${name}'`, `there are: ${serviceTypes.join(', ')}`);
}

function fastOpenOf(flags: TransportFlags): ChosenTransport['fastOpen'] {
  if (flags.fastOpenWithoutCookie === true) return 'without-cookie';
  return flags.fastOpen === true ? 'with-cookie' : false;
}

/** Sets up what was asked for. Throws a {@link UsageError}, and an {@link EnvironmentError} without the rights. */
export function openTransport(flags: TransportFlags): ChosenTransport {
  const { transport, tun = [], raw = [], mptcpVersion, scheduler, serviceType } = flags;
  const fastOpen = fastOpenOf(flags);
  if (transport !== undefined && transport !== 'kernel' && transport !== 'userspace') {
    throw new UsageError(`--transport is 'kernel' or 'userspace', not '${transport}'`);
  }
  if (transport !== 'userspace') {
    if (tun.length > 0) throw new UsageError('--tun goes with --transport userspace');
    if (raw.length > 0) throw new UsageError('--raw goes with --transport userspace');
    if (mptcpVersion !== undefined) throw new UsageError('--mptcp-version goes with --transport userspace');
    if (scheduler !== undefined) throw new UsageError('--scheduler goes with --transport userspace');
    const service = serviceType === undefined ? {} : { serviceType: serviceTypeOf(serviceType) };
    // Who names the kernel's Multipath TCP wants no other TCP in its place.
    const demanded = serviceType === 'none' ? {} : ({ multipath: true } as const);
    const options = transport === undefined ? service : ({ transport, ...demanded, ...service } as const);
    return { options, fastOpen, addresses: [], close: () => undefined };
  }
  if (tun.length + raw.length === 0) {
    throw new UsageError(
      '--transport userspace needs a --tun or --raw, as in --tun 10.77.0.0/30 or --raw eth0',
    );
  }
  const subnets = tun.map(parseSubnet);
  const versions = mptcpVersion === undefined ? undefined : parseVersions(mptcpVersion);
  if (scheduler !== undefined) requireScheduler(scheduler);
  const service = serviceType === undefined ? undefined : serviceTypeOf(serviceType);
  const capabilities = [
    ...(tun.length > 0 ? [mayCreateTun()] : []),
    ...(raw.length > 0 ? [mayOpenRawSockets()] : []),
  ];
  for (const each of capabilities) if (!each.available) throw new EnvironmentError(each.reason, each.hint);
  const host = new UserspaceHost();
  try {
    for (const subnet of subnets) addDevice(host, subnet);
    for (const name of raw) host.addRaw({ interface: name });
  } catch (error) {
    host.close();
    throw error;
  }
  return {
    options: {
      transport,
      via: host,
      ...(versions !== undefined && { versions }),
      ...(scheduler !== undefined && { scheduler }),
      ...(service !== undefined && { serviceType: service }),
    },
    fastOpen,
    addresses: host.stack.interfaces.flatMap(({ addresses }) =>
      addresses.map(({ address }) => address.toString()),
    ),
    close: () => host.close(),
  };
}

function addDevice(host: UserspaceHost, { kernel, engine, prefixLength }: Subnet): void {
  const { tun } = host.addTun({ name: 'subflow%d', addresses: [`${engine}/${prefixLength}`] });
  runIp(tun.name, [
    `address add ${kernel}/${prefixLength} dev ${tun.name}${kernel.includes(':') ? ' nodad' : ''}`,
    `link set ${tun.name} up`,
  ]);
}
