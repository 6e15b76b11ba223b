/**
 * A Linux server behind a balancer that encapsulates: unpacks in the kernel's fast path, forwards what other servers have to take
 * (`XdpAgent`), and has Linux's settings be what the design wants (server-plan.ts) while it runs. Owns the order of all that, and follows
 * routes, neighbours and the clock.
 *
 * Everything is taken back at the end. What a crash left, the next start takes over or takes back; the journal of it is a file under
 * `/run`, which a restart of the machine empties together with the settings.
 */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SECOND, SubflowError } from '../../base/index.js';
import { defaultJoinPortBase } from '../../balancer/index.js';
import {
  type AgentCounters,
  type AgentPeer,
  inside,
  interfaceIndex,
  interfaceWith,
  kernelLimits,
  type NetworkNamespace,
  NextHops,
  type ReadableWatch,
  runIp,
  watchRoutes,
  XdpAgent,
  type XdpMode,
} from '../../linux/index.js';
import type { IpAddress } from '../../wire/index.js';
import { type MachineFacts, planServer, planWarnings, type ServerSetup } from './server-plan.js';
import { readSysctl, SetupJournal, type SetupStep } from './server-steps.js';

/** How to make a {@link ServerAgent}. */
export interface ServerAgentOptions extends Omit<ServerSetup, 'interfaceName'> {
  /** Default: the interface that has the server's own address. */
  readonly interfaceName?: string;
  /** Where balancers send from. */
  readonly balancers: readonly IpAddress[];
  /** Addresses of the other servers; its own among them is left out. */
  readonly peers: readonly IpAddress[];
  /** As at the balancers. */
  readonly buckets?: number;
  /** As at the balancers, ns. */
  readonly chainNs?: number;
  /** How the program is attached. Default `auto`: in the driver where it can, behind it elsewhere. */
  readonly mode?: 'auto' | XdpMode;
  /** Where the server is. Default: the namespace of the process. */
  readonly namespace?: NetworkNamespace;
  /** Where the journal is. Default `/run/subflow`. */
  readonly stateFolder?: string;
}

/** RTMGRP_IPV4_ROUTE and RTMGRP_IPV6_ROUTE (linux/rtnetlink.h). */
const ROUTE_GROUPS = 0x40 | 0x400;
/** How often the clock is compared and the interface looked for. */
const tickMs = 1000;
/** Changes of routes of so long together count as one. */
const gatherMs = 100;
const defaultStateFolder = '/run/subflow';

/** What a plan would do on this machine now; changes nothing. Throws as {@link planServer} does, and `ENODEV`. */
export function planFor(options: ServerAgentOptions): readonly SetupStep[] {
  const setup = setupOf(options);
  return planServer(setup, factsOf(setup, options.namespace, undefined));
}

/** See the module. */
export class ServerAgent {
  readonly setup: ServerSetup;
  /** How the program is attached. */
  readonly mode: XdpMode;
  /** What could not be had, and does not stop the agent: whole sentences. */
  readonly warnings: readonly string[];
  /** Resolves when the agent's work has ended by itself, with why: its interface vanished. Never rejects. */
  readonly failed: Promise<Error>;
  private readonly options: ServerAgentOptions;
  private readonly journal: SetupJournal;
  private readonly agent: XdpAgent;
  private readonly hops: NextHops;
  private readonly routes: ReadableWatch;
  private readonly tick: NodeJS.Timeout;
  private readonly index: number;
  private gathering: NodeJS.Timeout | undefined;
  private peers: readonly IpAddress[] = [];
  private fail: (error: Error) => void = () => undefined;
  private closed = false;

  private constructor(
    options: ServerAgentOptions,
    setup: ServerSetup,
    journal: SetupJournal,
    agent: XdpAgent,
  ) {
    const { namespace } = options;
    this.options = options;
    this.setup = setup;
    this.journal = journal;
    this.agent = agent;
    this.failed = new Promise((resolve) => (this.fail = resolve));
    this.index = inside(namespace, () => interfaceIndex(setup.interfaceName));
    const facts = factsOf(setup, namespace, journal);
    const steps = planServer(setup, facts);
    this.warnings = planWarnings(setup, facts);
    const inNamespace = namespace === undefined ? {} : { namespace };
    this.hops = new NextHops({ ...inNamespace, onChange: () => this.updatePeers() });
    this.routes = inside(namespace, () => watchRoutes(ROUTE_GROUPS, () => this.gather()));
    this.tick = setInterval(() => this.look(), tickMs);
    try {
      this.setPeers(options.peers);
      journal.apply(steps);
      this.mode = agent.attach({ device: setup.interfaceName, mode: options.mode ?? 'auto', ...inNamespace });
    } catch (error) {
      this.letGo();
      throw error;
    }
  }

  /**
   * Does everything that the design wants and begins to unpack.
   * @throws SubflowError `ERR_SUBFLOW_BUSY` while another agent is at work here, `ERR_SUBFLOW_UNSUPPORTED`, `ENODEV`,
   * `ERR_SUBFLOW_COMMAND_FAILED`; SystemError; VerifierError. All that was changed is taken back then.
   */
  static start(options: ServerAgentOptions): ServerAgent {
    const setup = setupOf(options);
    const journal = new SetupJournal(journalPath(options), options.namespace);
    let agent: XdpAgent | undefined;
    try {
      agent = new XdpAgent(nowNs(), { ...options, peers: [] });
      return new ServerAgent(options, setup, journal, agent);
    } catch (error) {
      agent?.close();
      journal.undo();
      throw error;
    }
  }

