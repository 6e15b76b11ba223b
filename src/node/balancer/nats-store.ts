/**
 * The state that several balancers share, in NATS JetStream's key-value store (docs/decisions/0015-shared-state-lives-in-nats.md). Nobody leads:
 * each balancer replaces the record by compare-and-swap, so exactly one appends each generation. Connections come and go
 * underneath; packets do not wait for them, and nothing here throws because of them.
 *
 * Owns: the connection and its repetition, who is heard of and when last, tokens that wait. What the record says is shared-record.ts's.
 */
import { randomBytes, randomInt } from 'node:crypto';
import {
  parseObservation,
  type NatsStoreConfig,
  type Generation,
  type GenerationSnapshot,
  type Observation,
  type TokenEntry,
} from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { codeOf, messageOf } from '../net-error.js';
import type { Log } from '../daemon/log.js';
import type { LogEvent } from './log-events.js';
import { EventQueue } from './nats/event-queue.js';
import { NatsSession, type SessionListener, type TokenPosition } from './nats/session.js';
import { connectionOptions } from './nats/settings.js';
import { SharedRecord } from './nats/shared-record.js';
import { decodeTokens, encodeTokens, maxBatchTokens } from './nats/token-batch.js';
import { redacted } from '../daemon/redaction.js';
import type { StateStore, StoredState, StoreEvent } from './state-store.js';

/** Other balancers that are listened to at a time. */
export const maxBalancers = 64;
/** Tokens that wait to be sent; beyond it the oldest are forgotten. */
export const maxWaitingTokens = 65_536;
/** How long an observation counts after it was put, in ms: at the servers, and from when it is heard. */
const defaultObservationLifeMs = 15_000;
/** How long to wait for an answer, in ms. */
const defaultTimeoutMs = 2_000;
/** How long after a connection that failed the next one is tried: at first and at most, in ms. */
const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** How often the record is read, in case a change of it was not heard of, in ms. */
const refreshEveryMs = 2_000;
/** How long tokens are gathered before they are sent, in ms. */
const gatherTokensMs = 20;

/** How to make a {@link NatsStore}. */
export interface NatsStoreOptions {
  readonly config: NatsStoreConfig;
  /** Name of this balancer among those that share the store. */
  readonly balancer: string;
  /** Told what is refused and restored. */
  readonly log?: Log<LogEvent>;
  /** How long an observation counts, in ms, at least 200. Default 15,000. */
  readonly observationLifeMs?: number;
  /** How long to wait for an answer, in ms. Default 2,000. */
  readonly timeoutMs?: number;
}

/** Makes the store; it connects by itself, and again whenever it has to. */
export function natsStore(options: NatsStoreOptions): StateStore {
  return new NatsStore(options);
}

class NatsStore implements StateStore, SessionListener {
  private readonly options: NatsStoreOptions;
  private readonly observationLifeMs: number;
  private readonly timeoutMs: number;
  private readonly instance = randomBytes(12).toString('hex');
  private readonly record: SharedRecord;
  private readonly queue: EventQueue;
  /** The connection at work; undefined while there is none. */
  private session: NatsSession | undefined = undefined;
  /** Which server is next. Balancers begin with different ones. */
  private turn = randomInt(1024);
  /** Why there is none. */
  private why = 'it was not tried yet';
  /** As it was told last. */
  private wasReachable: boolean | undefined = undefined;
  private isLoaded = false;
  private isClosed = false;
  /** Ends the pause between two connections. */
  private endPause: (() => void) | undefined = undefined;
  /** Those who wait for a connection. */
  private readonly waiting = new Set<() => void>();
  /** The end of the last call that {@link exclusive} let in. */
  private last: Promise<unknown> = Promise.resolve();
  /** When others were heard of, on the clock of `performance`, and what they said. */
  private readonly heard = new Map<string, { readonly atMs: number; readonly observation: Observation }>();
  private tokens: TokenEntry[] = [];
  private isSendingTokens = false;
  private position: TokenPosition | undefined = undefined;
  private readonly timers: NodeJS.Timeout[];
  private readonly running: Promise<void>;

