/**
 * What a client remembers of servers for Fast Open: the cookie and the MSS, and where a SYN with data or with the option
 * was lost, so that it is not tried there for a while. One entry for each pair of addresses, as RFC 7413 §4.1.3 asks of
 * hosts with several; the least recently used one goes when there are too many.
 */
import { MINUTE } from '../base/index.js';
import type { IpAddress } from '../wire/index.js';

/** How long Fast Open rests where its SYN was lost; doubled with each loss in a row, up to the second number. */
const FIRST_REST_NS = MINUTE;
const LONGEST_REST_NS = 60 * MINUTE;

/** What is known of one pair of addresses. */
export interface FastOpenKnowledge {
  /** The server's cookie; undefined where none is known. */
  readonly cookie: Uint8Array | undefined;
  /** Whether the server uses the option's older form. */
  readonly experimental: boolean;
  /** Largest segment that the server takes; 0 where that is not known. */
  readonly mss: number;
  /** Until when Fast Open rests there, in ns. */
  readonly restsUntil: number;
}

interface Entry {
  cookie: Uint8Array | undefined;
  experimental: boolean;
  mss: number;
  /** When the cookie was handed out, in ns. */
  learnedAt: number;
  /** SYNs lost in a row. */
  losses: number;
  restsUntil: number;
}

export class FastOpenCache {
  private readonly entries = new Map<string, Entry>();
  private readonly maxEntries: number;
  private readonly cookieLifeNs: number;

  /** `maxEntries`: pairs of addresses remembered; `cookieLifeNs`: age after which a cookie is asked for anew. */
  constructor(maxEntries: number, cookieLifeNs: number) {
    this.maxEntries = maxEntries;
    this.cookieLifeNs = cookieLifeNs;
  }

  /** Pairs of addresses remembered. */
  get size(): number {
    return this.entries.size;
  }

  /** What is known of the pair; undefined when nothing is. */
  find(now: number, local: IpAddress, remote: IpAddress): FastOpenKnowledge | undefined {
    const name = nameOf(local, remote);
    const entry = this.entries.get(name);
    if (entry === undefined) return undefined;
    this.entries.delete(name);
    this.entries.set(name, entry);
    if (now - entry.learnedAt > this.cookieLifeNs) entry.cookie = undefined;
    return entry;
  }

  /** The server handed out `cookie`. */
  learn(
    now: number,
    local: IpAddress,
    remote: IpAddress,
    cookie: Uint8Array,
    experimental: boolean,
    mss: number,
  ): void {
    const entry = this.entry(local, remote);
    entry.cookie = cookie;
    entry.experimental = experimental;
    entry.mss = mss;
    entry.learnedAt = now;
  }

  /** Fast Open worked there: losses are forgiven. */
  noteSuccess(local: IpAddress, remote: IpAddress): void {
    const entry = this.entries.get(nameOf(local, remote));
    if (entry === undefined) return;
    entry.losses = 0;
    entry.restsUntil = 0;
  }

  /** A SYN with data or with the option got no answer, or a bad one (RFC 7413 §4.1.3.1). */
  noteLoss(now: number, local: IpAddress, remote: IpAddress): void {
    const entry = this.entry(local, remote);
    entry.restsUntil = now + Math.min(LONGEST_REST_NS, FIRST_REST_NS * 2 ** Math.min(entry.losses, 16));
    entry.losses++;
  }

  private entry(local: IpAddress, remote: IpAddress): Entry {
    const name = nameOf(local, remote);
    const known = this.entries.get(name);
    if (known !== undefined) return known;
    const oldest = this.entries.keys().next();
    if (this.entries.size >= this.maxEntries && oldest.done !== true) this.entries.delete(oldest.value);
    const entry = { cookie: undefined, experimental: false, mss: 0, learnedAt: 0, losses: 0, restsUntil: 0 };
    this.entries.set(name, entry);
    return entry;
  }
}

function nameOf(local: IpAddress, remote: IpAddress): string {
  return `${local.toString()} ${remote.toString()}`;
}
