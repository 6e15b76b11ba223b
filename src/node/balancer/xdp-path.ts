/**
 * The data path in the kernel: an XDP program on each interface (linux/xdp), told the way to every server. Owns what connects the two:
 * next hops are followed, and a change of one puts another table in the place of the one at work. The programs are held by
 * descriptors: they are gone when this process is, however it ended.
 */
import {
  type DataPathCounters,
  type Generation,
  type Server,
  type TokenEntry,
  verdictReasonNames,
} from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import {
  inside,
  interfaceIndex,
  type NetworkNamespace,
  NextHops,
  XdpBalancer,
  type XdpDesign,
  xdpDesigns,
  type XdpRoute,
  watchRoutes,
} from '../../linux/index.js';
import type { IpAddress } from '../../wire/index.js';
import { errorOf } from '../net-error.js';
import { nowNs } from './clock.js';
import type { DataPath, DataPathOptions } from './data-path.js';

/** How to make one. */
export interface XdpPathOptions extends DataPathOptions {
  /** Where the interfaces are; that of the calling thread by default. */
  readonly namespace?: NetworkNamespace;
}

/** How long the beginning, and a new list of servers, waits for neighbours that do not answer, in ms. */
const neighbourWaitMs = 1000;
/** RTMGRP_LINK (linux/rtnetlink.h). */
const linkGroup = 1;
const nobody: XdpRoute = { nextHop: new Uint8Array(6), ownHop: new Uint8Array(6) };

/** Designs that the kernel cannot carry out need the data path in user space. */
export function isXdpDesign(design: string): design is XdpDesign {
  return xdpDesigns.some((each) => each === design);
}

/**
 * Makes the data path in the kernel; see {@link DataPathOptions} and {@link DataPath}.
 * @throws SubflowError `ERR_SUBFLOW_UNSUPPORTED` for a design that the kernel cannot carry out; SystemError `ENODEV`, `EBUSY` where another
 * program has the interface, `EPERM`; what `XdpBalancer` throws.
 */
export async function xdpPath(options: XdpPathOptions): Promise<DataPath> {
  const { design } = options;
  if (!isXdpDesign(design)) {
    throw new SubflowError('ERR_SUBFLOW_UNSUPPORTED', `the kernel cannot carry out ${design}`, {
      hint: `Use "path": "user" for it, or one of ${xdpDesigns.join(', ')}.`,
    });
  }
  const path = new XdpPath(options);
  try {
    await path.begin(design);
  } catch (error) {
    await path.close();
    throw error;
  }
  return path;
}

class XdpPath implements DataPath {
  readonly kind = 'xdp';
  readonly failed: Promise<Error>;
  private readonly options: XdpPathOptions;
  private readonly hops: NextHops;
  private readonly links: { close(): void };
  /** Indices of the interfaces by name, as they were at the beginning. */
  private readonly indices = new Map<string, number>();
  private fail: (error: Error) => void = () => undefined;
  private balancer: XdpBalancer | undefined;
  private generation: Generation;
  private closed = false;

  constructor(options: XdpPathOptions) {
    this.options = options;
    this.generation = options.start.generation;
    this.failed = new Promise((resolve) => (this.fail = resolve));
    const { namespace } = options;
    this.hops = new NextHops({
      ...(namespace !== undefined && { namespace }),
      onChange: () => this.renew(),
    });
    this.links = inside(this.options.namespace, () => watchRoutes(linkGroup, () => this.checkInterfaces()));
  }

  /** Everything that may fail. */
  async begin(design: XdpDesign): Promise<void> {
    const { start, services, joinPortBase, settings, interfaces, namespace, mode = 'auto' } = this.options;
    for (const name of interfaces)
      this.indices.set(
        name,
        inside(this.options.namespace, () => interfaceIndex(name)),
      );
    const { servers } = start.generation;
    await this.meet(servers.map(({ address }) => address));
    this.balancer = new XdpBalancer(nowNs(), {
      ...{ design, services, servers, source: await this.source() },
      ...(joinPortBase !== undefined && { joinPortBase }),
      ...(settings !== undefined && { settings }),
      ...(start.buckets !== undefined && { buckets: start.buckets }),
      route: (server) => this.routeTo(server),
      clock: nowNs,
    });
    for (const device of interfaces)
      this.balancer.attach({ device, mode, ...(namespace !== undefined && { namespace }) });
  }

