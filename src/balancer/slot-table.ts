/**
 * The bookkeeping of a table with a fixed number of slots, in typed arrays: chains by hash, and lists by age, of which a slot
 * is in one. Owns no content: whoever has the table keeps arrays of its own, by slot. All is allocated at once, so that a
 * packet never allocates; memory that was never written to costs nothing on common systems.
 */
import { assert, NEVER } from '../base/index.js';

/** No slot. */
export const NO_SLOT = -1;
/** Slots that may expire in one call, so that no packet waits long for others' time-outs. */
const maxExpiredAtOnce = 4096;

export class SlotTable {
  /** Bytes for each slot, its chain included when the capacity is a power of two. */
  static readonly bytesPerSlot = 29;
  readonly capacity: number;
  /** Slots in use. */
  size = 0;
  /** When each slot was touched last, in ns. */
  readonly touchedAt: Float64Array;
  private readonly hashes: Int32Array;
  private readonly chainNext: Int32Array;
  /** Slot before and behind each in its list; of a free slot `newer` is the next free one. */
  private readonly older: Int32Array;
  private readonly newer: Int32Array;
  private readonly lists: Uint8Array;
  /** First slot of each chain, plus one, so that fresh memory is a table without slots. */
  private readonly chains: Int32Array;
  private readonly mask: number;
  private readonly oldestOf: Int32Array;
  private readonly newestOf: Int32Array;
  private readonly sizes: Int32Array;
  /** How long a slot of each list lives untouched, in ns. */
  private readonly livesNs: readonly number[];
  private firstFree = NO_SLOT;
  /** Slots from here on were never used. */
  private unused = 0;

  /** `livesNs`: for each list, 1 to 255 of them, how long its slots live untouched, in ns. */
  constructor(capacity: number, livesNs: readonly number[]) {
    const lists = livesNs.length;
    this.capacity = capacity;
    this.livesNs = livesNs;
    this.touchedAt = new Float64Array(capacity);
    this.hashes = new Int32Array(capacity);
    this.chainNext = new Int32Array(capacity);
    this.older = new Int32Array(capacity);
    this.newer = new Int32Array(capacity);
    this.lists = new Uint8Array(capacity);
    let chains = 16;
    while (chains < capacity) chains *= 2;
    this.chains = new Int32Array(chains);
    this.mask = chains - 1;
    this.oldestOf = new Int32Array(lists).fill(NO_SLOT);
    this.newestOf = new Int32Array(lists).fill(NO_SLOT);
    this.sizes = new Int32Array(lists);
  }

  /** Takes a free slot for `hash` and makes it the newest of `list`; {@link NO_SLOT} when all are taken. */
  add(now: number, hash: number, list: number): number {
    let slot = this.firstFree;
    if (slot !== NO_SLOT) this.firstFree = this.newer[slot]!;
    else if (this.unused < this.capacity) slot = this.unused++;
    else return NO_SLOT;
    const chain = hash & this.mask;
    this.hashes[slot] = hash;
    this.chainNext[slot] = this.chains[chain]! - 1;
    this.chains[chain] = slot + 1;
    this.size++;
    this.append(now, slot, list);
    return slot;
  }

  /** Frees a slot that is in use. */
  remove(slot: number): void {
    const chain = this.hashes[slot]! & this.mask;
    let at = this.chains[chain]! - 1;
    const next = this.chainNext[slot]!;
    if (at === slot) this.chains[chain] = next + 1;
    else {
      while (this.chainNext[at] !== slot) {
        at = this.chainNext[at]!;
        assert(at !== NO_SLOT, 'a slot is in no chain');
      }
      this.chainNext[at] = next;
    }
    this.detach(slot);
    this.newer[slot] = this.firstFree;
    this.firstFree = slot;
    this.size--;
  }

  /** First slot of the chain that `hash` is in. */
  first(hash: number): number {
    return this.chains[hash & this.mask]! - 1;
  }

  /** The slot behind `slot` in its chain. */
  next(slot: number): number {
    return this.chainNext[slot]!;
  }

  /** Makes `slot` the newest of `list`. */
  touch(now: number, slot: number, list: number): void {
    if (this.newestOf[list] === slot) {
      this.touchedAt[slot] = now;
      return;
    }
    this.detach(slot);
    this.append(now, slot, list);
  }

  /** The list that `slot` is in. */
  listOf(slot: number): number {
    return this.lists[slot]!;
  }

  /** The slot of `list` that was touched longest ago. */
  oldest(list: number): number {
    return this.oldestOf[list]!;
  }

  /** The slot of the same list that was touched next after `slot`. */
  after(slot: number): number {
    return this.newer[slot]!;
  }

  /** Slots in `list`. */
  count(list: number): number {
    return this.sizes[list]!;
  }

  /** When the next slot expires, in ns; NEVER when none is in use. */
  nextExpiry(): number {
    let next = NEVER;
    for (let list = 0; list < this.livesNs.length; list++) {
      const slot = this.oldest(list);
      if (slot !== NO_SLOT) next = Math.min(next, this.touchedAt[slot]! + this.livesNs[list]!);
    }
    return next;
  }

  /** Frees slots whose time is over, a bounded number ({@link nextExpiry} tells whether there are more); returns how many. */
  expire(now: number): number {
    let expired = 0;
    for (let list = 0; list < this.livesNs.length; list++) {
      const lifeNs = this.livesNs[list]!;
      let slot = this.oldest(list);
      // The sum that nextExpiry gives, so that what it names as due is due here, however the numbers round.
      while (slot !== NO_SLOT && expired < maxExpiredAtOnce && this.touchedAt[slot]! + lifeNs <= now) {
        this.remove(slot);
        expired++;
        slot = this.oldest(list);
      }
    }
    return expired;
  }

  private append(now: number, slot: number, list: number): void {
    const newest = this.newestOf[list]!;
    this.lists[slot] = list;
    this.touchedAt[slot] = now;
    this.older[slot] = newest;
    this.newer[slot] = NO_SLOT;
    if (newest === NO_SLOT) this.oldestOf[list] = slot;
    else this.newer[newest] = slot;
    this.newestOf[list] = slot;
    this.sizes[list]!++;
  }

  private detach(slot: number): void {
    const list = this.lists[slot]!;
    const older = this.older[slot]!;
    const newer = this.newer[slot]!;
    if (older === NO_SLOT) this.oldestOf[list] = newer;
    else this.newer[older] = newer;
    if (newer === NO_SLOT) this.newestOf[list] = older;
    else this.older[newer] = older;
    this.sizes[list]!--;
  }
}
