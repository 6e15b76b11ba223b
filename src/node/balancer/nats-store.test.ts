/** The shared store against a real server of NATS, on loopback: generations, observations, tokens; and the way to it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  bucket,
  reached,
  unavailable,
  startNs,
  startServer,
  type Watched,
  open,
  opened,
  generation,
  snapshot,
  until,
  told,
  rawBucket,
} from '../../../test/support/nats-stores.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { maxWaitingTokens } from './nats-store.js';
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
