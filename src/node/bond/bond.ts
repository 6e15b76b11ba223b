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
import type { AccessRules, Network, RelayLimits, RelaySet } from '../relay/index.js';
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
import { UplinkMeter, type UplinkUse } from '../paths/index.js';
import type { Uplink, UplinkKeeper } from './uplinks.js';

/** Port of the listener, on which nobody but the rules leads anybody. */
export const DEFAULT_BOND_PORT = 5126;

/** What a bond tells of; stable names. */
export const bondEvents = {
  started: 'connections of the LAN are taken',
  uplink: 'an uplink came, went, or is used otherwise',
  capped: 'a metered uplink has had what it may have, and is used no more',
  paused: 'no uplink is left but such: connections are reset, and new ones refused',
  resumed: 'an uplink may be used again, and connections are taken',
  connected: 'a connection has its server',
  closed: 'a connection is over, with what became of it',
  refused: 'a host got no place for a connection: it was told so by a reset',
  exhausted: 'no descriptor or memory is left for a connection: it was closed as soon as it was there',
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
  /** Whether nothing goes out, for no uplink is left but such that have carried what they may. */
  readonly isPaused: boolean;
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
  private readonly meter = new UplinkMeter((name) => this.caps.has(name));
  private caps: ReadonlyMap<string, number>;
  /** State and quality of each uplink when it was looked at last. */
  private readonly known = new Map<string, string>();
  /** Uplinks that are at their cap. */
  private readonly barred: Set<string>;
  private isPaused = false;
  /** What was refused when it was asked for last, and whether it is being asked for. */
  private refused: readonly RefusedCount[] = [];
  private isAsking = false;

  private constructor(
    options: BondOptions,
    listener: TransparentListener,
    capture: Capture,
    barred: Set<string>,
  ) {
    this.options = options;
    this.caps = options.caps ?? new Map();
    this.barred = barred;
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
      const barred = new Set<string>();
      const sources = (): (string | undefined)[] => {
        const addresses = usable(keeper.uplinks).flatMap((uplink) => uplink.addresses);
        // The kernel knows no caps, and might choose an uplink that is at its own.
        return addresses.length > 0 || barred.size > 0 ? addresses : [undefined];
      };
      const upstream = new BondUpstream(via, sources);
      listener = await TransparentListener.start({
        ...{ mode: 'tproxy', port, rules: bondRules, upstream },
        ...(limits !== undefined && { limits }),
        log: (event: TransparentEvent, fields) => log?.(event, fields),
      });
      const bond = new Bond(options, listener, Capture.apply(bondPlan(options)), barred);
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
    const { keeper } = this.options;
    const names = new Set(keeper.uplinks.map(({ name }) => name));
    // What is left of those that were uplinks once is counted.
    const counters = [...interfaceBytes()].filter(([name]) => names.has(name) || this.meter.has(name));
    this.meter.look(performance.now(), new Map(counters));
    this.holdToCaps();
    this.pauseOrResume();
    const uplinks = keeper.uplinks.map((uplink) => ({ ...uplink, ...this.meter.useOf(uplink.name) }));
    this.tellChanges(uplinks);
    const { clientBytes, serverBytes } = this.listener.relays.totals;
    const { connections } = this.listener.relays;
    this.askRefused();
    const { refused, isPaused } = this;
    return { uplinks, connections, clientBytes, serverBytes, refused, isPaused };
  }

  /** Has other caps hold, by the names of the uplinks; what they carried counts on. */
  setCaps(caps: ReadonlyMap<string, number>): void {
    this.caps = caps;
    this.options.keeper.setMetered([...caps.keys()]);
    this.look();
  }

  /** Has other limits hold; nobody who has a connection loses it. */
  setLimits(limits: Partial<RelayLimits>): void {
    this.listener.relays.setLimits(limits);
  }

  /** Connections and bytes so far. */
  get relays(): RelaySet {
    return this.listener.relays;
  }

  private holdToCaps(): void {
    const { keeper } = this.options;
    const { barred, caps, meter } = this;
    const exhausted = new Set(meter.exhausted(caps).filter((name) => meter.has(name)));
    for (const name of exhausted) {
      if (barred.has(name)) continue;
      barred.add(name);
      keeper.bar(name);
      this.log('capped', { uplink: name, capBytes: caps.get(name) });
    }
    for (const name of [...barred]) {
      if (exhausted.has(name)) continue;
      barred.delete(name);
      keeper.release(name);
    }
  }

  /** Rather than on an uplink that is at its cap, connections end. */
  private pauseOrResume(): void {
    const isUsable = ({ addresses, quality }: Uplink): boolean => addresses.length > 0 && quality !== 'dead';
    const isPaused = this.barred.size > 0 && !this.options.keeper.uplinks.some(isUsable);
    if (isPaused === this.isPaused) return;
    this.isPaused = isPaused;
    this.log(isPaused ? 'paused' : 'resumed', { capped: [...this.barred] });
    if (isPaused) this.listener.relays.abortAll('capped');
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

/** Those that connections may begin from: backups after all others, and dead ones where there is nothing else. */
function usable(uplinks: readonly Uplink[]): Uplink[] {
  const alive = uplinks.filter(({ addresses, quality }) => addresses.length > 0 && quality !== 'dead');
  return [...(alive.length > 0 ? alive : uplinks)].sort(
    (a, b) => Number(a.state === 'backup') - Number(b.state === 'backup'),
  );
}
