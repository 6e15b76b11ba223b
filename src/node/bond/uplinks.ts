/**
 * What a bond asks of whoever looks after the uplinks: which there are, by which address each is used, and that one is used no more.
 * Here is the simplest of them, which leaves routes and endpoints to others and only looks.
 */
import { readFileSync } from 'node:fs';
import { kernelEndpoints, LinkFactsWatch, runIp } from '../../linux/index.js';
import type { LinkKind } from '../../policy/index.js';
import type { LinkCounters } from './uplink-use.js';

/** An uplink as it is now. */
export interface Uplink {
  readonly name: string;
  readonly kind: LinkKind;
  readonly isMetered: boolean;
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
  close(): Promise<void>;
}

/** How uplinks are chosen. */
export interface UplinkChoice {
  /** Interfaces that are none. */
  readonly except: readonly string[];
  /** Interfaces whose bytes cost money, beside cellular ones. */
  readonly metered: readonly string[];
}

/** Uplinks as somebody else keeps them: interfaces with an address and a default route. Only endpoints of those that are barred go. */
export class StandingUplinks implements UplinkKeeper {
  private readonly watch: LinkFactsWatch;
  private readonly choice: UplinkChoice;
  private readonly barred = new Set<string>();
  /** Commands of `ip` that bring back the endpoints that were taken away. */
  private readonly undoing: string[] = [];

  constructor(choice: UplinkChoice) {
    this.choice = choice;
    this.watch = new LinkFactsWatch({
      isMetered: ({ kind, name }) => kind === 'cellular' || choice.metered.includes(name),
    });
  }

  get uplinks(): readonly Uplink[] {
    const { except } = this.choice;
    return this.watch.links
      .filter((link) => !link.isLoopback && !except.includes(link.name))
      .filter(({ defaultRoutes }) => defaultRoutes.length > 0)
      .map((link): Uplink => {
        const { name, kind, hasCarrier } = link;
        const addresses = link.addresses
          .filter(({ scope }) => scope === 'global')
          .map(({ address }) => address.toString());
        const lacks = !hasCarrier
          ? 'it has no carrier'
          : addresses.length === 0
            ? 'it has no address'
            : undefined;
        const isBarred = this.barred.has(name);
        return {
          ...{ name, kind, isMetered: this.watch.factsOf(link).isMetered },
          addresses: isBarred || lacks !== undefined ? [] : addresses,
          state: isBarred ? 'barred' : lacks === undefined ? 'used' : 'away',
          ...(lacks !== undefined && { lacks }),
        };
      });
  }

  bar(name: string): void {
    this.barred.add(name);
    const own = new Set(this.watch.find(name)?.addresses.map(({ address }) => address.toString()));
    for (const { address, flags, id } of kernelEndpoints()) {
      if (!own.has(address)) continue;
      // Subflows from there end with it.
      runIp('this machine', [`mptcp endpoint delete id ${id}`]);
      this.undoing.push(`mptcp endpoint add ${address} dev ${name} id ${id} ${flags.join(' ')}`);
    }
  }

  close(): Promise<void> {
    this.watch.close();
    for (const command of this.undoing.splice(0)) {
      try {
        runIp('this machine', [command]);
      } catch {
        // The interface is gone, and its endpoint with it.
      }
    }
    return Promise.resolve();
  }
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
