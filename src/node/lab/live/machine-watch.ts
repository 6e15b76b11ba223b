/**
 * Looks at this machine for as long as somebody wants to know, and no longer: with the last reader the sockets that ask the kernel are
 * closed. All readers see the same looks. Owns the timer; what a look holds is made in machine-state.ts.
 */
import type { MachinePaths, MachineService } from '../../../lab/index.js';
import {
  insideNamespaceAt,
  kernelMptcp,
  kernelPathManager,
  LinkWatch,
  mayManagePaths,
  type WatchedLink,
  withKernelEndpoints,
} from '../../../linux/index.js';
import { findServices } from '../../daemon/services.js';
import { ConnectionMonitor, type MonitoredConnection, type MonitorLook } from '../../monitor/index.js';
import { messageOf } from '../../net-error.js';
import { EventLog } from './event-log.js';
import { endpointsWithUse, type MachinePicture, pictureOf, wordsOf } from './machine-state.js';

/** Time between two looks, in ms. */
export const LOOK_EVERY_MS = 1000;
/** Connections that are looked at; the page is told of the busiest. */
const MAX_CONNECTIONS = 20_000;
/** Counters whose rise is an event: fall-backs, joins that failed, resets. */
const toldCounters = /fallback|fail|infinite|reset|rst|csum/i;

export interface MachineWatchOptions {
  /** A namespace by path, or by its name for ip-netns(8). Default: that of this process. */
  readonly namespace?: string | undefined;
  /** Whether pictures say that endpoints and limits may be changed; that takes rights as well. */
  readonly allowsControl?: boolean;
  /** Where commands announce themselves. Default: see {@link findServices}. */
  readonly serviceFolders?: readonly string[] | undefined;
}

/** Takes each look: the same text of JSON for all, without the closing brace's events. */
export type TakePicture = (picture: MachinePicture) => void;

/** See the module. */
export class MachineWatch {
  readonly events = new EventLog();
  private readonly options: MachineWatchOptions;
  private readonly readers = new Set<TakePicture>();
  private monitor: ConnectionMonitor | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;
  /** Why connections cannot be looked at; empty where they can. */
  private refusal = '';
  /** Connections that had fallen back at the last look, by inode. */
  private fallenBack: ReadonlySet<number> | undefined = undefined;
  private services: readonly MachineService[] = [];
  private isAskingServices = false;

  constructor(options: MachineWatchOptions) {
    this.options = options;
  }

  /** Whether the kernel is looked at. */
  get isLooking(): boolean {
    return this.timer !== undefined;
  }

  /** Has `take` called with each picture, the first at once, until what is given back is called. */
  subscribe(take: TakePicture): () => void {
    this.readers.add(take);
    if (this.timer === undefined) this.begin();
    this.look();
    return () => {
      this.readers.delete(take);
      if (this.readers.size === 0) this.end();
    };
  }

  /** Looks now, and tells everybody: something was changed. */
  look(): void {
    if (this.readers.size === 0) return;
    const picture = this.picture();
    for (const take of this.readers) take(picture);
  }

  close(): void {
    this.readers.clear();
    this.end();
  }

  private begin(): void {
    const { namespace } = this.options;
    this.refusal = '';
    this.fallenBack = undefined;
    try {
      const kernel = insideNamespaceAt(namespace, kernelMptcp);
      if (!kernel.available) this.refusal = `${sentence(kernel.reason)} ${kernel.hint}`;
      else this.monitor = new ConnectionMonitor({ namespace, limit: MAX_CONNECTIONS });
    } catch (error) {
      this.refusal = sentence(messageOf(error));
    }
    this.hear();
    this.askServices();
    this.timer = setInterval(() => {
      this.askServices();
      this.look();
    }, LOOK_EVERY_MS);
  }

  private end(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.monitor?.close();
    this.monitor = undefined;
  }

