/**
 * Tokens between balancers: those that the program learned are read from its ring, and those of others are handed to it as frames of
 * its own making. The layouts are those of bpf/learned.h and of `struct imported` in bpf/token_map.c.
 */
import type { TokenEntry } from '../../balancer/index.js';
import { maxServerId } from '../../balancer/index.js';
import type { BpfMap } from '../bpf/index.js';
import { only } from './xdp-maps.js';

/** Where the rest of an entry's upper half lies behind the server's 14 bits. */
const VERSION_BIT = 14;
const ROUND_SHIFT = 15;
const ROUNDS = 2 ** 17;
/** Tokens in one frame, and where they begin. */
const TOKENS_EACH = 8;
const FRAME_HEADER_BYTES = 14;
const IMPORTED_BYTES = 8;

/** What the program learned, from the last time on. */
export class LearnedTokens {
  private readonly ring: BpfMap;
  private readonly bits: number;
  /** Entries read so far, or missed. */
  private position = 0;
  private missed = 0;

  /** `ring` is the map `learned`, with 2 to the power of `bits` places. */
  constructor(ring: BpfMap, bits: number) {
    this.ring = ring;
    this.bits = bits;
  }

  /** Entries that others displaced before they were taken. */
  get missedCount(): number {
    return this.missed;
  }

  /** What was learned since the last call, the oldest first; no more than the ring holds, at the cost of one call of the kernel. */
  take(): TokenEntry[] {
    const places = 2 ** this.bits;
    const bytes = this.ring.get(only)!;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const head = Number(view.getBigUint64(0, true));
    this.skipTo(head - places);
    const entries: TokenEntry[] = [];
    for (; this.position < head; this.position++) {
      const at = 8 + 8 * (this.position % places);
      const upper = view.getUint32(at + 4, true);
      const ahead = this.roundsAhead(upper >>> ROUND_SHIFT);
      // A place that is still of an earlier round is about to be written by another processor.
      if (ahead < 0) break;
      if (ahead > 0) this.missed++;
      else
        entries.push({
          token: view.getUint32(at, true),
          version: ((upper >>> VERSION_BIT) & 1) === 0 ? 0 : 1,
          server: upper & maxServerId,
        });
    }
    return entries;
  }

  private skipTo(position: number): void {
    if (position <= this.position) return;
    this.missed += position - this.position;
    this.position = position;
  }

  /** Rounds that an entry is ahead of the one that is expected at the position: 0, or less, or more. */
  private roundsAhead(round: number): number {
    const expected = (Math.floor(this.position / 2 ** this.bits) + 1) % ROUNDS;
    const ahead = (round - expected + ROUNDS) % ROUNDS;
    return ahead < ROUNDS / 2 ? ahead : ahead - ROUNDS;
  }
}

/** Frames that tell the program of tokens; entries that make no sense are left out. */
export function* importFrames(entries: readonly TokenEntry[]): Generator<Uint8Array> {
  const sound = entries.filter(isSound);
  for (let first = 0; first < sound.length; first += TOKENS_EACH) {
    const some = sound.slice(first, first + TOKENS_EACH);
    const frame = new Uint8Array(FRAME_HEADER_BYTES + IMPORTED_BYTES * some.length);
    const view = new DataView(frame.buffer);
    some.forEach(({ token, server }, i) => {
      view.setUint32(FRAME_HEADER_BYTES + IMPORTED_BYTES * i, token, true);
      view.setUint16(FRAME_HEADER_BYTES + IMPORTED_BYTES * i + 4, server, true);
    });
    yield frame;
  }
}

function isSound({ token, server }: TokenEntry): boolean {
  const isToken = Number.isInteger(token) && token >= 0 && token < 2 ** 32;
  return isToken && Number.isInteger(server) && server >= 1 && server <= maxServerId;
}
