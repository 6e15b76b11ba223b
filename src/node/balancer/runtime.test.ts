import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BalanceConfig, Generation } from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { IpAddress } from '../../wire/index.js';
import type { DataPath, DataPathOptions } from './data-path.js';
import { embeddedStore } from './embedded-store.js';
import { Log } from '../daemon/log.js';
import { type BalancerRuntime, type BalancerRuntimeOptions, startBalancer } from './runtime.js';
import type { StateStore, StoredState, StoreEvent } from './state-store.js';
import { askStatus } from './status-socket.js';

const waiting = { timeout: 20_000, interval: 5 };
const laterNs = 1_800_000_000e9;

/** A data path that only remembers what it was told. */
class RecordingPath implements DataPath {
  readonly kind = 'user';
  readonly failed = new Promise<Error>(() => undefined);
  readonly start: Generation;
  /** Numbers of the generations that it was given. */
  readonly applied: number[] = [];
  isClosed = false;

  constructor({ start }: DataPathOptions) {
    this.start = start.generation;
  }

  async apply({ number }: Generation): Promise<void> {
    if (this.isClosed) throw new Error('the path is closed');
    this.applied.push(number);
  }

  async counters(): ReturnType<DataPath['counters']> {
    const none = { reasons: {}, joins: 0, joinsByChance: 0, more: {}, subflowsByServer: {} };
    return { ...none, entries: 0, tableBytes: 0 };
  }

  async takeLearnedTokens(): Promise<readonly []> {
    return [];
  }

  async importTokens(): Promise<void> {
    // Tokens are not what this is about.
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** A store in memory, in which others do what a test has them do. */
class ScriptedStore implements StateStore {
  readonly stored: Generation[] = [];
  isClosed = false;
  private readonly events: StoreEvent[] = [];
  private wake: () => void = () => undefined;

  async load(): Promise<StoredState | undefined> {
    return this.stored.length === 0 ? undefined : { snapshot: undefined, generations: [...this.stored] };
  }

  append(generation: Generation): Promise<boolean> {
    this.stored.push(generation);
    return Promise.resolve(true);
  }

  async compact(): Promise<void> {
    // It is never long enough.
  }

  async publish(): Promise<void> {
    // There is nobody else.
  }

  async shareTokens(): Promise<void> {
    // There is nobody else.
  }

  tell(event: StoreEvent): void {
    this.events.push(event);
    this.wake();
  }

  async *watch(): AsyncGenerator<StoreEvent, void, undefined> {
    while (!this.isClosed) {
      const event = this.events.shift();
      if (event !== undefined) yield event;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.wake();
  }
}

const folder = { current: '' };
const lines: { event: string; level: string; message: string }[] = [];
const paths: RecordingPath[] = [];
let runtime: BalancerRuntime | undefined;

beforeEach(() => {
  folder.current = mkdtempSync(join(tmpdir(), 'subflow-runtime-'));
});
afterEach(async () => {
  await runtime?.close();
  runtime = undefined;
  lines.length = paths.length = 0;
  rmSync(folder.current, { recursive: true, force: true });
});

function configOf(ids: readonly number[]): BalanceConfig {
  return {
    ...{ name: 'b1', design: 'beamer', path: 'user', interfaces: ['b0'], settings: { buckets: 16 } },
    services: [{ address: IpAddress.parse('192.0.2.1')!, port: 443 }],
    servers: ids.map((id) => ({ id, address: IpAddress.parse(`10.9.0.${id}`)! })),
    store: { kind: 'folder', folder: join(folder.current, 'store') },
    status: { socket: join(folder.current, 'status.sock') },
  };
}

function optionsOf(changes: Partial<BalancerRuntimeOptions> = {}): BalancerRuntimeOptions {
  return {
    ...{ config: configOf([1, 2]), configFile: 'balance.json' },
    log: new Log({
      format: 'json',
      sink: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]),
    }),
    openStore: async () => new ScriptedStore(),
    openPath: async (options) => {
      paths.push(new RecordingPath(options));
      return paths.at(-1)!;
    },
    makeCheck: () => {
      throw new Error('nothing is checked here');
    },
    ...changes,
  };
}

const faults = (): typeof lines => lines.filter(({ event }) => event === 'fault');

/** Somebody who lets others wait until they are let go. */
function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

describe('a disk that is full', () => {
  it('keeps no change from being in force, and gets a snapshot of all when there is room', async () => {
    let isFull = false;
    const openStore: BalancerRuntimeOptions['openStore'] = () =>
      embeddedStore({
        folder: join(folder.current, 'store'),
        write: async (file, bytes, position) => {
          if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
          await file.write(bytes, 0, bytes.length, position);
        },
      });
    runtime = await startBalancer(optionsOf({ openStore }));
    isFull = true;
    runtime.takeConfig({ ok: true, config: configOf([1]) });
    await vi.waitUntil(() => paths[0]!.applied.length === 1, waiting);
    runtime.takeConfig({ ok: true, config: configOf([1, 3]) });
    await vi.waitUntil(() => paths[0]!.applied.length === 2, waiting);
    runtime.takeConfig({ ok: true, config: configOf([3]) });
    await vi.waitUntil(() => paths[0]!.applied.length === 3, waiting);
    expect(paths[0]!.applied).toEqual([2, 3, 4]);
    isFull = false;
    await vi.waitUntil(async () => (await runtime!.status()).store.isReachable, waiting);
    await runtime.close();
    runtime = await startBalancer(optionsOf({ openStore, config: configOf([3]) }));
    expect(paths[1]!.start).toMatchObject({ number: 4, servers: [{ id: 3 }] });
  });

  it('is no unhandled fault of a balancer that ends meanwhile', async () => {
    const store = new ScriptedStore();
    const saving = gate();
    const compacting = gate();
    runtime = await startBalancer(optionsOf({ openStore: async () => store }));
    store.append = () => Promise.reject(unavailable());
    store.compact = async () => {
      saving.open();
      await compacting.opened;
      throw new Error('the store is closed');
    };
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    runtime.takeConfig({ ok: true, config: configOf([1]) });
    await saving.opened;
    await runtime.close();
    compacting.open();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(faults()).toEqual([]);
  });
});

function unavailable(): Error {
  return new SubflowError('ERR_SUBFLOW_STORE_UNAVAILABLE', 'the disk is full');
}

describe('a balancer that is ended while it begins', () => {
  /** Ends it at one of the steps of its beginning, which then goes on; what was opened in the end? */
  async function endAt(step: 'store' | 'load' | 'path'): Promise<ScriptedStore> {
    const store = new ScriptedStore();
    const [reached, goOn] = [gate(), gate()];
    const pass = async (name: string): Promise<void> => {
      if (name !== step) return;
      reached.open();
      await goOn.opened;
    };
    const load = store.load.bind(store);
    store.load = async () => {
      await pass('load');
      return load();
    };
    const aborter = new AbortController();
    const starting = startBalancer(
      optionsOf({
        openStore: async () => {
          await pass('store');
          return store;
        },
        openPath: async (options) => {
          await pass('path');
          paths.push(new RecordingPath(options));
          return paths.at(-1)!;
        },
      }),
      aborter.signal,
    );
    await reached.opened;
    aborter.abort();
    goOn.open();
    await expect(starting).rejects.toMatchObject({ code: 'ERR_SUBFLOW_CLOSED' });
    return store;
  }

  it.each(['store', 'load', 'path'] as const)('leaves nothing open (%s)', async (step) => {
    const store = await endAt(step);
    expect(store.isClosed).toBe(true);
    expect(paths.filter(({ isClosed }) => !isClosed)).toEqual([]);
    await expect(askStatus(join(folder.current, 'status.sock'))).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_NO_BALANCER',
    });
  });

