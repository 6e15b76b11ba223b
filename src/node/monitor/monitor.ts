/**
 * Looks at the Multipath TCP connections of a network namespace. Owns the sockets that ask the kernel; the caller says when.
 *
 * Read first: sock_diag(7), network_namespaces(7).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import {
  ConnectionList,
  insideNamespaceAt,
  type KernelPathEvent,
  KernelPathEvents,
  mayManagePaths,
  MibCounters,
  parseMibCounters,
} from '../../linux/index.js';
import { type ConnectionFilter } from './filter.js';
import { type MonitorLook, MonitorModel } from './model.js';

/** Connections, and subflows, that are looked at by default. */
export const defaultMonitorLimit = 100_000;
/** Bytes of /proc/net/netstat: some 10 KiB at present. */
const COUNTERS_BYTES = 64 << 10;

/** What to look at. */
export interface MonitorOptions {
  /** A namespace by path, or by its name for ip-netns(8). Default: that of this process. */
  readonly namespace?: string | undefined;
  /** Most connections, and most subflows with plain connections. Default 100,000. */
  readonly limit?: number;
  /** Connections to tell of; sums are of all. Default all. */
  readonly filter?: ConnectionFilter;
}

/** See the module. */
export class ConnectionMonitor {
  /** Whether events can be heard: that takes CAP_NET_ADMIN. */
  readonly seesEvents: boolean;
  private readonly list: ConnectionList;
  private readonly countersFd: number;
  private readonly namespace: string | undefined;
  private readonly filter: ConnectionFilter;
  private readonly model: MonitorModel;
  private readonly buffer = Buffer.alloc(COUNTERS_BYTES);
  private events: KernelPathEvents | undefined;

  /**
   * @throws SystemError for a namespace that is none, or may not be entered.
   */
  constructor({ namespace, limit = defaultMonitorLimit, filter = () => true }: MonitorOptions = {}) {
    this.namespace = namespace;
    this.filter = filter;
    this.seesEvents = mayManagePaths().available;
    this.model = new MonitorModel(this.seesEvents);
    [this.list, this.countersFd] = insideNamespaceAt(namespace, () => [
      new ConnectionList(limit),
      // A descriptor of it stays with the namespace that it was opened in.
      openSync('/proc/thread-self/net/netstat', 'r'),
    ]);
  }

  /**
   * Has `onEvent` told what the kernel tells of connections and subflows, until closed, and `onLost` where that was too much at once.
   * @throws SystemError `EPERM` without CAP_NET_ADMIN.
   */
  watch(onEvent: (event: KernelPathEvent) => void, onLost: () => void): void {
    this.events ??= insideNamespaceAt(this.namespace, () => new KernelPathEvents(onEvent, onLost));
  }

  /** Looks. @throws NetlinkError `ENOENT` where the kernel has no diagnosis of Multipath TCP. */
  look(): MonitorLook {
    const look = this.model.look({
      nowMs: Date.now(),
      listing: this.list.read(),
      counters: this.readCounters(),
    });
    return { ...look, connections: look.connections.filter(this.filter) };
  }

  close(): void {
    this.events?.close();
    this.list.close();
    closeSync(this.countersFd);
  }

  private readCounters(): MibCounters {
    try {
      const length = readSync(this.countersFd, this.buffer, 0, COUNTERS_BYTES, 0);
      return parseMibCounters(this.buffer.toString('latin1', 0, length));
    } catch {
      return new MibCounters(new Map());
    }
  }
}
