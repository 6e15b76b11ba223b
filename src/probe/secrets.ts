/**
 * What a run draws at random: keys, nonces, sequence numbers, ports. Whoever wants the very bytes of a recorded exchange
 * sets them instead.
 */
import { randomBelow, type RandomSource, seq32, type Seq32, type Uint64 } from '../base/index.js';

/** Ports are drawn from here up: above the range that systems give to their own connections as shipped. */
const FIRST_PORT = 61_000;

/** The random part of a run. */
export interface ProbeSecrets {
  /** The probe's key. */
  readonly key: Uint64;
  /** Nonce of its joins. */
  readonly nonce: number;
  /** Initial sequence number of its first flow; each further one starts 2^20 higher. */
  readonly initialSequence: Seq32;
  /** Port of its first flow; each further one takes the next. */
  readonly port: number;
  /** A key that is nobody's, for what has to be wrong. */
  readonly wrongKey: Uint64;
  /** A token that is nobody's. */
  readonly wrongToken: number;
}

/** Most flows that one run opens, and so the ports that it takes in a row. */
export const PORTS_OF_A_RUN = 8;

/** Draws everything. Keys are secrets on a real network: give a cryptographic source there. */
export function drawSecrets(random: RandomSource): ProbeSecrets {
  const word = (): number => random.nextUint32();
  return {
    key: { hi: word(), lo: word() },
    nonce: word(),
    initialSequence: seq32(word()),
    port: FIRST_PORT + randomBelow(random, 65_536 - PORTS_OF_A_RUN - FIRST_PORT),
    wrongKey: { hi: word(), lo: word() },
    wrongToken: word(),
  };
}
