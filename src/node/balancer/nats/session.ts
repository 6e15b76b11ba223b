/**
 * One connection to the shared store, from the first packet to the last; it never comes back, the store makes another one. Knows which
 * keys, buckets and streams there are, and nothing of what their bytes mean.
 *
 * In the bucket of the configuration: `record`, the value that balancers contend for (record.ts), and `snapshot.NUMBER.HASH.PART`. In
 * the bucket `...-live`, in the servers' memory: `observation.NAME`, which the servers forget after a while. In the stream
 * `SUBFLOW_TOKENS_...`: tokens, on one subject a process.
 *
 * Read first: ADR-8 of NATS on key-value stores; JetStream's expected-last-subject-sequence.
 */
import {
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  jetstream,
  RetentionPolicy,
  StorageType,
  type JetStreamClient,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { Kvm, type KV, type KvWatchEntry } from '@nats-io/kv';
import { connect, nanos, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';
import { SubflowError } from '../../../base/index.js';
import { messageOf } from '../../net-error.js';
import type { SnapshotPlace } from './record.js';

/** Bytes of the record, with which a message of NATS's default size is full. */
export const maxValueBytes = 1_000_000;
/** Bytes of the bucket with record and snapshots, of the one with observations, and of the stream with tokens. */
const maxBucketBytes = 128 * 1024 * 1024;
const maxLiveBytes = 16 * 1024 * 1024;
const maxTokenBytes = 64 * 1024 * 1024;
/** How long tokens are kept for balancers that begin later, in ms. */
const tokenLifeMs = 3_600_000;

const recordKey = 'record';
const wrongLastSequence: readonly number[] = [10_071, 10_164];

/** How to make a {@link NatsSession}. */
export interface SessionOptions {
  readonly connection: ConnectionOptions;
  readonly bucket: string;
  readonly replicas: 1 | 3 | 5;
  /** Names this process among those that share tokens. */
  readonly instance: string;
  /** How long the servers keep an observation, in ms. */
  readonly observationLifeMs: number;
  /** How long to wait for one answer, in ms. */
  readonly timeoutMs: number;
}

/** What is heard without having been asked for. */
export interface SessionListener {
  /** The record has this revision now. */
  handleRecord(revision: number): void;
  /** Another process put an observation under the name; undefined: took it away. */
  handleObservation(name: string, bytes: Uint8Array | undefined): void;
  /** Another process's tokens; `position` is where the stream goes on after them. */
  handleTokens(bytes: Uint8Array, position: TokenPosition): void;
}

/** A value with its revision, which the next one has to name; 0 where there is none. */
export interface StoredValue {
  readonly revision: number;
  readonly bytes: Uint8Array | undefined;
}

/** A place in the stream of tokens. */
export interface TokenPosition {
  /** Tells streams of one name from each other. */
  readonly created: string;
  readonly next: number;
}

export class NatsSession {
  /** Resolves when the connection is over, with why. */
  readonly ended: Promise<string>;
  private readonly connection: NatsConnection;
  private readonly options: SessionOptions;
  private readonly client: JetStreamClient;
  private readonly manager: JetStreamManager;
  private readonly main: KV;
  private readonly live: KV;
  /** Ends it for a reason of our own. */
  private readonly finish: (why: string) => void;

  private constructor(
    connection: NatsConnection,
    options: SessionOptions,
    parts: { client: JetStreamClient; manager: JetStreamManager; main: KV; live: KV },
  ) {
    this.connection = connection;
    this.options = options;
    this.client = parts.client;
    this.manager = parts.manager;
    this.main = parts.main;
    this.live = parts.live;
    let finish = (_why: string): void => undefined;
    const own = new Promise<string>((resolve) => (finish = resolve));
    this.finish = finish;
    const closed = connection.closed().then((error) => error?.message ?? 'the connection was closed');
    this.ended = Promise.race([own, closed]);
  }

  /** Connects, and makes buckets and streams that are not there. Rejects with what went wrong, and nothing is left open. */
  static async open(options: SessionOptions): Promise<NatsSession> {
    const connection = await connect(options.connection);
    try {
      const { timeoutMs: timeout, bucket, replicas } = options;
      const client = jetstream(connection, { timeout });
      const manager = await client.jetstreamManager();
      const buckets = new Kvm(client);
      const common = { history: 1, replicas, timeout, allow_direct: false, maxValueSize: maxValueBytes };
      const main = await buckets.create(bucket, { ...common, max_bytes: maxBucketBytes });
      const live = await buckets.create(`${bucket}-live`, {
        ...common,
        max_bytes: maxLiveBytes,
        storage: StorageType.Memory,
        ttl: options.observationLifeMs,
      });
      return new NatsSession(connection, options, { client, manager, main, live });
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Ends the connection. */
  async close(why = 'the store was closed'): Promise<void> {
    this.finish(why);
    await this.connection.close();
  }

  /** The record as it is now. */
  async readRecord(): Promise<StoredValue> {
    return valueOf(await this.main.get(recordKey));
  }

  /** Replaces the record whose revision is `revision`; gives the new one, or undefined when there is another by now. */
  async writeRecord(bytes: Uint8Array, revision: number): Promise<number | undefined> {
    if (bytes.length > maxValueBytes) {
      throw new SubflowError(
        'ERR_SUBFLOW_STORE_FULL',
        `the record of generations would have ${bytes.length} bytes; ${maxValueBytes} may be`,
        { hint: 'A snapshot (compact) makes room.' },
      );
    }
    try {
      return await this.main.put(recordKey, bytes, {
        previousSeq: revision,
        timeout: this.options.timeoutMs,
      });
    } catch (error) {
      if (error instanceof JetStreamApiError && wrongLastSequence.includes(error.code)) return undefined;
      throw error;
    }
  }

  /** Writes the parts of a snapshot. */
  async writeParts(place: SnapshotPlace, parts: readonly Uint8Array[]): Promise<void> {
    for (const [i, part] of parts.entries())
      await this.main.put(partKey(place, i), part, { timeout: this.options.timeoutMs });
  }

  /** Reads the parts of a snapshot; those that are not there are left out. */
  async readParts(place: SnapshotPlace): Promise<Uint8Array[]> {
    const parts: Uint8Array[] = [];
    for (let i = 0; i < place.parts; i++) {
      const { bytes } = valueOf(await this.main.get(partKey(place, i)));
      if (bytes !== undefined) parts.push(bytes);
    }
    return parts;
  }

  /** Removes snapshots of generations before `number`: whoever still writes one will find that it came too late. */
  async removeParts(number: number): Promise<void> {
    const stale = new Set<string>();
    for await (const key of await this.main.keys('snapshot.>')) {
      const prefix = key.split('.', 3).join('.');
      if (Number(key.split('.', 2)[1]) < number) stale.add(prefix);
    }
    for (const prefix of stale) {
      const filter = `$KV.${this.options.bucket}.${prefix}.>`;
      await this.manager.streams.purge(`KV_${this.options.bucket}`, { filter });
    }
  }

  /** Puts an observation under `name`. */
  async putObservation(name: string, bytes: Uint8Array): Promise<void> {
    await this.live.put(observationKey(name), bytes, { timeout: this.options.timeoutMs });
  }

  /** Takes the observation under `name` away. */
  async removeObservation(name: string): Promise<void> {
    await this.live.delete(observationKey(name));
  }

  /** Begins to listen to what changes. What goes wrong later ends the session. */
  async listen(listener: SessionListener, tokens: TokenPosition | undefined): Promise<void> {
    const records = await this.main.watch({ key: recordKey });
    void this.follow(records, ({ revision }) => listener.handleRecord(revision));
    const observations = await this.live.watch({ key: 'observation.>' });
    void this.follow(observations, (entry) => {
      const name = observationName(entry.key);
      if (name !== undefined) listener.handleObservation(name, valueOf(entry).bytes);
    });
    await this.listenToTokens(listener, tokens);
  }

  private async follow(
    entries: AsyncIterable<KvWatchEntry>,
    take: (entry: KvWatchEntry) => void,
  ): Promise<void> {
    try {
      for await (const entry of entries) take(entry);
      this.finish('the store stopped telling of changes');
    } catch (error) {
      this.finish(messageOf(error));
    }
  }

  private async listenToTokens(listener: SessionListener, from: TokenPosition | undefined): Promise<void> {
    const stream = tokenStream(this.options.bucket);
    const created = await this.makeTokenStream(stream);
    const isSame = from?.created === created;
    const consumer = await this.client.consumers.get(stream, {
      ...(isSame
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.next }
        : { deliver_policy: DeliverPolicy.All }),
    });
    const own = tokenSubject(this.options.bucket, this.options.instance);
    await consumer.consume({
      max_messages: 64,
      callback: (message) => {
        if (message.subject !== own) listener.handleTokens(message.data, { created, next: message.seq + 1 });
      },
    });
  }

  /** Makes the stream of tokens unless it is there; gives when it was made. */
  private async makeTokenStream(name: string): Promise<string> {
    const { streams } = this.manager;
    const { created } = await streams.info(name).catch((error: unknown) => {
      if (!(error instanceof JetStreamApiError && error.code === 10_059)) throw error;
      return streams.add({
        name,
        subjects: [`${tokenSubject(this.options.bucket, '*')}`],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        discard: DiscardPolicy.Old,
        max_age: nanos(tokenLifeMs),
        max_bytes: maxTokenBytes,
        max_msg_size: maxValueBytes,
        num_replicas: this.options.replicas,
      });
    });
    return String(created);
  }

  /** Sends tokens; they are safe when the promise resolves. */
  async sendTokens(bytes: Uint8Array): Promise<void> {
    const subject = tokenSubject(this.options.bucket, this.options.instance);
    await this.client.publish(subject, bytes, { timeout: this.options.timeoutMs });
  }
}

function valueOf(entry: { revision: number; operation: string; value: Uint8Array } | null): StoredValue {
  if (entry === null) return { revision: 0, bytes: undefined };
  return { revision: entry.revision, bytes: entry.operation === 'PUT' ? entry.value : undefined };
}

function partKey({ number, hash }: SnapshotPlace, part: number): string {
  return `snapshot.${number}.${hash}.${part}`;
}

/** Keys have few characters, names of balancers have any. */
function observationKey(name: string): string {
  return `observation.${Buffer.from(name).toString('base64url')}`;
}

/** The name that a key stands for; undefined where that is none. */
function observationName(key: string): string | undefined {
  const encoded = /^observation\.([\w-]{1,700})$/.exec(key)?.[1];
  if (encoded === undefined) return undefined;
  const name = Buffer.from(encoded, 'base64url').toString();
  return observationKey(name) === key ? name : undefined;
}

function tokenStream(bucket: string): string {
  return `SUBFLOW_TOKENS_${bucket}`;
}

function tokenSubject(bucket: string, instance: string): string {
  return `subflow.tokens.${bucket}.${instance}`;
}