  constructor(options: NatsStoreOptions) {
    this.options = options;
    this.observationLifeMs = options.observationLifeMs ?? defaultObservationLifeMs;
    this.timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.queue = new EventQueue(() => this.digest());
    this.record = new SharedRecord(this.instance, {
      handleEvent: (event) => {
        if (this.isLoaded) this.queue.push(event);
      },
      handleRefusal: (why) => this.options.log?.error('store-refused', why),
      handleRestored: (number) =>
        this.options.log?.warn(
          'store-restored',
          `the store had lost generation ${number}, and has it again`,
          {
            number,
          },
        ),
    });
    this.timers = [
      setInterval(() => this.forgetSilent(), Math.min(1000, this.observationLifeMs / 4)),
      setInterval(() => void this.check(), refreshEveryMs),
    ];
    for (const timer of this.timers) timer.unref();
    this.running = this.run();
  }

  // The connection

  /** One connection after the other, until the store is closed. */
  private async run(): Promise<void> {
    for (let failures = 0; !this.isClosed; failures++) {
      try {
        const session = await this.connect();
        failures = 0;
        this.setWhy(await session.ended);
        await this.disconnect(session);
      } catch (error) {
        this.setWhy(error);
      }
      if (this.isClosed) return;
      this.tellReach();
      await this.pause(failures);
    }
  }

  /** A connection that is at work when the promise resolves, or one that has ended already. */
  private async connect(): Promise<NatsSession> {
    const { config, balancer } = this.options;
    const server = config.servers[this.turn++ % config.servers.length]!;
    const session = await NatsSession.open({
      connection: await connectionOptions(config, server, `subflow balance: ${balancer}`, this.timeoutMs),
      bucket: config.bucket,
      replicas: config.replicas ?? 1,
      instance: this.instance,
      observationLifeMs: this.observationLifeMs,
      timeoutMs: this.timeoutMs,
    });
    try {
      await this.exclusive(() => this.record.begin(session));
      // Silence while there was no connection is nobody's death.
      const atMs = performance.now();
      for (const [name, { observation }] of this.heard) this.heard.set(name, { atMs, observation });
      this.session = session;
      await session.listen(this, this.position);
    } catch (error) {
      this.session = undefined;
      await session.close();
      throw error;
    }
    if (this.isClosed) await session.close();
    this.why = '';
    this.tellReach();
    for (const wake of this.waiting) wake();
    void this.sendTokens();
    return session;
  }

  private async disconnect(session: NatsSession): Promise<void> {
    this.session = undefined;
    await session.close();
  }

  private setWhy(why: unknown): void {
    this.why = redacted(messageOf(why)) || 'the connection failed';
  }

  private tellReach(): void {
    const isReachable = this.session !== undefined;
    if (isReachable === this.wasReachable) return;
    this.wasReachable = isReachable;
    this.queue.push({ type: 'reach', isReachable, why: this.why });
  }

