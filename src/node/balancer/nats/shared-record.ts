/**
 * What one balancer knows of the shared record, and how that follows what the store says. Two rules hold whatever the store does:
 * nobody goes back to a lower number, and of two records with the same number the store's counts. So a store that comes back empty
 * or from an older backup is told again what was lost, by whoever is first; and one in which others went on from another state is
 * followed.
 *
 * Calls come one at a time (nats-store.ts sees to it). Tells what happened as events, in order.
 */
import { MILLISECOND, SubflowError } from '../../../base/index.js';
import { type Generation, type GenerationSnapshot, isSameGeneration } from '../../../balancer/index.js';
import type { StoredState, StoreEvent } from '../state-store.js';
import {
  decodeRecord,
  encodeRecord,
  isWhole,
  maxLoggedGenerations,
  packSnapshot,
  unpackSnapshot,
  type PackedSnapshot,
  type SnapshotPlace,
} from './record.js';
import type { NatsSession, StoredValue } from './session.js';

/** Times that a change is tried again after others were first. */
const maxRounds = 8;
/** Least time between two times that the store is told what it lost, in ms: somebody may keep spoiling it. */
const restoreEveryMs = 1000;

/** What is told, beside what methods give. */
export interface SharedRecordListener {
  /** The record went on, or was replaced. */
  handleEvent(event: StoreEvent): void;
  /** Something in the store was refused: once for each time that it changes. */
  handleRefusal(why: string): void;
  /** The store was told again what it had lost. */
  handleRestored(number: number): void;
}

/** A snapshot, and where it is in the store. */
interface KnownSnapshot {
  readonly value: GenerationSnapshot;
  readonly packed: PackedSnapshot;
}

export class SharedRecord {
  private readonly instance: string;
  private readonly listener: SharedRecordListener;
  private snapshot: KnownSnapshot | undefined = undefined;
  private generations: readonly Generation[] = [];
  /** Revision of the value that was looked at last. */
  private revision = 0;
  /** Why the value of {@link revision} cannot be used; undefined when it can. */
  private fault: string | undefined = undefined;
  /** Whether it is of a later version of the program, and not to be replaced. */
  private isNewer = false;
  private restoredAtMs = Number.NEGATIVE_INFINITY;

  /** `instance` names this process. */
  constructor(instance: string, listener: SharedRecordListener) {
    this.instance = instance;
    this.listener = listener;
  }

  /** Number of the latest generation; 0 when there is none. */
  get number(): number {
    return this.latest?.number ?? 0;
  }

  private get latest(): Generation | undefined {
    return this.generations.at(-1) ?? this.snapshot?.value.generation;
  }

  /** What is known; undefined for a new service. Throws `ERR_SUBFLOW_BAD_STATE` when the store holds nonsense and nothing better is known. */
  get state(): StoredState | undefined {
    if (this.latest !== undefined) return { snapshot: this.snapshot?.value, generations: this.generations };
    this.checkUsable();
    return undefined;
  }

  /** What makes no sense is replaced as soon as somebody knows better; what a later version wrote is not. */
  private checkUsable(): void {
    if (this.fault === undefined || (this.latest !== undefined && !this.isNewer)) return;
    throw new SubflowError('ERR_SUBFLOW_BAD_STATE', `the shared store cannot be used: ${this.fault}`, {
      hint: this.isNewer
        ? 'Update this balancer as the others are.'
        : 'Restore the bucket from a backup, or delete it to begin anew.',
    });
  }

  /** Looks at the store on a new connection: revisions before it mean nothing any more, and parts may be gone. */
  async begin(session: NatsSession): Promise<void> {
    const before = this.snapshot;
    this.revision = -1;
    await this.refresh(session);
    // One that was fetched just now is all there.
    if (before !== undefined && before === this.snapshot && this.fault === undefined)
      await this.verifyParts(session);
  }

  /** Reads the record and takes it. */
  async refresh(session: NatsSession): Promise<void> {
    await this.take(session, await session.readRecord());
  }

  /** Takes a change that was heard of; one from before the last write or refresh is none any more. */
  async hear(session: NatsSession, revision: number): Promise<void> {
    if (revision > this.revision) await this.refresh(session);
  }

  private async take(session: NatsSession, { revision, bytes }: StoredValue): Promise<void> {
    if (revision === this.revision) return;
    this.revision = revision;
    this.fault = undefined;
    this.isNewer = false;
    if (bytes === undefined) {
      await this.restore(session);
      return;
    }
    const record = await decodeRecord(bytes, Date.now() * MILLISECOND);
    if (!record.ok) {
      this.isNewer = record.code === 'newer-format';
      await this.refuse(session, record.message);
      return;
    }
    const { snapshot, generations } = record.value;
    const head = generations.at(-1)?.number ?? snapshot!.number;
    if (head < this.number) {
      await this.restore(session);
      return;
    }
    const place = snapshot ?? undefined;
    const fetched = place === undefined ? undefined : await this.fetch(session, place);
    if (typeof fetched === 'string') await this.refuse(session, fetched);
    else this.adopt(fetched, generations);
  }

  /** Takes over a record whose number is not lower than the own one, and says what is new. */
  private adopt(snapshot: KnownSnapshot | undefined, generations: readonly Generation[]): void {
    const own = this.latest;
    const after = own === undefined ? generations : generations.filter(({ number }) => number > own.number);
    const same = own === undefined ? undefined : generationAt(own.number, snapshot, generations);
    const isNext =
      own === undefined ? snapshot === undefined : same !== undefined && isSameGeneration(own, same);
    this.snapshot = snapshot;
    this.generations = generations;
    if (isNext) for (const generation of after) this.listener.handleEvent({ type: 'generation', generation });
    else this.listener.handleEvent({ type: 'state', state: this.state! });
  }

