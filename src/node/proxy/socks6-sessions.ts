/**
 * Sessions of SOCKS 6: who has one need not say again who they are, and may spend tokens, each of which buys one request and
 * no second one, however often its packet arrives. Bounded: the session that was used longest ago makes way.
 * Read first: draft-olteanu-intarea-socks-6-11 §8.4 and §8.5.
 */
import { randomFill, type RandomSource } from '../../base/index.js';

/** Sessions at a time. */
export const MAX_SESSIONS = 4096;
/** Tokens of a window. */
export const MAX_WINDOW_TOKENS = 256;
/** Time without a request after which a session is over, in ms. */
export const SESSION_IDLE_MS = 600_000;
const ID_BYTES = 16;

/** Part of a window behind whose first token lies one that moves the window when it is spent (§8.5.3). */
const HIGH_PART = 0.75;

/** A window of tokens: those from `base` on, `size` of them, modulo 2^32. */
export interface TokenWindow {
  readonly base: number;
  readonly size: number;
}

/** Tokens that may be spent, each once. */
class Tokens {
  /** The first that may still be spent, as far as it is known. */
  private base: number;
  /** Whether each token of the window is spent; the first is that of `base`. */
  private readonly spent: boolean[];

  constructor(base: number, size: number) {
    this.base = base;
    this.spent = Array<boolean>(size).fill(false);
  }

  get window(): TokenWindow {
    return { base: this.base, size: this.spent.length };
  }

  /**
   * Whether `token` was good; it is not any more. The window goes on past those at its beginning that are spent, and past some
   * that are not, and may never be, when one near its end is; but not past the last that is not (§8.5.3).
   */
  spend(token: number): boolean {
    const place = (token - this.base) >>> 0;
    const { length } = this.spent;
    if (place >= length || this.spent[place] === true) return false;
    this.spent[place] = true;
    const beyond = place + 1 - Math.ceil(HIGH_PART * length);
    this.shift(Math.min(beyond, this.spent.lastIndexOf(false)));
    while (this.spent[0] === true) this.shift(1);
    return true;
  }

  private shift(count: number): void {
    for (let i = 0; i < count; i++) {
      this.spent.shift();
      this.spent.push(false);
      this.base = (this.base + 1) >>> 0;
    }
  }
}

/** One session. */
export class Socks6Session {
  readonly id: Uint8Array;
  /** When it was used last, in ms. */
  usedAt: number;
  private tokens: Tokens | undefined = undefined;

  constructor(id: Uint8Array, now: number) {
    this.id = id;
    this.usedAt = now;
  }

  /** The tokens that there are; undefined where there are none. */
  get window(): TokenWindow | undefined {
    return this.tokens?.window;
  }

  /** Gives tokens, where there are none; `base` is where they begin. */
  openWindow(base: number, size: number): TokenWindow | undefined {
    if (size > 0) this.tokens ??= new Tokens(base, Math.min(size, MAX_WINDOW_TOKENS));
    return this.window;
  }

  spend(token: number): boolean {
    return this.tokens?.spend(token) ?? false;
  }
}

/** See the module. */
export class Socks6Sessions {
  private readonly random: RandomSource;
  /** By identifier in hexadecimal; the one that was used last is the last. */
  private readonly sessions = new Map<string, Socks6Session>();

  constructor(random: RandomSource) {
    this.random = random;
  }

  get count(): number {
    return this.sessions.size;
  }

  /** Makes one. `now` in ms, as everywhere here. */
  create(now: number): Socks6Session {
    const id = new Uint8Array(ID_BYTES);
    randomFill(this.random, id);
    const session = new Socks6Session(id, now);
    this.sessions.set(keyOf(id), session);
    if (this.sessions.size > MAX_SESSIONS) {
      const [oldest] = this.sessions.keys();
      this.sessions.delete(oldest!);
    }
    return session;
  }

  /** The session of that name, where it is not over. */
  find(id: Uint8Array, now: number): Socks6Session | undefined {
    const key = keyOf(id);
    const session = this.sessions.get(key);
    if (session === undefined) return undefined;
    this.sessions.delete(key);
    if (now - session.usedAt > SESSION_IDLE_MS) return undefined;
    session.usedAt = now;
    this.sessions.set(key, session);
    return session;
  }

  end(session: Socks6Session): void {
    this.sessions.delete(keyOf(session.id));
  }

  /** Ends all: who the users are has changed. */
  endAll(): void {
    this.sessions.clear();
  }

  /** Where a window of tokens begins. */
  firstToken(): number {
    return this.random.nextUint32();
  }
}

function keyOf(id: Uint8Array): string {
  let key = '';
  for (const byte of id) key += byte.toString(16).padStart(2, '0');
  return key;
}