  it('does not begin at all where it was ended before', async () => {
    const openStore = vi.fn(async () => new ScriptedStore());
    await expect(startBalancer(optionsOf({ openStore }), AbortSignal.abort())).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_CLOSED',
    });
    expect(openStore).not.toHaveBeenCalled();
  });
});

describe('a state that is begun anew', () => {
  const others = (count: number): StoreEvent => ({
    type: 'state',
    state: {
      snapshot: {
        generation: {
          ...{ number: 100 + count, atNs: laterNs + count, reason: 'of another balancer' },
          servers: [{ id: count, address: IpAddress.parse(`10.9.0.${count}`)!, weight: 1, state: 'up' }],
        },
      },
      generations: [],
    },
  });

  it('while a data path is being opened for another one is what packets go by in the end', async () => {
    const store = new ScriptedStore();
    const [reached, goOn] = [gate(), gate()];
    const openPath = async (options: DataPathOptions): Promise<DataPath> => {
      const path = new RecordingPath(options);
      paths.push(path);
      if (paths.length === 2) {
        reached.open();
        await goOn.opened;
      }
      return path;
    };
    runtime = await startBalancer(optionsOf({ openStore: async () => store, openPath }));
    store.tell(others(1));
    await reached.opened;
    store.tell(others(2));
    await vi.waitUntil(() => lines.length > 0, waiting);
    await new Promise((resolve) => setTimeout(resolve, 20));
    goOn.open();
    await vi.waitUntil(() => runtime!.status().catch(() => undefined), waiting);
    expect(paths.map(({ isClosed, start }) => [isClosed, start.number])).toEqual([
      [true, 1],
      [true, 101],
      [false, 102],
    ]);
    expect(faults()).toEqual([]);
  });

  it('at the beginning counts as well', async () => {
    const store = new ScriptedStore();
    const openPath = async (options: DataPathOptions): Promise<DataPath> => {
      if (paths.length === 0) store.tell(others(7));
      await new Promise((resolve) => setTimeout(resolve, 20));
      paths.push(new RecordingPath(options));
      return paths.at(-1)!;
    };
    runtime = await startBalancer(optionsOf({ openStore: async () => store, openPath }));
    await vi.waitUntil(() => paths.length === 2, waiting);
    expect(paths.map(({ isClosed, start }) => [isClosed, start.number])).toEqual([
      [true, 1],
      [false, 107],
    ]);
  });

  it('closes the data path that is being opened when the balancer ends', async () => {
    const store = new ScriptedStore();
    const [reached, goOn] = [gate(), gate()];
    const openPath = async (options: DataPathOptions): Promise<DataPath> => {
      const path = new RecordingPath(options);
      if (paths.push(path) === 2) {
        reached.open();
        await goOn.opened;
      }
      return path;
    };
    runtime = await startBalancer(optionsOf({ openStore: async () => store, openPath }));
    store.tell(others(1));
    await reached.opened;
    const ended = runtime.close();
    goOn.open();
    await ended;
    expect(paths.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it('is the end where the former data path cannot be closed', async () => {
    const store = new ScriptedStore();
    runtime = await startBalancer(optionsOf({ openStore: async () => store }));
    paths[0]!.close = () => Promise.reject(new Error('it does not let go'));
    store.tell(others(1));
    expect((await runtime.failed).message).toBe('it does not let go');
  });
});