  /** Takes a new list of the other servers. No packet is lost. Throws `ERR_SUBFLOW_BAD_SERVER`, and keeps the old list then. */
  setPeers(peers: readonly IpAddress[]): void {
    const others = this.isChained ? peers.filter((address) => !address.equals(this.setup.address)) : [];
    this.agent.setPeers(this.withRoutes(others));
    this.peers = others;
    this.hops.follow(others);
    this.updatePeers();
  }

  /** What was counted since the start. */
  counters(): AgentCounters {
    return this.agent.counters();
  }

  /** Other servers that the way is not known to, so that nothing can be forwarded to them. */
  unreachable(): readonly IpAddress[] {
    return this.peers.filter((peer) => this.hops.hopTo(peer) === undefined);
  }

  /**
   * Stops, and takes everything back. Gives the commands for what could not be taken back; none as a rule. With `keep` the settings stay
   * for the next start, which takes them over: what is announced is not withdrawn. Twice does no harm.
   */
  close({ keep = false }: { readonly keep?: boolean } = {}): readonly string[] {
    if (this.closed) return [];
    this.letGo();
    if (!keep) return this.journal.undo();
    this.journal.release();
    return [];
  }

  /** Whether servers forward to each other at all. */
  private get isChained(): boolean {
    return this.setup.design === 'beamer';
  }

  private letGo(): void {
    this.closed = true;
    clearInterval(this.tick);
    clearTimeout(this.gathering);
    this.routes.close();
    this.hops.close();
    this.agent.close();
  }

  private updatePeers(): void {
    if (this.closed) return;
    this.agent.setPeers(this.withRoutes(this.peers));
  }

  private withRoutes(peers: readonly IpAddress[]): AgentPeer[] {
    return peers.map((address) => ({ address, route: this.hops.hopTo(address) }));
  }

  private gather(): void {
    if (this.closed || this.gathering !== undefined) return;
    this.gathering = setTimeout(() => {
      this.gathering = undefined;
      this.followRoutes();
    }, gatherMs);
  }

  /** Copies the routes of the main table again, after one of them changed. */
  private followRoutes(): void {
    if (this.closed) return;
    try {
      const steps = planServer(this.setup, factsOf(this.setup, this.options.namespace, this.journal));
      for (const step of steps)
        if (step.kind === 'ip' && step.name.startsWith('routes ')) this.journal.repeat(step);
    } catch (error) {
      // The interface, or what the routes led by, is gone: the next change of routes comes with the next one.
      if (!(error instanceof SubflowError)) throw error;
    }
  }

  private look(): void {
    this.agent.setClock(nowNs());
    try {
      if (inside(this.options.namespace, () => interfaceIndex(this.setup.interfaceName)) === this.index)
        return;
    } catch {
      // Gone: said below.
    }
    this.fail(
      new SubflowError('ENODEV', `the interface ${this.setup.interfaceName} is gone`, {
        hint: 'Start the agent again when it is back.',
      }),
    );
  }
}

/** The balancers' clock: ns since 1970. */
function nowNs(): number {
  return (Date.now() / 1000) * SECOND;
}

function setupOf(options: ServerAgentOptions): ServerSetup {
  const { design, id, address, services, namespace, largestPacketBytes, withoutTimestamps = false } = options;
  const interfaceName = options.interfaceName ?? interfaceWith(address, namespace);
  if (interfaceName === undefined) {
    throw new SubflowError('ENODEV', `no interface has the address ${address.toString()}`, {
      hint: 'Give the address that balancers send to, or name the interface.',
    });
  }
  return {
    ...{ design, id, address, services, interfaceName, withoutTimestamps },
    joinPortBase: options.joinPortBase ?? defaultJoinPortBase,
    ...(largestPacketBytes !== undefined && { largestPacketBytes }),
  };
}

/** One journal for each namespace: settings are the namespace's. */
function journalPath({ namespace, stateFolder = defaultStateFolder }: ServerAgentOptions): string {
  const identity = inside(namespace, () => readlinkSync('/proc/thread-self/ns/net'));
  return join(stateFolder, `agent-${/\d+/.exec(identity)![0]}.json`);
}

/** Looks at the machine; of what an agent changed before, it sees the state before. */
function factsOf(
  setup: ServerSetup,
  namespace: NetworkNamespace | undefined,
  journal: SetupJournal | undefined,
): MachineFacts {
  return inside(namespace, () => {
    const ip = (command: string, ...flags: string[]): string => runIp('this machine', [command], flags);
    const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
    const link = ip(`link show dev ${setup.interfaceName}`);
    return {
      interfaceMtu: Number(/\bmtu (\d+)/.exec(link)?.[1] ?? '1500'),
      sysctl: (name) => (journal === undefined ? readSysctl(name, namespace) : journal.sysctlBefore(name)),
      routes: {
        4: linesOf(ip('route show table main', '-o')),
        6: linesOf(ip('route show table main', '-o', '-6')),
      },
      limits: limitsOfKernel(),
    };
  });
}

/** Undefined where the kernel has no Multipath TCP. */
function limitsOfKernel(): MachineFacts['limits'] {
  try {
    return kernelLimits();
  } catch (error) {
    if (error instanceof SubflowError) return undefined;
    throw error;
  }
}
