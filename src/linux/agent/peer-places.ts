/**
 * Which place of a table each address has. An address keeps its place when it goes and comes again, since the memory of who had which
 * bucket speaks of places; only when all are taken does one that is gone make room, the one that went longest ago. No I/O.
 */
import { SubflowError } from '../../base/index.js';

/** See the module. Addresses are texts. */
export class PeerPlaces {
  private readonly size: number;
  private readonly present = new Map<string, number>();
  /** Places of those that are gone, in the order in which they went. */
  private readonly gone = new Map<string, number>();
  private used = 0;

  /** Places 0 to `size` - 1. */
  constructor(size: number) {
    this.size = size;
  }

  /** The place of an address that is there; undefined for others. */
  find(address: string): number | undefined {
    return this.present.get(address);
  }

  /** Takes an address in and gives its place. Throws `ERR_SUBFLOW_BAD_SERVER` when all places are those of others. */
  add(address: string): number {
    const known = this.present.get(address) ?? this.gone.get(address) ?? this.free();
    this.gone.delete(address);
    this.present.set(address, known);
    return known;
  }

  /** Lets an address go and gives the place that it had; undefined when it was not there. */
  remove(address: string): number | undefined {
    const place = this.present.get(address);
    if (place === undefined) return undefined;
    this.present.delete(address);
    this.gone.set(address, place);
    return place;
  }

  /** Those that are there. */
  addresses(): string[] {
    return [...this.present.keys()];
  }

  private free(): number {
    if (this.used < this.size) return this.used++;
    const [oldest] = this.gone;
    if (oldest === undefined) {
      throw new SubflowError('ERR_SUBFLOW_BAD_SERVER', `there is room for ${this.size} other servers`, {
        hint: 'Name those that share buckets with this one only.',
      });
    }
    this.gone.delete(oldest[0]);
    return oldest[1];
  }
}
