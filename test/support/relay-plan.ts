/** What relays are tried with: two peers, what each sends and how it reads, and what goes wrong, drawn from a seed. */
import { randomBelow, randomFill, SeededRandom } from '../../src/base/index.js';
import { kernelMptcp } from '../../src/linux/index.js';
import type { RelayOutcome } from '../../src/node/relay/index.js';

export type Protocol = 'tcp' | 'mptcp';
export type Side = 'client' | 'server';

export const protocols: readonly Protocol[] = kernelMptcp().available ? ['tcp', 'mptcp'] : ['tcp'];

/** What all streams are pieces of: of a length that no buffer's is a multiple of. */
export const pool = Buffer.from(randomFill(new SeededRandom(35), new Uint8Array(1_048_573)));

/** What one side sends, and how the other reads it. */
export interface Stream {
  /** Where in the pool it begins. */
  readonly start: number;
  /** Bytes, those included that the relay is given at its start. */
  readonly size: number;
  readonly early: number;
  readonly largestPiece: number;
  /** Share of pieces after which the sender waits. */
  readonly gaps: number;
  /** Behind how many bytes an urgent one is sent. */
  readonly urgentAt: number | undefined;
  /** Whether its end waits for that of the other direction. */
  readonly endsLast: boolean;
  /** Share of pieces after which the reader pauses, and for how long at most. */
  readonly pauses: number;
  readonly pauseMs: number;
}

/** What goes wrong, and when: before there is a relay, after so many bytes of both directions, or after a time. */
export interface Fault {
  readonly kind: 'reset' | 'destroy' | 'abort';
  readonly by: Side;
  readonly outcome: RelayOutcome;
  readonly when: { readonly bytes: number } | { readonly ms: number } | 'arrival';
}

export interface Plan {
  readonly client: Protocol;
  readonly listener: Protocol;
  readonly onward: Protocol;
  readonly target: Protocol;
  readonly pourFrom: number;
  readonly up: Stream;
  readonly down: Stream;
  readonly fault: Fault | undefined;
}

function pick<T>(random: SeededRandom, values: readonly T[]): T {
  return values[randomBelow(random, values.length)]!;
}

function drawStream(random: SeededRandom, mayBeUrgent: boolean, endsLast: boolean): Stream {
  const early = pick(random, [0, 0, 0, randomBelow(random, 60_000)]);
  const size =
    early +
    pick(
      random,
      [0, 100, 20_000, 300_000, 3_000_000].map((most) => randomBelow(random, most + 1)),
    );
  const isUrgent = mayBeUrgent && randomBelow(random, 3) === 0;
  return {
    start: randomBelow(random, pool.length),
    ...{ size, early, endsLast },
    // Few enough pieces for the gaps between them to end soon.
    largestPiece: Math.ceil(size / 50) + pick(random, [0, 1_000, 20_000, 500_000]),
    gaps: pick(random, [0, 0, 0.1, 0.5]),
    urgentAt: isUrgent ? early + randomBelow(random, size - early + 1) : undefined,
    pauses: pick(random, [0, 0.05, 0.3]),
    pauseMs: pick(random, [1, 5, 20]),
  };
}

function drawFault(random: SeededRandom, bytes: number): Fault {
  const kind = pick(random, ['reset', 'reset', 'destroy', 'abort'] as const);
  const by = pick(random, ['client', 'server'] as const);
  const moments: Fault['when'][] = [
    { bytes: randomBelow(random, bytes + 1) },
    { bytes },
    { ms: randomBelow(random, 30) },
  ];
  if (by === 'client' && kind !== 'abort') moments.push('arrival');
  const outcome = pick(random, ['idle', 'capped', 'drained'] as const);
  return { kind, by, outcome: kind === 'abort' ? outcome : `${by}-reset`, when: pick(random, moments) };
}

export function drawPlan(random: SeededRandom): Plan {
  const [client, listener, onward, target] = [0, 1, 2, 3].map(() => pick(random, protocols)) as [
    Protocol,
    Protocol,
    Protocol,
    Protocol,
  ];
  const last = pick(random, ['client', 'server', 'neither'] as const);
  // Multipath TCP has no urgent bytes: after a fallback they may come among the others.
  const up = drawStream(random, client === 'tcp' && listener === 'tcp', last === 'client');
  const down = drawStream(random, onward === 'tcp' && target === 'tcp', last === 'server');
  const pourFrom = pick(random, [0, 16_384, Infinity]);
  const fault = randomBelow(random, 2) === 0 ? undefined : drawFault(random, up.size + down.size);
  return { client, listener, onward, target, pourFrom, up, down, fault };
}

/** At most so many bytes of a stream from one place on: as many as lie together. */
export const piece = ({ start }: Stream, from: number, most: number): Buffer => {
  const at = (start + from) % pool.length;
  return pool.subarray(at, Math.min(pool.length, at + most));
};

/** All of a short stretch from its beginning. */
export const stretch = (stream: Stream, length: number): Buffer => {
  const first = piece(stream, 0, length);
  return Buffer.concat([first, piece(stream, first.length, length - first.length)]);
};
