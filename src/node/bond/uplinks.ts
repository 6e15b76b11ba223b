/**
 * What a bond asks of whoever looks after the uplinks: which there are, by which address each is used, and that one is used no more; and
 * how the path keeper does it.
 */
import { readFileSync } from 'node:fs';
import { LinkFactsWatch } from '../../linux/index.js';
import type { LinkKind, LinkQuality } from '../../policy/index.js';
import {
  PathKeeper,
  type PathKeeperOptions,
  uplinkCandidates,
  type Uplink as KeptUplink,
} from '../paths/index.js';
import type { LinkCounters } from './uplink-use.js';

/** An uplink as it is now. */
export interface Uplink {
  readonly name: string;
  readonly kind: LinkKind;
  readonly isMetered: boolean;
  /** As connections find it. */
  readonly quality: LinkQuality;
  /** Addresses that connections may begin from; none while it cannot be used. */
  readonly addresses: readonly string[];
  /** `used`; `backup`: only while no other works; `barred`: by its cap; `away`: no carrier, address or route. */
  readonly state: 'used' | 'backup' | 'barred' | 'away';
  /** Why it is not used, as a sentence without a full stop. */
  readonly lacks?: string;
}

/** Whoever looks after uplinks. */
export interface UplinkKeeper {
  /** The uplinks, best first. */
  readonly uplinks: readonly Uplink[];
  /** Uses an uplink no more: subflows over it end. */
  bar(name: string): void;
  /** Undoes whatever was done. */
  close(): void;
}

/** How uplinks are chosen. */
export interface UplinkChoice {
  /** Interfaces that are none. */
  readonly except: readonly string[];
  /** Interfaces whose bytes cost money. */
  readonly metered: readonly string[];
}

/** Uplinks by the path keeper: a table, rules and an endpoint for each interface with a default route, all used at once. */
export class KeptUplinks implements UplinkKeeper {
  private readonly keeper: PathKeeper;
  /** Interfaces that are no uplinks (any more): the keeper looks at this list each time. */
  private readonly except: string[];
  /** Those that were barred, as they were then. */
  private readonly barred = new Map<string, Uplink>();

  /** Throws as `PathKeeper.start`. */
  constructor(choice: UplinkChoice, onEvent?: PathKeeperOptions['onEvent']) {
    this.except = [...choice.except];
    this.keeper = PathKeeper.start({
      ...keeperOptions(choice),
      except: this.except,
      ...(onEvent !== undefined && { onEvent }),
    });
  }

  get uplinks(): readonly Uplink[] {
    const kept = this.keeper.uplinks.filter(({ name }) => !this.barred.has(name)).map(describe);
    return [...kept, ...this.barred.values()];
  }

  bar(name: string): void {
    const uplink = this.uplinks.find((each) => each.name === name);
    if (uplink === undefined || this.barred.has(name)) return;
    this.barred.set(name, { ...uplink, addresses: [], state: 'barred' });
    this.except.push(name);
  }

  close(): void {
    this.keeper.close();
  }
}

/** What {@link KeptUplinks} would do first: each interface that may be an uplink, in words, and commands of `ip`. */
export function planUplinks(choice: UplinkChoice): {
  readonly uplinks: string[];
  readonly commands: string[];
} {
  const watch = new LinkFactsWatch();
  try {
    const uplinks = uplinkCandidates(watch.links, choice).map(({ link, ways, lacks }) => {
      const from = ways.map(({ address }) => address.toString()).join(' and ');
      return `${link.name} (${link.kind}): ${lacks ?? `from ${from}`}`;
    });
    return { uplinks, commands: PathKeeper.plan(keeperOptions(choice)) };
  } finally {
    watch.close();
  }
}

function keeperOptions({ except, metered }: UplinkChoice): PathKeeperOptions {
  return {
    ...{ serviceType: 'aggregate', except },
    // A van lives on cellular uplinks: only those that were named cost money.
    isMetered: ({ name }) => metered.includes(name),
  };
}

/** The keeper's words for what uplinks do, as a bond has them. */
const states = { active: 'used', backup: 'backup', idle: 'backup', unusable: 'away' } as const;

function describe({ name, facts, quality, state, lacks, addresses }: KeptUplink): Uplink {
  const isUsable = state !== 'unusable' && quality !== 'dead';
  return {
    ...{ name, kind: facts.kind, isMetered: facts.isMetered, quality, state: states[state] },
    addresses: isUsable ? addresses.map(({ address }) => address) : [],
    ...(lacks !== undefined && { lacks }),
  };
}

/** What the interfaces of this thread's namespace carried so far, by name. */
export function linkCounters(): Map<string, LinkCounters> {
  const found = new Map<string, LinkCounters>();
  for (const line of readFileSync('/proc/thread-self/net/dev', 'utf8').split('\n')) {
    const [, name, rest] = /^\s*(\S+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) continue;
    const numbers = rest.split(/\s+/).map(Number);
    found.set(name, { received: numbers[0] ?? 0, sent: numbers[8] ?? 0 });
  }
  return found;
}
