/** The shared store against a real server of NATS, on loopback. */
import { connect } from '@nats-io/transport-node';
import { Kvm, type KV } from '@nats-io/kv';
import { jetstream } from '@nats-io/jetstream';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { NatsServer } from '../../../test/support/nats-server.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { BucketTable, ServerSet, type Generation, type GenerationSnapshot } from '../../balancer/index.js';
import { IpAddress } from '../../wire/index.js';
import { Log } from './log.js';
import { encodeRecord } from './nats/record.js';
import { maxBalancers, maxWaitingTokens, natsStore, type NatsStoreOptions } from './nats-store.js';
import type { StateStore, StoreEvent } from './state-store.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const bucket = 'web';
const startNs = Date.now() * 1e6;

async function startServer(config?: string): Promise<NatsServer> {
  const server = await NatsServer.start(config === undefined ? {} : { config });
  cleanUps.push(() => server.close());
  return server;
}

/** A store with all that its watch told and its log said. */
interface Watched {
  readonly store: StateStore;
  readonly events: StoreEvent[];
  readonly lines: string[];
}

function open(server: NatsServer, balancer: string, options: Partial<NatsStoreOptions> = {}): Watched {
  const lines: string[] = [];
  const store = natsStore({
    config: { kind: 'nats', servers: [server.url], bucket },
    balancer,
    timeoutMs: 1000,
    log: new Log({ sink: (line) => lines.push(line), format: 'json' }),
    ...options,
  });
  cleanUps.push(() => store.close());
  const events: StoreEvent[] = [];
  void (async () => {
    for await (const event of store.watch()) events.push(event);
  })();
  return { store, events, lines };
}

async function opened(
  server: NatsServer,
  balancer: string,
  options: Partial<NatsStoreOptions> = {},
): Promise<Watched> {
  const watched = open(server, balancer, options);
  await watched.store.load();
  return watched;
}

/** Generation `number`, whose servers tell who made it. */
function generation(number: number, by = 1): Generation {
  const servers = [1, 2, 3].map((id) => ({
    id,
    address: IpAddress.parse(`10.0.${by}.${id}`)!,
    state: 'up' as const,
  }));
  return { number, atNs: startNs + number * 1e6 + by * 1000, servers, reason: `by ${by}` };
}