  /** Has events told, where they may be heard; without them looks go on. */
  private hear(): void {
    if (this.monitor?.seesEvents !== true) return;
    try {
      this.monitor.watch(
        (event) => this.events.add(Date.now(), wordsOf(event)),
        () => this.events.lose(),
      );
    } catch (error) {
      this.refusal = `Events cannot be heard: ${sentence(messageOf(error))}`;
    }
  }

  private picture(): MachinePicture {
    const atMs = Date.now();
    const lacks: string[] = [];
    const look = this.lookAtConnections(lacks);
    if (look !== undefined) this.noteFallbacks(atMs, look);
    const rights = mayManagePaths();
    if (this.options.allowsControl === true && !rights.available)
      lacks.push(`Nothing can be changed: ${rights.reason}. ${rights.hint}`);
    return pictureOf({
      ...{ atMs, look, lacks, services: this.services },
      paths: this.paths(look?.connections ?? [], lacks),
      allowsControl: this.options.allowsControl === true && rights.available,
    });
  }

  private lookAtConnections(lacks: string[]): MonitorLook | undefined {
    if (this.refusal !== '') lacks.push(this.refusal);
    try {
      return this.monitor?.look();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      lacks.push(
        code === 'ENOENT'
          ? 'The kernel has no diagnosis of Multipath TCP sockets: modprobe mptcp_diag (Linux 5.9 or newer).'
          : sentence(messageOf(error)),
      );
      return undefined;
    }
  }

  /** What spoke Multipath TCP, or was not there, and speaks plain TCP now; and what the kernel counted of that kind. */
  private noteFallbacks(atMs: number, { connections, counted, sinceMs }: MonitorLook): void {
    const fallen = connections.filter(({ fallback }) => fallback);
    if (this.fallenBack !== undefined) {
      for (const { inode, token, local, remote } of fallen)
        if (!this.fallenBack.has(inode))
          this.events.add(atMs, { type: 'fell-back', token, said: `${local} to ${remote}` });
    }
    this.fallenBack = new Set(fallen.map(({ inode }) => inode));
    if (sinceMs === null) return;
    for (const [name, by] of Object.entries(counted))
      if (toldCounters.test(name))
        this.events.add(atMs, { type: 'counted', token: '', said: `${name.replace('MPTcpExt', '')} +${by}` });
  }

  private paths(connections: readonly MonitoredConnection[], lacks: string[]): MachinePaths {
    try {
      return insideNamespaceAt(this.options.namespace, () => {
        const links = readLinks();
        // The kernel shows endpoints to those who may change them.
        const isShown = mayManagePaths().available;
        return {
          pathManager: kernelPathManager() ?? null,
          limits: withKernelEndpoints((kernel) => kernel.limits()),
          endpoints: isShown
            ? withKernelEndpoints((kernel) => endpointsWithUse(kernel.list(), connections, links))
            : null,
          links: links.filter(({ isLoopback }) => !isLoopback).map(linkOf),
        };
      });
    } catch (error) {
      if (this.refusal === '') lacks.push(`Paths cannot be seen: ${sentence(messageOf(error))}`);
      return { pathManager: null, limits: null, endpoints: null, links: [] };
    }
  }

  /** Services answer when they do: the next look tells of it. */
  private askServices(): void {
    if (this.isAskingServices) return;
    this.isAskingServices = true;
    void findServices(this.options.serviceFolders)
      .then((found) => (this.services = found))
      .finally(() => (this.isAskingServices = false));
  }
}

function readLinks(): readonly WatchedLink[] {
  const watch = new LinkWatch();
  try {
    return watch.links;
  } finally {
    watch.close();
  }
}

function linkOf({ name, kind, hasCarrier, addresses }: WatchedLink): MachinePaths['links'][number] {
  const global = addresses.filter(({ scope }) => scope !== 'link' && scope !== 'host');
  return { name, kind, hasCarrier, addresses: global.map(({ address }) => address.toString()) };
}

/** A reason as a sentence. */
function sentence(text: string): string {
  const begun = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
