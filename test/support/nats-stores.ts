/** Stores shared through a real server of NATS, for tests: each with what its watch told, and all of it let go of behind a test. */
import { connect } from '@nats-io/transport-node';
import { Kvm, type KV } from '@nats-io/kv';
import { jetstream } from '@nats-io/jetstream';
import { afterEach, expect } from 'vitest';
import { NatsServer } from './nats-server.js';
import {
  BucketTable,
  ServerSet,
  type Generation,
  type GenerationSnapshot,
} from '../../src/balancer/index.js';
import { IpAddress } from '../../src/wire/index.js';
import { Log } from '../../src/node/daemon/log.js';
import { natsStore, type NatsStoreOptions } from '../../src/node/balancer/nats-store.js';
import type { StateStore, StoreEvent } from '../../src/node/balancer/state-store.js';

/** What is let go of behind the test, the latest first. */
export const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The bucket of all stores. */
export const bucket = 'web';
/** Before the time of every {@link generation}, ns since 1970. */
export const startNs = Date.now() * 1e6;

/** A server of NATS, with this configuration. */
export async function startServer(config?: string): Promise<NatsServer> {
  const server = await NatsServer.start(config === undefined ? {} : { config });
  cleanUps.push(() => server.close());
  return server;
}

/** A store with all that its watch told and its log said. */
export interface Watched {
  readonly store: StateStore;
  readonly events: StoreEvent[];
  readonly lines: string[];
}

/** A store of the server's, which is not loaded yet. */
export function open(server: NatsServer, balancer: string, options: Partial<NatsStoreOptions> = {}): Watched {
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

/** A store of the server's, loaded. */
export async function opened(
  server: NatsServer,
  balancer: string,
  options: Partial<NatsStoreOptions> = {},
): Promise<Watched> {
  const watched = open(server, balancer, options);
  await watched.store.load();
  return watched;
}

/** Generation `number`, whose servers tell who made it. */
export function generation(number: number, by = 1): Generation {
  const servers = [1, 2, 3].map((id) => ({
    id,
    address: IpAddress.parse(`10.0.${by}.${id}`)!,
    state: 'up' as const,
  }));
  return { number, atNs: startNs + number * 1e6 + by * 1000, servers, reason: `by ${by}` };
}

/** Generation `number` with `size` buckets. */
export function snapshot(number: number, by = 1, size = 4096): GenerationSnapshot {
  const made = generation(number, by);
  const table = new BucketTable(made.atNs, size, 240e9, new ServerSet(made.servers), { bucketsMoved: 0 });
  return { generation: made, buckets: table.snapshot(made.atNs) };
}

/** Waits until something is so; throws when it never is. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let turn = 0; !(await condition()); turn++) {
    if (turn > 3000) throw new Error(`it never came about: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** Whether a store said last that it is in reach, or not. */
export const reached = ({ events }: Watched, isReachable: boolean): boolean => {
  const last = events.filter((event) => event.type === 'reach').at(-1);
  return last?.isReachable === isReachable;
};
/** Numbers of the generations that a watch told, those of whole states with a star. */
export function told({ events }: Watched): string[] {
  return events.flatMap((event) => {
    if (event.type === 'generation') return [`${event.generation.number}`];
    if (event.type !== 'state') return [];
    const { snapshot: base, generations } = event.state;
    return [`*${(generations.at(-1) ?? base!.generation).number}`];
  });
}
export const unavailable = expect.objectContaining({ code: 'ERR_SUBFLOW_STORE_UNAVAILABLE' }) as Error;

/** The bucket itself, for a peer that does as it likes. */
export async function rawBucket(server: NatsServer, name = bucket): Promise<KV> {
  const connection = await connect({ servers: server.url });
  cleanUps.push(() => connection.close());
  return new Kvm(jetstream(connection)).open(name);
}

/** What a balancer that begins now would find. */
export async function natsStoreOnce(server: NatsServer): ReturnType<StateStore['load']> {
  const store = natsStore({ config: { kind: 'nats', servers: [server.url], bucket }, balancer: 'once' });
  try {
    return await store.load();
  } finally {
    await store.close();
  }
}