function snapshot(number: number, by = 1, size = 4096): GenerationSnapshot {
  const made = generation(number, by);
  const table = new BucketTable(made.atNs, size, 240e9, new ServerSet(made.servers), { bucketsMoved: 0 });
  return { generation: made, buckets: table.snapshot(made.atNs) };
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let turn = 0; !(await condition()); turn++) {
    if (turn > 3000) throw new Error(`it never came about: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

const reached = ({ events }: Watched, isReachable: boolean): boolean => {
  const last = events.filter((event) => event.type === 'reach').at(-1);
  return last?.isReachable === isReachable;
};
/** Numbers of the generations that a watch told, those of whole states with a star. */
function told({ events }: Watched): string[] {
  return events.flatMap((event) => {
    if (event.type === 'generation') return [`${event.generation.number}`];
    if (event.type !== 'state') return [];
    const { snapshot: base, generations } = event.state;
    return [`*${(generations.at(-1) ?? base!.generation).number}`];
  });
}
const unavailable = expect.objectContaining({ code: 'ERR_SUBFLOW_STORE_UNAVAILABLE' }) as Error;

/** The bucket itself, for a peer that does as it likes. */
async function rawBucket(server: NatsServer, name = bucket): Promise<KV> {
  const connection = await connect({ servers: server.url });
  cleanUps.push(() => connection.close());
  return new Kvm(jetstream(connection)).open(name);
}

describeWith('the shared store', [hasTool('nats-server')], () => {
  it('keeps generations and snapshots, and gives them to a balancer that begins', async () => {
    const server = await startServer();
    const a = open(server, 'a');
    expect(await a.store.load()).toBeUndefined();
    for (const number of [1, 2, 3, 4]) expect(await a.store.append(generation(number))).toBe(true);
    const first = await opened(server, 'b');
    expect(await first.store.load()).toEqual({
      snapshot: undefined,
      generations: [1, 2, 3, 4].map((number) => generation(number)),
    });
    await a.store.compact(snapshot(3));
    const second = open(server, 'c');
    expect(await second.store.load()).toEqual({ snapshot: snapshot(3), generations: [generation(4)] });
    await a.store.compact(snapshot(4));
    expect(await second.store.load()).toEqual({ snapshot: snapshot(4), generations: [] });
    // What an older snapshot had is gone, and a compaction that comes too late changes nothing.
    await first.store.compact(snapshot(3));
    const keys: string[] = [];
    for await (const key of await (await rawBucket(server)).keys('snapshot.>')) keys.push(key.split('.')[1]!);
    expect(keys).toEqual(['4']);
    expect(await first.store.append(generation(5))).toBe(true);
    await until(() => told(a).includes('5'), 'a hears of 5');
    expect(told(a)).toEqual(['5']);
  });

  it('keeps a snapshot of a million buckets, in parts', async () => {
    const server = await startServer();
    const patient = { timeoutMs: 20_000 };
    const a = await opened(server, 'a', patient);
    const large = snapshot(1, 1, 2 ** 20);
    const { owners } = large.buckets!;
    for (let i = 0; i < owners.length; i++) owners[i] = 1 + (((i * 2_654_435_761) >>> 5) % 1000);
    await a.store.append(large.generation);
    await a.store.compact(large);
    const { snapshot: loaded } = (await open(server, 'b', patient).store.load())!;
    expect(Buffer.from(loaded!.buckets!.owners.buffer).equals(Buffer.from(owners.buffer))).toBe(true);
  });

  it('lets exactly one of three balancers append each generation', async () => {
    const server = await startServer();
    const stores = await Promise.all(['a', 'b', 'c'].map((name) => opened(server, name)));
    const winners: number[] = [];
    for (let number = 1; number <= 40; number++) {
      const won = await Promise.all(stores.map(({ store }, i) => store.append(generation(number, i + 1))));
      expect(won.filter((each) => each)).toHaveLength(1);
      winners.push(won.indexOf(true));
    }
    await until(
      () =>
        stores.every((each) => told(each).length === 40 - winners.filter((i) => stores[i] === each).length),
      'all heard of all',
    );
    const { generations } = (await stores[0]!.store.load())!;
    expect(generations.map(({ reason }) => reason)).toEqual(winners.map((i) => `by ${i + 1}`));
    for (const [i, each] of stores.entries()) {
      const others = winners.flatMap((winner, at) => (winner === i ? [] : [`${at + 1}`]));
      expect(told(each)).toEqual(others);
    }
  });

  it('refuses a generation that cannot follow, and more of them than may be without a snapshot', async () => {
    const server = await startServer();
    const { store } = await opened(server, 'a');
    await expect(store.append(generation(2))).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_GENERATION' });
    expect(await store.append(generation(1))).toBe(true);
    expect(await store.append(generation(1, 2))).toBe(false);
    await expect(store.append({ ...generation(2), atNs: startNs })).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_BAD_GENERATION',
    });
    await expect(store.compact(snapshot(2))).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_GENERATION' });
    for (let number = 2; number <= 256; number++) await store.append(generation(number));
    await expect(store.append(generation(257))).rejects.toMatchObject({ code: 'ERR_SUBFLOW_STORE_FULL' });
    await store.compact(snapshot(256));
    expect(await store.append(generation(257))).toBe(true);
  });

  it('tells what others observe, and forgets it when they are silent or leave', async () => {
    const server = await startServer();
    const options = { observationLifeMs: 400 };
    const [a, b, c] = await Promise.all(['a', 'b ü.*>', 'c'].map((name) => opened(server, name, options)));
    const observation = {
      balancer: 'b ü.*>',
      atNs: startNs,
      servers: [{ id: 1, isHealthy: false, why: 'refused' }],
    };
    await b!.store.publish(observation);
    await c!.store.publish({ ...observation, balancer: 'c' });
    await until(() => a!.events.filter(({ type }) => type === 'observation').length === 2, 'a hears of both');
    expect(a!.events).toContainEqual({ type: 'observation', observation });
    // Nobody hears itself.
    expect(
      b!.events.some((event) => event.type === 'observation' && event.observation.balancer === 'b ü.*>'),
    ).toBe(false);
    await c!.store.close();
    await until(() => a!.events.some(({ type }) => type === 'balancer-gone'), 'c left');
    expect(a!.events.find((event) => event.type === 'balancer-gone')).toMatchObject({ balancer: 'c' });
    await until(() => a!.events.filter(({ type }) => type === 'balancer-gone').length === 2, 'b is silent');
    // The servers have forgotten it too.
    const late = await opened(server, 'late', options);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(late.events.filter(({ type }) => type === 'observation')).toEqual([]);
  });

  it('does not take balancers for gone while it is cut off itself', async () => {
    const server = await startServer();
    const options = { observationLifeMs: 400 };
    const [a, b] = await Promise.all(['a', 'b'].map((name) => opened(server, name, options)));
    const observation = { balancer: 'b', atNs: startNs, servers: [] };
    await b!.store.publish(observation);
    await until(() => a!.events.some(({ type }) => type === 'observation'), 'a hears of b');
    await server.stop();
    await until(() => reached(a!, false), 'a lost the store');
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(a!.events.some(({ type }) => type === 'balancer-gone')).toBe(false);
    await server.resume();
    await until(() => reached(a!, true), 'a has the store again');
    await until(() => a!.events.some(({ type }) => type === 'balancer-gone'), 'b stayed silent');
  });

  it('shares tokens, also with a balancer that begins later, and keeps them while the store is away', async () => {
    const server = await startServer();
    const [a, b] = await Promise.all(['a', 'b'].map((name) => opened(server, name)));
    const entries = Array.from({ length: 20_000 }, (_, i) => ({
      token: (i * 2_654_435_761) >>> 0,
      version: (i % 2) as 0 | 1,
      server: 1 + (i % 16_383),
    }));
    const tokensOf = ({ events }: Watched): unknown[] =>
      events.flatMap((event) => (event.type === 'tokens' ? event.entries : []));
    await a!.store.shareTokens(entries.slice(0, 10_000));
    await until(() => tokensOf(b!).length === 10_000, 'b has the first half');
    await server.stop();
    await until(() => reached(a!, false), 'the store is away');
    await a!.store.shareTokens(entries.slice(10_000));
    await server.resume();
    await until(() => tokensOf(b!).length === 20_000, 'b has the second half');
    expect(tokensOf(b!)).toEqual(entries);
    expect(tokensOf(a!)).toEqual([]);
    const late = await opened(server, 'late');
    await until(() => tokensOf(late).length === 20_000, 'the late one has all');
    // Messages of many tokens each.
    expect(late.events.filter(({ type }) => type === 'tokens').length).toBeLessThan(20);
    await server.stop();
    await until(() => reached(a!, false), 'the store is away again');
    for (let i = 0; i < 8; i++) await a!.store.shareTokens(entries);
    expect((a!.store as unknown as { tokens: unknown[] }).tokens).toHaveLength(maxWaitingTokens);
  });
});

describeWith('the shared store, stopped and started', [hasTool('nats-server')], () => {
  it('says so, refuses to append meanwhile, and works again after', async () => {
    const server = await startServer();
    const [a, b] = await Promise.all(['a', 'b'].map((name) => opened(server, name)));
    let number = 1;
    // Under load: both append all the time.
    let isBusy = true;
    const outcomes = { won: 0, lost: 0, unavailable: 0 };
    const busy = [a!, b!].map(async ({ store }, i) => {
      while (isBusy) {
        const own = number;
        try {
          if (await store.append(generation(own, i + 1))) {
            outcomes.won++;
            number = Math.max(number, own + 1);
          } else {
            outcomes.lost++;
            const state = await store.load();
            number = Math.max(number, (state?.generations.at(-1)?.number ?? 0) + 1);
          }
          if (own % 50 === 0) await store.compact(snapshot(own, i + 1)).catch(() => undefined);
        } catch (error) {
          expect(error).toEqual(unavailable);
          outcomes.unavailable++;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    });
    for (let round = 0; round < 2; round++) {
      const before = outcomes.won;
      await until(() => outcomes.won > before + 20, 'appends');
      await server.stop();
      await until(() => reached(a!, false) && reached(b!, false), 'both say so');
      const refused = outcomes.unavailable;
      await until(() => outcomes.unavailable > refused + 5, 'appends are refused');
      await server.resume();
      await until(() => reached(a!, true) && reached(b!, true), 'both have it again');
    }
    const before = outcomes.won;
    await until(() => outcomes.won > before + 20, 'appends work again');
    isBusy = false;
    await Promise.all(busy);
    const [one, other] = await Promise.all([a!.store.load(), b!.store.load()]);
    expect(one!.generations).toEqual(other!.generations);
  });

  it('rejects before the store was ever there, and finds it when it comes', async () => {
    const server = await startServer();
    await server.stop();
    const a = open(server, 'a', { timeoutMs: 100 });
    await expect(a.store.load()).rejects.toEqual(unavailable);
    await expect(a.store.append(generation(1))).rejects.toEqual(unavailable);
    await expect(a.store.publish({ balancer: 'a', atNs: 0, servers: [] })).rejects.toEqual(unavailable);
    expect(reached(a, false)).toBe(true);
    await server.resume();
    await until(() => reached(a, true), 'it comes');
    expect(await a.store.load()).toBeUndefined();
    expect(await a.store.append(generation(1))).toBe(true);
  });

  it('notices a store that stands still', async () => {
    const server = await startServer();
    const a = await opened(server, 'a', { timeoutMs: 300 });
    await server.freeze();
    await expect(a.store.append(generation(1))).rejects.toEqual(unavailable);
    await until(() => reached(a, false), 'it says so');
    server.thaw();
    await until(() => reached(a, true), 'it is back');
    const state = await a.store.load();
    // The append may have been carried out after all.
    if (state === undefined) expect(await a.store.append(generation(1))).toBe(true);
    else expect(state.generations).toEqual([generation(1)]);
  });

  it('is told again what it lost when it comes back empty', async () => {
    const server = await startServer();
    const [a, b] = await Promise.all(['a', 'b'].map((name) => opened(server, name)));
    for (const number of [1, 2, 3]) await a!.store.append(generation(number));
    await a!.store.compact(snapshot(2));
    await until(() => told(b!).includes('3'), 'b knows all');
    await server.stop();
    await until(() => reached(a!, false) && reached(b!, false), 'the store is away');
    server.wipe();
    await server.resume();
    await until(() => reached(a!, true) && reached(b!, true), 'the store is back');
    const fresh = open(server, 'fresh');
    expect(await fresh.store.load()).toEqual({ snapshot: snapshot(2), generations: [generation(3)] });
    expect([told(a!), told(b!)]).toEqual([[], ['1', '2', '3']]);
    expect(await b!.store.append(generation(4))).toBe(true);
    expect(
      [...a!.lines, ...b!.lines].filter((line) => line.includes('store-restored')).length,
    ).toBeGreaterThan(0);
  });

  it('is told again what a backup did not have, and whoever went on from the backup follows', async () => {
    const server = await startServer();
    const a = await opened(server, 'a');
    for (const number of [1, 2]) await a.store.append(generation(number));
    await a.store.close();
    await server.stop();
    server.backUp();
    await server.resume();
    const [b, c] = await Promise.all(['b', 'c'].map((name) => opened(server, name)));
    for (const number of [3, 4, 5]) await b!.store.append(generation(number));
    await until(() => told(c!).includes('5'), 'c knows all');
    await server.stop();
    await until(() => reached(b!, false) && reached(c!, false), 'the store is away');
    await Promise.all([b!.store.close()]);
    server.restore();
    // Somebody who knows nothing else goes on from the backup, before c is there.
    await server.resume();
    const d = open(server, 'd');
    await d.store.load();
    await d.store.append(generation(3, 9));
    await until(() => reached(c!, true), 'c is back');
    await until(() => told(d).at(-1) === '*5', 'd follows');
    expect(told(c!)).toEqual(['3', '4', '5']);
    expect(await d.store.append(generation(6, 9))).toBe(true);
    await until(() => told(c!).at(-1) === '6', 'c follows');
  });

  it('is followed when it went further than this balancer, from another state', async () => {
    const server = await startServer();
    const a = await opened(server, 'a');
    await a.store.append(generation(1));
    await server.stop();
    await until(() => reached(a, false), 'the store is away');
    server.wipe();
    const other = await startServer();
    const b = await opened(other, 'b');
    for (const number of [1, 2, 3]) await b.store.append(generation(number, 7));
    await b.store.close();
    await other.stop();
    other.backUp();
    // The other's state in the place of the one that was wiped.
    cpSync(other.file('backup'), server.file('data'), { recursive: true });
    await server.resume();
    await until(() => told(a).at(-1) === '*3', 'a follows');
  });

  it('is made anew when somebody deletes the bucket under a connection that stands', async () => {
    const server = await startServer();
    const a = await opened(server, 'a');
    await a.store.append(generation(1));
    const raw = (await rawBucket(server)) as unknown as { destroy(): Promise<boolean> };
    await raw.destroy();
    await until(async () => {
      const state = await natsStoreOnce(server);
      return state?.generations.length === 1;
    }, 'the record is back');
  });
});

/** What a balancer that begins now would find. */
async function natsStoreOnce(server: NatsServer): ReturnType<StateStore['load']> {
  const store = natsStore({ config: { kind: 'nats', servers: [server.url], bucket }, balancer: 'once' });
  try {
    return await store.load();
  } finally {
    await store.close();
  }
}

describeWith('the shared store, spoiled', [hasTool('nats-server')], () => {
  it('is never believed half: garbage is refused, logged, and replaced by whoever knows better', async () => {
    const server = await startServer();
    const a = await opened(server, 'a');
    await a.store.append(generation(1));
    const raw = await rawBucket(server);
    const spoilt = [
      new TextEncoder().encode('garbage'),
      await encodeRecord({
        by: 'x',
        snapshot: { number: 7, hash: '0'.repeat(32), parts: 2 },
        generations: [],
      }),
    ];
    for (const bytes of spoilt) {
      const revision = await raw.put('record', bytes);
      await until(async () => ((await raw.get('record'))?.revision ?? 0) > revision, 'it was replaced');
    }
    expect(told(a)).toEqual([]);
    expect(a.lines.filter((line) => line.includes('store-refused')).length).toBeGreaterThan(0);
    expect(await natsStoreOnce(server)).toEqual({ snapshot: undefined, generations: [generation(1)] });
    expect(await a.store.append(generation(2))).toBe(true);
  });

  it('begins nothing from garbage when nobody knows better', async () => {
    const server = await startServer();
    await (await opened(server, 'first')).store.close();
    const raw = await rawBucket(server);
    await raw.put('record', 'garbage');
    const { store } = open(server, 'a');
    await expect(store.load()).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_STATE' });
    await expect(store.append(generation(1))).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_STATE' });
  });

  it('leaves alone what a later version wrote', async () => {
    const server = await startServer();
    const a = await opened(server, 'a');
    await a.store.append(generation(1));
    const raw = await rawBucket(server);
    const revision = await raw.put('record', brotliCompressSync('{"format":2,"wonders":[]}'));
    await until(() => a.lines.some((line) => line.includes('format 2')), 'it is refused');
    await expect(a.store.append(generation(2))).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_STATE' });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect((await raw.get('record'))!.revision).toBe(revision);
  });

  it('has observations and tokens of liars refused, and a bounded number of balancers heard', async () => {
    const server = await startServer();
    const a = await opened(server, 'a');
    const raw = await rawBucket(server, `${bucket}-live`);
    const key = (name: string): string => `observation.${Buffer.from(name).toString('base64url')}`;
    const observation = (balancer: string): string => JSON.stringify({ balancer, atNs: 1, servers: [] });
    await raw.put(key('liar'), observation('honest'));
    await raw.put(key('mad'), '{"balancer":"mad"');
    await raw.put(key('wild'), JSON.stringify({ balancer: 'wild', atNs: 1, servers: [{ id: -1 }] }));
    await raw.put('observation.====', observation('odd'));
    for (let i = 0; i < maxBalancers + 5; i++) await raw.put(key(`b${i}`), observation(`b${i}`));
    const connection = await connect({ servers: server.url });
    cleanUps.push(() => connection.close());
    for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3), Uint8Array.of(1, 0, 0, 0, 1, 0, 0)])
      connection.publish(`subflow.tokens.${bucket}.x`, bytes);
    connection.publish(`subflow.tokens.${bucket}.x`, Uint8Array.of(1, 0, 0, 0, 1, 0, 3));
    await until(() => a.events.some(({ type }) => type === 'tokens'), 'tokens');
    await until(
      () => a.events.filter(({ type }) => type === 'observation').length >= maxBalancers,
      'observations',
    );
    expect(a.events.filter(({ type }) => type === 'observation')).toHaveLength(maxBalancers);
    expect(a.events.filter(({ type }) => type === 'tokens')).toEqual([
      { type: 'tokens', entries: [{ token: 1, version: 1, server: 1 }] },
    ]);
    expect(
      a.events.filter((event) => event.type === 'observation').map((event) => event.observation.balancer),
    ).not.toContain('honest');
  });
});

describeWith('the way to the shared store', [hasTool('nats-server')], () => {
  it('proves who it is by a file that nobody else may read, and never says what is in it', async () => {
    const server = await startServer('authorization { user: balancer, password: "pa55word" }');
    const credentialsFile = server.file('credentials');
    writeFileSync(credentialsFile, '{"user": "balancer", "password": "pa55word"}', { mode: 0o644 });
    const config = { kind: 'nats', servers: [server.url], bucket, credentialsFile } as const;
    const a = open(server, 'a', { config, timeoutMs: 300 });
    await expect(a.store.load()).rejects.toThrow(/may be read by others/);
    chmodSync(credentialsFile, 0o600);
    await until(() => reached(a, true), 'it may come in');
    const none = open(server, 'b', { timeoutMs: 300 });
    await expect(none.store.load()).rejects.toThrow(/authorization/i);
    writeFileSync(credentialsFile, '{"user": "balancer", "password": "wr0ng"}');
    const wrong = open(server, 'c', { config, timeoutMs: 300 });
    const error = (await wrong.store.load().catch((each: unknown) => each)) as Error;
    expect(error).toEqual(unavailable);
    const said = JSON.stringify([wrong.events, wrong.lines, error.message]);
    for (const secret of ['wr0ng', 'pa55word']) expect(said).not.toContain(secret);
    writeFileSync(credentialsFile, 'pa55word');
    const nonsense = open(server, 'd', { config, timeoutMs: 300 });
    await expect(nonsense.store.load()).rejects.toThrow(/holds no credentials/);
  });

  it('tries the next server when one does not answer', async () => {
    const server = await startServer();
    const gone = await startServer();
    await gone.stop();
    const config = { kind: 'nats', servers: [gone.url, gone.url, server.url], bucket } as const;
    const stores = ['a', 'b', 'c'].map((name) => open(server, name, { config }));
    for (const { store } of stores) expect(await store.load()).toBeUndefined();
  });

  it('demands TLS with a certificate that it can check, where it is to', async () => {
    const server = await startServer();
    const [certFile, keyFile] = [server.file('cert.pem'), server.file('key.pem')];
    const name = ['-subj', '/CN=nats', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
    ];
    execFileSync('openssl', [...made, ...name, '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' });
    const secure = await startServer(`tls { cert_file: "${certFile}", key_file: "${keyFile}" }`);
    const config = { kind: 'nats', servers: [secure.url], bucket } as const;
    const a = open(secure, 'a', { config: { ...config, tls: { caFile: certFile } } });
    expect(await a.store.load()).toBeUndefined();
    // A certificate of another host is not taken, for an address neither.
    const elsewhere = server.file('elsewhere.pem');
    const other = ['-subj', '/CN=nats', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.2'];
    execFileSync('openssl', [...made, ...other, '-keyout', keyFile, '-out', elsewhere], { stdio: 'pipe' });
    const wrong = await startServer(`tls { cert_file: "${elsewhere}", key_file: "${keyFile}" }`);
    const mistaken = open(wrong, 'd', {
      config: { ...config, servers: [wrong.url], tls: { caFile: elsewhere } },
      timeoutMs: 300,
    });
    await expect(mistaken.store.load()).rejects.toThrow(/127\.0\.0\.1 is not in the cert/);
    const unknown = open(secure, 'b', { config: { ...config, tls: {} }, timeoutMs: 300 });
    await expect(unknown.store.load()).rejects.toThrow(/certificate/);
    // Where there is no TLS to be had, nothing goes without.
    const plain = { ...config, servers: [server.url.replace('nats:', 'tls:')] };
    const b = open(server, 'c', { config: plain, timeoutMs: 300 });
    await expect(b.store.load()).rejects.toThrow(/tls/);
  });
});
