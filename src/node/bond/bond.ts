/**
 * A bond: all uplinks of this machine together, for the hosts of the LAN behind it. Their TCP connections are taken as they come, and go
 * on through a converter elsewhere over Multipath TCP, which uses every uplink; whatever else they send to others is refused aloud. Owns
 * the order of things: what it sets up is undone in reverse, whatever happens.
 *
 * ```
 *  host --TCP--> [rules: capture] --> listener --> relay --> uplink 1 --\
 *                                                       \--> uplink 2 ----> converter --TCP--> server
 * ```
 */
import { performance } from 'node:perf_hooks';
import { interfaceBytes } from '../../linux/index.js';
import type { AccessRules, Network, RelayLimits } from '../relay/index.js';
import { parseNetwork } from '../relay/index.js';
import {
  Capture,
  type CapturePlan,
  familiesHere,
  type RefusedCount,
  type TransparentEvent,
  TransparentListener,
} from '../proxy/index.js';
import { BondUpstream } from './bond-upstream.js';
import { MAX_UPLINKS, UplinkMeter, type UplinkUse } from './uplink-use.js';
import type { Uplink, UplinkKeeper } from './uplinks.js';

/** Port of the listener, on which nobody but the rules leads anybody. */
export const DEFAULT_BOND_PORT = 5126;

/** What a bond tells of; stable names. */
export const bondEvents = {
  started: 'connections of the LAN are taken',
  uplink: 'an uplink came, went, or is used otherwise',
  capped: 'a metered uplink has had what it may have, and is used no more',
  connected: 'a connection has its server',
  closed: 'a connection is over, with what became of it',
  refused: 'a connection could not be made: its host was told so by a reset',
  exhausted: 'no descriptor or memory is left for a connection: it was closed as soon as it was there',
  stopping: 'no more connections are taken; those that are there may end',
  stopped: 'nothing of it is left',
} as const;

export type BondEvent = keyof typeof bondEvents;

/** How a bond is to be. */
export interface BondOptions {
  /** The converter, as in `192.0.2.1:5124`; other proxies of Multipath TCP as `subflow proxy --via` has them. */
  readonly via: string;
  /** Interfaces of the LAN. */
  readonly lan: readonly string[];
  readonly keeper: UplinkKeeper;
  readonly port?: number;
  /** Bytes, both ways, that metered uplinks may carry, by name. */
  readonly caps?: ReadonlyMap<string, number>;
  /** Destinations that the LAN's routing is left to. */
  readonly except?: readonly Network[];
  readonly limits?: Partial<RelayLimits>;
  readonly log?: (event: BondEvent, fields: Record<string, unknown>) => void;
}

/** An uplink with what it carried. */
export type UplinkReport = Uplink & UplinkUse;

/** A bond at one moment. */
export interface BondReport {
  readonly uplinks: readonly UplinkReport[];
  /** Connections at present. */
  readonly connections: number;
  /** Bytes of connections from the LAN, and to it. */
  readonly clientBytes: number;
  readonly serverBytes: number;
  /** What hosts of the LAN were refused, for it is not TCP. */
  readonly refused: readonly RefusedCount[];
}

/** Everybody: whom the rules bring comes from the LAN, and nobody else gets anywhere. The converter judges destinations. */
const bondRules: AccessRules = {
  clients: ['0.0.0.0/0', '::/0'].map(parseNetwork),
  ...{ deny: [], allowPrivate: true, allowLoopback: false },
};

/** The rules of packets that a bond needs. */
export function bondPlan({
  lan,
  port = DEFAULT_BOND_PORT,
  except = [],
}: Pick<BondOptions, 'lan' | 'port' | 'except'>): CapturePlan {
  return {
    ...{ mode: 'tproxy', port, families: familiesHere(), isLocal: false, interfaces: lan },
    ...{ except, ports: [], isRestRefused: true },
  };
}

/** See the module. */
export class Bond {
  private readonly options: BondOptions;
  private readonly listener: TransparentListener;
  private readonly capture: Capture;
  private readonly meter = new UplinkMeter();
  /** State and quality of each uplink when it was looked at last. */
  private readonly known = new Map<string, string>();
  private readonly barred = new Set<string>();
  /** All that were uplinks once: what is left of them is counted. */
  private readonly names = new Set<string>();
  /** What was refused when it was asked for last, and whether it is being asked for. */
  private refused: readonly RefusedCount[] = [];
  private isAsking = false;