  /** Longer after each failure, and never the same for two balancers. */
  private pause(failures: number): Promise<void> {
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 10));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2));
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Runs calls one after the other. */
  private exclusive<T>(action: () => Promise<T>): Promise<T> {
    const result = this.last.then(action, action);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Does something with the connection; what goes wrong with that is `ERR_SUBFLOW_STORE_UNAVAILABLE`. */
  private async withSession<T>(action: (session: NatsSession) => Promise<T>): Promise<T> {
    const { session } = this;
    if (session === undefined || this.isClosed) throw this.unavailable();
    try {
      return await action(session);
    } catch (error) {
      if (codeOf(error)?.startsWith('ERR_SUBFLOW') === true) throw error;
      this.setWhy(error);
      throw this.unavailable(error);
    }
  }

  private unavailable(cause?: unknown): SubflowError {
    const why = this.isClosed ? 'it was closed' : this.why;
    return new SubflowError('ERR_SUBFLOW_STORE_UNAVAILABLE', `the shared store cannot be reached: ${why}`, {
      hint: 'Packets go on by the latest servers; the store is tried again.',
      cause,
    });
  }

  /** Reads the record: a change may have been missed, and a bucket may have been removed under a connection that stands. */
  private async check(): Promise<void> {
    const { session } = this;
    if (session === undefined) return;
    try {
      await this.exclusive(() => this.record.refresh(session));
    } catch (error) {
      await session.close(messageOf(error));
    }
  }

  // What the service asks for

  async load(): Promise<StoredState | undefined> {
    if (this.session === undefined && !this.isClosed) await this.untilConnected();
    return this.withSession((session) =>
      this.exclusive(async () => {
        this.isLoaded = false;
        await this.record.refresh(session);
        const { state } = this.record;
        this.isLoaded = true;
        return state;
      }),
    );
  }

  private untilConnected(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, 2 * this.timeoutMs);
      this.waiting.add(done);
    });
  }

  append(generation: Generation): Promise<boolean> {
    return this.withSession((session) => this.exclusive(() => this.record.append(session, generation)));
  }

  compact(snapshot: GenerationSnapshot): Promise<void> {
    return this.withSession((session) => this.exclusive(() => this.record.compact(session, snapshot)));
  }

  publish(observation: Observation): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(observation));
    return this.withSession((session) => session.putObservation(this.options.balancer, bytes));
  }

  /** Resolves at once: tokens are sent as soon as that can be, together with others. */
  shareTokens(entries: readonly TokenEntry[]): Promise<void> {
    if (!this.isClosed) {
      this.tokens = [...this.tokens, ...entries].slice(-maxWaitingTokens);
      void this.sendTokens();
    }
    return Promise.resolve();
  }

  private async sendTokens(): Promise<void> {
    if (this.isSendingTokens) return;
    this.isSendingTokens = true;
    try {
      while (this.tokens.length > 0 && this.session !== undefined && !this.isClosed) {
        await new Promise((resolve) => setTimeout(resolve, gatherTokensMs));
        const batch = this.tokens.slice(0, maxBatchTokens);
        await this.session?.sendTokens(encodeTokens(batch));
        // Newer ones may have pushed some of them out meanwhile.
        const kept = new Set(batch);
        this.tokens = this.tokens.filter((entry) => !kept.has(entry));
      }
    } catch (error) {
      // They are sent again with the next ones, or by the next connection.
      this.setWhy(error);
    } finally {
      this.isSendingTokens = false;
    }
  }

  watch(): AsyncIterable<StoreEvent> {
    return this.queue;
  }

  async close(): Promise<void> {
    if (!this.isClosed) {
      this.isClosed = true;
      for (const timer of this.timers) clearInterval(timer);
      for (const wake of this.waiting) wake();
      const { session } = this;
      // Others need not wait for the silence.
      await session?.removeObservation(this.options.balancer).catch(() => undefined);
      await session?.close();
      this.endPause?.();
    }
    await this.running;
    this.queue.end();
  }

  // What is heard

  handleRecord(revision: number): void {
    const { session } = this;
    if (session === undefined) return;
    this.exclusive(() => this.record.hear(session, revision)).catch((error: unknown) => {
      void session.close(messageOf(error));
    });
  }

  handleObservation(name: string, bytes: Uint8Array | undefined): void {
    if (name === this.options.balancer) return;
    if (bytes === undefined) {
      if (this.heard.delete(name)) this.queue.push({ type: 'balancer-gone', balancer: name });
      return;
    }
    const parsed = parseObservation(jsonOf(bytes));
    const why = !parsed.ok
      ? parsed.message
      : parsed.value.balancer !== name
        ? `it says that it is ${parsed.value.balancer}`
        : !this.heard.has(name) && this.heard.size >= maxBalancers
          ? `there are ${maxBalancers} others already`
          : undefined;
    if (why !== undefined || !parsed.ok) {
      this.options.log?.warn('store-refused', `what a balancer observed is left aside: ${why}`, {
        balancer: name,
      });
      return;
    }
    this.heard.set(name, { atMs: performance.now(), observation: parsed.value });
    this.queue.push({ type: 'observation', observation: parsed.value });
  }

  handleTokens(bytes: Uint8Array, position: TokenPosition): void {
    this.position = position;
    const entries = decodeTokens(bytes);
    if (!entries.ok) this.options.log?.warn('store-refused', entries.message);
    else if (entries.value.length > 0) this.queue.push({ type: 'tokens', entries: entries.value });
  }

  /** Balancers that said nothing for as long as an observation counts are gone; unless nobody could be heard. */
  private forgetSilent(): void {
    if (this.session === undefined) return;
    const nowMs = performance.now();
    for (const [name, { atMs }] of this.heard) {
      if (nowMs - atMs < this.observationLifeMs) continue;
      this.heard.delete(name);
      this.queue.push({ type: 'balancer-gone', balancer: name });
    }
  }

  /** What stands for all events so far. Tokens that were missed are missed. */
  private digest(): StoreEvent[] {
    const { state } = this.record;
    return [
      { type: 'reach', isReachable: this.session !== undefined, why: this.why },
      ...(state === undefined || !this.isLoaded ? [] : [{ type: 'state', state } as const]),
      ...[...this.heard.values()].map(({ observation }) => ({ type: 'observation', observation }) as const),
    ];
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