  /** The snapshot at `place`, or what is wrong with it. */
  private async fetch(session: NatsSession, place: SnapshotPlace): Promise<KnownSnapshot | string> {
    if (isSamePlace(this.snapshot?.packed.place, place)) return this.snapshot!;
    const parts = await session.readParts(place);
    const value = await unpackSnapshot(place, parts, Date.now() * MILLISECOND);
    return value.ok ? { value: value.value, packed: { place, parts } } : value.message;
  }

  private async refuse(session: NatsSession, why: string): Promise<void> {
    this.fault = why;
    this.listener.handleRefusal(why);
    if (!this.isNewer) await this.restore(session);
  }

  /** Tells the store what this balancer knows, which is more than the store does. */
  private async restore(session: NatsSession): Promise<void> {
    if (this.latest === undefined) return;
    const nowMs = performance.now();
    if (nowMs - this.restoredAtMs < restoreEveryMs) {
      // Looked at again with the next refresh.
      this.revision = -1;
      return;
    }
    this.restoredAtMs = nowMs;
    if (this.snapshot !== undefined) {
      const { place, parts } = this.snapshot.packed;
      await session.writeParts(place, parts);
    }
    const won = await this.write(session, this.snapshot, this.generations);
    if (won) this.listener.handleRestored(this.number);
    // Another balancer was first: looked at with the next refresh, or as it is heard of.
    else this.revision = -1;
  }

  private async verifyParts(session: NatsSession): Promise<void> {
    const { place } = this.snapshot!.packed;
    if (!isWhole(place, await session.readParts(place)))
      await this.refuse(session, `the snapshot of generation ${place.number} is damaged or incomplete`);
  }

  /** Writes a record in the place of the one that is known. False when there is another by now. */
  private async write(
    session: NatsSession,
    snapshot: KnownSnapshot | undefined,
    generations: readonly Generation[],
  ): Promise<boolean> {
    const record = { by: this.instance, snapshot: snapshot?.packed.place, generations };
    const revision = await session.writeRecord(await encodeRecord(record), Math.max(0, this.revision));
    if (revision === undefined) return false;
    this.revision = revision;
    this.fault = undefined;
    this.snapshot = snapshot;
    this.generations = generations;
    return true;
  }

  /**
   * Appends the generation that follows. False when another was first. Throws `ERR_SUBFLOW_BAD_GENERATION` for one that cannot
   * follow, `ERR_SUBFLOW_STORE_FULL`, `ERR_SUBFLOW_BAD_STATE`, and what the session throws: then it may have been appended or not.
   */
  async append(session: NatsSession, generation: Generation): Promise<boolean> {
    // What others appended may not have been heard of yet.
    if (this.revision < 0 || generation.number > this.number + 1) await this.refresh(session);
    this.checkUsable();
    const { latest } = this;
    if (generation.number <= this.number) return false;
    if (generation.number > this.number + 1 || (latest !== undefined && generation.atNs <= latest.atNs)) {
      throw new SubflowError(
        'ERR_SUBFLOW_BAD_GENERATION',
        `generation ${generation.number} does not follow generation ${this.number}`,
        { hint: 'Numbers rise by one, and times rise.' },
      );
    }
    if (this.generations.length >= maxLoggedGenerations) {
      throw new SubflowError(
        'ERR_SUBFLOW_STORE_FULL',
        `there are ${maxLoggedGenerations} generations since the last snapshot`,
        { hint: 'A snapshot (compact) makes room.' },
      );
    }
    if (await this.write(session, this.snapshot, [...this.generations, generation])) return true;
    await this.refresh(session);
    return false;
  }

  /** Puts a snapshot in the place of the generations up to its own. Throws as {@link append}. */
  async compact(session: NatsSession, snapshot: GenerationSnapshot): Promise<void> {
    const { number } = snapshot.generation;
    if (number > this.number) {
      throw new SubflowError('ERR_SUBFLOW_BAD_GENERATION', `there is no generation ${number} to compact`, {
        hint: `The latest is ${this.number}.`,
      });
    }
    const packed = await packSnapshot(snapshot);
    if (packed === undefined) {
      throw new SubflowError('ERR_SUBFLOW_STORE_FULL', 'the snapshot is too large for a shared store', {
        hint: 'Use fewer buckets.',
      });
    }
    for (
      let round = 0;
      round < maxRounds && (this.snapshot?.value.generation.number ?? 0) < number;
      round++
    ) {
      if (this.revision < 0) await this.refresh(session);
      this.checkUsable();
      await session.writeParts(packed.place, packed.parts);
      const rest = this.generations.filter((generation) => generation.number > number);
      if (await this.write(session, { value: snapshot, packed }, rest)) {
        await session.removeParts(number);
        return;
      }
      await this.refresh(session);
    }
  }
}

/** The generation with this number; undefined where a record does not have it any more. */
function generationAt(
  number: number,
  snapshot: KnownSnapshot | undefined,
  generations: readonly Generation[],
): Generation | undefined {
  const own = snapshot?.value.generation;
  return own?.number === number ? own : generations.find((generation) => generation.number === number);
}

function isSamePlace(a: SnapshotPlace | undefined, b: SnapshotPlace): boolean {
  return a?.hash === b.hash && a.number === b.number && a.parts === b.parts;
}