  private constructor(options: BondOptions, listener: TransparentListener, capture: Capture) {
    this.options = options;
    this.listener = listener;
    this.capture = capture;
  }

  /**
   * Starts one, in the namespace of this thread. `keeper` is closed by {@link Bond.close}, and where this rejects.
   * @throws SubflowError as {@link Capture.apply}; errors of `net` where it cannot listen; `EPERM` without the rights.
   */
  static async start(options: BondOptions): Promise<Bond> {
    const { keeper, via, port = DEFAULT_BOND_PORT, limits, log } = options;
    let listener: TransparentListener | undefined;
    try {
      const sources = (): string[] => usable(keeper.uplinks).flatMap(({ addresses }) => addresses);
      const upstream = new BondUpstream(via, sources);
      listener = await TransparentListener.start({
        ...{ mode: 'tproxy', port, rules: bondRules, upstream },
        ...(limits !== undefined && { limits }),
        log: (event: TransparentEvent, fields) => log?.(event, fields),
      });
      const bond = new Bond(options, listener, Capture.apply(bondPlan(options)));
      log?.('started', { lan: options.lan, via: upstream.name, multipath: listener.isMultipath });
      bond.look();
      return bond;
    } catch (error) {
      await listener?.close();
      keeper.close();
      throw error;
    }
  }

  /** Looks at the uplinks: tells of changes, and ends the use of those whose cap is reached. Once a second or so. */
  look(): BondReport {
    const { keeper, caps = new Map<string, number>() } = this.options;
    const counters = interfaceBytes();
    const { names } = this;
    for (const { name } of keeper.uplinks) if (names.size < MAX_UPLINKS) names.add(name);
    this.meter.look(performance.now(), new Map([...counters].filter(([name]) => names.has(name))));
    for (const name of this.meter.exhausted(caps)) {
      if (this.barred.has(name) || !names.has(name)) continue;
      this.barred.add(name);
      keeper.bar(name);
      this.log('capped', { uplink: name, capBytes: caps.get(name) });
    }
    const uplinks = keeper.uplinks.map((uplink) => ({ ...uplink, ...this.meter.useOf(uplink.name) }));
    this.tellChanges(uplinks);
    const { clientBytes, serverBytes } = this.listener.relays.totals;
    const { connections } = this.listener.relays;
    this.askRefused();
    return { uplinks, connections, clientBytes, serverBytes, refused: this.refused };
  }

  /** It takes a program to ask, which nothing waits for. */
  private askRefused(): void {
    if (this.isAsking) return;
    this.isAsking = true;
    void this.capture.refused().then((refused) => {
      this.refused = refused;
      this.isAsking = false;
    });
  }

  /** Takes no more connections, lets the others end within `patienceMs`, and undoes everything. */
  async close(patienceMs = 0): Promise<void> {
    this.log('stopping', { connections: this.listener.relays.connections });
    try {
      // First: without the rules, what connections still say would not come here.
      await this.listener.close(patienceMs);
    } finally {
      try {
        this.capture.undo();
      } finally {
        this.options.keeper.close();
      }
    }
    this.log('stopped', this.listener.relays.totals);
  }

  private tellChanges(uplinks: readonly Uplink[]): void {
    const gone = [...this.known.keys()].filter((name) => uplinks.every((uplink) => uplink.name !== name));
    for (const { name, state, quality, lacks, kind, isMetered } of uplinks) {
      if (this.known.get(name) === `${state} ${quality}`) continue;
      this.known.set(name, `${state} ${quality}`);
      const why = lacks === undefined ? {} : { lacks };
      this.log('uplink', { name, state, quality, kind, metered: isMetered, ...why });
    }
    for (const name of gone) {
      this.known.delete(name);
      this.log('uplink', { name, state: 'away', lacks: 'its interface is gone, or leads nowhere' });
    }
  }

  private log(event: BondEvent, fields: Record<string, unknown>): void {
    this.options.log?.(event, fields);
  }
}

/** Those that connections may begin from: backups after all others. */
function usable(uplinks: readonly Uplink[]): Uplink[] {
  return [...uplinks].sort((a, b) => Number(a.state === 'backup') - Number(b.state === 'backup'));
}
