/**
 * What a bond asks of whoever looks after the uplinks: which there are, by which address each is used, and that one is used no more; and
 * how the path keeper does it.
 */
import { LinkFactsWatch } from '../../linux/index.js';
import type { LinkKind, LinkQuality } from '../../policy/index.js';
import {
  PathKeeper,
  type PathKeeperOptions,
  uplinkCandidates,
  type Uplink as KeptUplink,
  type UplinkState,
} from '../paths/index.js';

/** An uplink as it is now. */
export interface Uplink {
  readonly name: string;
  readonly kind: LinkKind;
  readonly isMetered: boolean;
  /** As connections find it. */
  readonly quality: LinkQuality;
  /** Addresses that connections may begin from; none while it is barred or away. */
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
  /** Uses an uplink no more: subflows over it end, and connections that have no other with them. */
  bar(name: string): void;
  /** Uses it again. */
  release(name: string): void;
  /** Has these interfaces, and no others, be those whose bytes cost money. */
  setMetered(names: readonly string[]): void;
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
  private readonly choice: UplinkChoice;

  /** Throws as `PathKeeper.start`. */
  constructor(choice: UplinkChoice, onEvent?: PathKeeperOptions['onEvent']) {
    this.choice = choice;
    this.keeper = PathKeeper.start({
      ...keeperOptions(choice),
      ...(onEvent !== undefined && { onEvent }),
    });
  }

  get uplinks(): readonly Uplink[] {
    return this.keeper.uplinks.map(describe);
  }

  bar(name: string): void {
    this.keeper.bar(name, true);
  }

  release(name: string): void {
    this.keeper.release(name);
  }

  setMetered(metered: readonly string[]): void {
    this.keeper.reconfigure(keeperOptions({ ...this.choice, metered }));
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
const states = {
  ...{ active: 'used', backup: 'backup', idle: 'backup' },
  ...{ barred: 'barred', unusable: 'away' },
} as const satisfies Record<UplinkState, Uplink['state']>;

function describe({ name, facts, quality, state, lacks, addresses }: KeptUplink): Uplink {
  const isUsable = state !== 'unusable' && state !== 'barred';
  return {
    ...{ name, kind: facts.kind, isMetered: facts.isMetered, quality, state: states[state] },
    addresses: isUsable ? addresses.map(({ address }) => address) : [],
    ...(lacks !== undefined && { lacks }),
  };
}
