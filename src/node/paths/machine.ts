/**
 * The parts of the kernel that a path keeper looks at and acts on, in one network namespace: endpoints and limits, tables and rules,
 * subflows, commands to single connections, counters. Every step goes through {@link Machine.apply}; a machine that only rehearses
 * writes down what it is told, and does nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  inside,
  type InterfaceBytes,
  interfaceBytes,
  KernelEndpoints,
  KernelPathCommands,
  kernelPathManager,
  mptcpSysctl,
  namespaceName,
  openTogether,
  type NetworkNamespace,
  parseMibCounters,
  RouteTables,
  SubflowList,
} from '../../linux/index.js';
import type { Step } from './steps.js';

export class Machine {
  readonly namespace: NetworkNamespace | undefined;
  /** The name of the namespace, for files. */
  readonly name: string;
  readonly endpoints: KernelEndpoints;
  readonly tables: RouteTables;
  readonly subflows: SubflowList;
  readonly connections: KernelPathCommands;
  /** The steps that were rehearsed; undefined where they are done. */
  readonly rehearsed: Step[] | undefined;

  /**
   * Opens what it takes in a namespace, by default that of the calling thread.
   * @throws NetlinkError `ENOENT` where the kernel has no Multipath TCP.
   */
  constructor(namespace: NetworkNamespace | undefined, isRehearsal = false) {
    this.namespace = namespace;
    this.rehearsed = isRehearsal ? [] : undefined;
    [this.name, this.endpoints, this.tables, this.subflows, this.connections] = inside(namespace, () =>
      openTogether(
        (keep) =>
          [
            namespaceName(),
            keep(new KernelEndpoints()),
            keep(new RouteTables()),
            keep(new SubflowList()),
            keep(new KernelPathCommands()),
          ] as const,
      ),
    );
  }

  /** Does a step. @throws NetlinkError with the kernel's reason. */
  apply(step: Step): void {
    if (this.rehearsed !== undefined) {
      this.rehearsed.push(step);
      return;
    }
    switch (step.do) {
      case 'add-route':
        return this.tables.addRoute(step.route);
      case 'remove-route':
        return this.tables.removeRoute(step.route);
      case 'add-rule':
        return this.tables.addRule(step.rule);
      case 'remove-rule':
        return this.tables.removeRule(step.rule);
      case 'add-endpoint': {
        const { interfaceIndex, isBackup } = step;
        const flags = isBackup ? (['subflow', 'backup'] as const) : (['subflow'] as const);
        return this.endpoints.add({ address: step.address.toString(), flags, interfaceIndex });
      }
      case 'remove-endpoint':
        return this.endpoints.remove(step.id);
      case 'end-initial':
        return this.endpoints.removeInitial(step.address.toString());
      case 'set-backup':
        return this.endpoints.setFlags(step.id, step.isBackup ? ['backup'] : []);
      case 'set-subflow-limit':
        return this.endpoints.setLimits({ subflows: step.subflows });
      case 'forgive-black-holes':
        return inside(this.namespace, () =>
          writeFileSync('/proc/sys/net/mptcp/blackhole_timeout', String(step.timeoutS)),
        );
    }
  }

  /** Whether new connections take commands of user space. */
  get isUserspaceManaged(): boolean {
    return inside(this.namespace, kernelPathManager) === 'userspace';
  }

  /** How long the kernel avoids Multipath TCP after SYNs with its option were lost, in s; 0: not at all, or it does not know how to. */
  get blackHoleTimeoutS(): number {
    return Number(inside(this.namespace, () => mptcpSysctl('blackhole_timeout')) ?? 0);
  }

  /** How often the kernel took it that Multipath TCP gets lost (MPTcpExtBlackhole). */
  get blackHoles(): number {
    const text = inside(this.namespace, () => readFileSync('/proc/thread-self/net/netstat', 'utf8'));
    return Number(parseMibCounters(text).get('MPTcpExtBlackhole') ?? 0);
  }

  /** Bytes by the name of the interface. */
  linkBytes(): Map<string, InterfaceBytes> {
    return inside(this.namespace, interfaceBytes);
  }

  close(): void {
    this.endpoints.close();
    this.tables.close();
    this.subflows.close();
    this.connections.close();
  }
}
