/**
 * The look-up table of Maglev (Eisenbud et al., NSDI 2016, §3.4): every server has a permutation of the places, the servers
 * take turns to take the next free place of theirs, and a flow belongs to the server of the place that its hash names. When a
 * server comes or goes, nearly all places keep theirs. A server that weighs more takes more places each turn.
 */
import type { Server } from './servers.js';

export class MaglevTable {
  /** Server of each place; undefined everywhere when there is none. */
  private readonly places: (Server | undefined)[];

  /** `size` is a prime; `servers` are those that take flows, by rising id. */
  constructor(servers: readonly Server[], size: number) {
    this.places = new Array<Server | undefined>(size).fill(undefined);
    if (servers.length > 0) this.fill(servers, size);
  }

  /** The server for `hash`, 0 to 2^32 - 1. */
  find(hash: number): Server | undefined {
    return this.places[hash % this.places.length];
  }

  private fill(servers: readonly Server[], size: number): void {
    const walks = servers.map(({ id }) => new Walk(id, size));
    for (let left = size; left > 0;) {
      for (let i = 0; i < servers.length; i++) {
        for (let turn = 0; turn < servers[i]!.weight && left > 0; turn++, left--) {
          this.takeNext(walks[i]!, servers[i]!);
        }
      }
    }
  }

  private takeNext(walk: Walk, server: Server): void {
    let place = walk.next();
    while (this.places[place] !== undefined) place = walk.next();
    this.places[place] = server;
  }
}

/** A server's permutation: from a first place on in steps of one length, which a prime number of places all come by. */
class Walk {
  private at: number;
  private readonly step: number;
  private readonly size: number;

  constructor(id: number, size: number) {
    this.size = size;
    this.at = scramble(id ^ 0x5bd1_e995) % size;
    this.step = size === 1 ? 0 : 1 + (scramble(id ^ 0x27d4_eb2f) % (size - 1));
  }

  next(): number {
    const place = this.at;
    this.at = (this.at + this.step) % this.size;
    return place;
  }
}

/** Spreads the bits of a word over all of it (the finalizer of MurmurHash3). */
export function scramble(word: number): number {
  let x = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
