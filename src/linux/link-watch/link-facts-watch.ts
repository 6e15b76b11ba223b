/**
 * The facts of a namespace's links, as path policies want them: what {@link LinkWatch} sees, which links cost money, and the strength of
 * Wi-Fi signals, which is asked for every two seconds while a Wi-Fi link is up and somebody wants facts: nl80211 announces no change
 * of it, and an access point beacons ten times a second.
 */
import { type LinkFacts } from '../../policy/index.js';
import type { NetworkNamespace } from '../namespace.js';
import type { LinkChange, WatchedLink } from './link-table.js';
import { LinkWatch } from './link-watch.js';
import { Wireless } from './wireless.js';

/** How often signals are asked for, in ms. */
export const SIGNAL_INTERVAL_MS = 2000;

export interface LinkFactsOptions {
  /** Where the links are; the calling thread's namespace when left out. */
  readonly namespace?: NetworkNamespace;
  /** Which links cost money; those of kind `cellular` when left out. */
  readonly isMetered?: (link: WatchedLink) => boolean;
  /** Called from the event loop when the facts, addresses or routes of links changed, with the links as they are; gone ones are left out. */
  readonly onChange?: (links: readonly WatchedLink[]) => void;
}

/** See the module. Holds no process alive. */
export class LinkFactsWatch {
  private readonly watch: LinkWatch;
  private readonly wireless: Wireless;
  private readonly isMetered: (link: WatchedLink) => boolean;
  private readonly onChange: (links: readonly WatchedLink[]) => void;
  /** By the number of the link: one object for as long as nothing changes. */
  private readonly facts = new Map<number, LinkFacts>();
  /** Average strength by the number of the link, in dBm. */
  private readonly signals = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  /** Looks at once. @throws SystemError where the system allows no such sockets. */
  constructor(options: LinkFactsOptions = {}) {
    const { namespace } = options;
    this.isMetered = options.isMetered ?? (({ kind }) => kind === 'cellular');
    this.onChange = options.onChange ?? (() => undefined);
    this.wireless = new Wireless(namespace);
    try {
      this.watch = new LinkWatch({
        ...(namespace !== undefined && { namespace }),
        onChange: (changes) => this.handle(changes),
      });
    } catch (error) {
      this.wireless.close();
      throw error;
    }
    this.askSignals();
  }

  /** The links, the loopback among them. */
  get links(): readonly WatchedLink[] {
    return this.watch.links;
  }

  /** The link of this name; undefined when there is none. */
  find(name: string): WatchedLink | undefined {
    return this.watch.find(name);
  }

  /** The facts of a link: the same object until they change. */
  factsOf(link: WatchedLink): LinkFacts {
    const { kind, hasCarrier } = link;
    const isMetered = this.isMetered(link);
    const signalDbm = this.signals.get(link.index);
    const known = this.facts.get(link.index);
    const isKnown =
      known?.kind === kind &&
      known.isMetered === isMetered &&
      known.hasCarrier === hasCarrier &&
      known.signalDbm === signalDbm;
    if (isKnown) return known;
    const facts = { kind, isMetered, hasCarrier, ...(signalDbm !== undefined && { signalDbm }) };
    this.facts.set(link.index, facts);
    return facts;
  }

  /** Attends to the links with these numbers from now on, and to no others: a lost carrier shows within 100 ms. */
  attend(indices: ReadonlySet<number>): void {
    this.watch.attend(indices);
  }

  /** Stops watching. Closing twice does nothing. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.timer);
    this.watch.close();
    this.wireless.close();
  }

  private handle(changes: readonly LinkChange[]): void {
    for (const { before, after } of changes) {
      if (after !== undefined || before === undefined) continue;
      this.facts.delete(before.index);
      this.signals.delete(before.index);
    }
    this.askSignals();
    this.onChange(changes.flatMap(({ after }) => (after === undefined ? [] : [after])));
  }

  /** Asks for the signals of all Wi-Fi links that are up, and again after a while where there are any; gives those that changed. */
  private askSignals(): WatchedLink[] {
    clearTimeout(this.timer);
    const all = this.links.filter(({ kind, isUp }) => kind === 'wifi' && isUp);
    const changed = all.filter((link) => this.askSignal(link.index));
    this.timer = undefined;
    if (all.length > 0) this.timer = setTimeout(() => this.poll(), SIGNAL_INTERVAL_MS).unref();
    return changed;
  }

  private poll(): void {
    const changed = this.askSignals();
    if (changed.length > 0) this.onChange(changed);
  }

  /** Whether the strength is another one than before. */
  private askSignal(index: number): boolean {
    const signal = this.wireless.signalOf(index);
    const dbm = signal?.averageDbm ?? signal?.signalDbm;
    if (dbm === this.signals.get(index)) return false;
    if (dbm === undefined) this.signals.delete(index);
    else this.signals.set(index, dbm);
    return true;
  }
}