  async apply(generation: Generation): Promise<void> {
    await this.meet(generation.servers.map(({ address }) => address));
    this.working().setServers(generation.atNs, generation.servers);
    this.generation = generation;
  }

  counters(): Promise<DataPathCounters> {
    return attempted(() => this.count());
  }

  private count(): DataPathCounters {
    const balancer = this.working();
    const counted = { ...balancer.counters() };
    const take = (name: string): number => {
      const value = counted[name] ?? 0;
      delete counted[name];
      return value;
    };
    return {
      reasons: Object.fromEntries(verdictReasonNames.map((name) => [name, take(name)])),
      ...{ joins: take('joins'), joinsByChance: take('joins-by-chance') },
      more: Object.fromEntries(Object.entries(counted).map(([name, value]) => [camelCase(name), value])),
      subflowsByServer: Object.fromEntries(
        balancer.servers.all.map(({ id }) => [id, balancer.subflowsAt(id)]),
      ),
      ...{ entries: balancer.entryCount, tableBytes: balancer.tableBytes },
    };
  }

  takeLearnedTokens(): Promise<readonly TokenEntry[]> {
    return attempted(() => this.working().takeLearnedTokens());
  }

  importTokens(entries: readonly TokenEntry[]): Promise<void> {
    return attempted(() => this.working().importTokens(entries));
  }

  close(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      this.links.close();
      this.hops.close();
      this.balancer?.close();
    }
    return Promise.resolve();
  }

  private working(): XdpBalancer {
    if (this.balancer === undefined || this.closed)
      throw new SubflowError('ERR_SUBFLOW_CLOSED', 'the data path is closed');
    return this.balancer;
  }

  /** Follows these hosts, and waits for a while until the way to each is known. */
  private async meet(hosts: readonly IpAddress[]): Promise<void> {
    this.hops.follow(hosts);
    const unknown = hosts.filter((host) => this.hops.hopTo(host) === undefined);
    // Who does not answer gets nothing until it does: to wait for it would keep the others waiting.
    await Promise.all(unknown.map((host) => this.hops.resolve(host, neighbourWaitMs).catch(() => undefined)));
    if (unknown.length > 0) this.hops.follow(hosts);
  }

  private routeTo({ address }: Server): XdpRoute {
    const hop = this.hops.hopTo(address);
    return hop ?? nobody;
  }

  private async source(): Promise<IpAddress> {
    const { source, start } = this.options;
    if (source !== undefined) return source;
    const [first] = start.generation.servers;
    if (first === undefined) {
      throw new SubflowError(
        'ERR_SUBFLOW_BAD_SERVER',
        'without servers there is no telling what to send from',
        {
          hint: 'Give an address of this machine as "source".',
        },
      );
    }
    return (this.hops.hopTo(first.address) ?? (await this.hops.resolve(first.address, neighbourWaitMs)))
      .source;
  }

  /** Has packets take the ways of now; the servers stay. */
  private renew(): void {
    if (this.closed || this.balancer === undefined) return;
    try {
      // The same list as of the same time moves no bucket.
      this.balancer.setServers(this.generation.atNs, this.generation.servers);
    } catch (error) {
      this.fail(errorOf(error));
    }
  }

  private checkInterfaces(): void {
    if (this.closed) return;
    for (const [name, index] of this.indices) {
      // The same name may be another interface by now: that one has no program.
      if (inside(this.options.namespace, () => indexNow(name)) === index) continue;
      this.fail(
        new SubflowError('ENODEV', `the interface ${name} is gone`, {
          hint: 'Start the balancer anew when it is back.',
        }),
      );
      return;
    }
  }
}

/** What `action` gives, or throws, as a promise. */
async function attempted<T>(action: () => T): Promise<Awaited<T>> {
  return await action();
}

/** Index of the interface that has this name now; undefined where none has it. */
function indexNow(name: string): number | undefined {
  try {
    return interfaceIndex(name);
  } catch {
    return undefined;
  }
}

function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
