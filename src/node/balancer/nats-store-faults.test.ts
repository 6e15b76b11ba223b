/** The shared store against a real server of NATS that stops, loses what it had, or holds what somebody spoiled. */
import { connect } from '@nats-io/transport-node';
import { cpSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import {
  bucket,
  reached,
  unavailable,
  startServer,
  open,
  opened,
  generation,
  snapshot,
  until,
  told,
  rawBucket,
  natsStoreOnce,
  cleanUps,
} from '../../../test/support/nats-stores.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { encodeRecord } from './nats/record.js';
import { maxBalancers } from './nats-store.js';
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
    // Whichever of them is there first tells the store what it knows: the snapshot too, once it has heard of it.
    await until(async () => (await b!.store.load())?.snapshot !== undefined, 'b knows the snapshot');
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
