/**
 * What the packets of a connection tell of it as a whole: keys, and what follows from them. Read first: RFC 8684 §3.1.
 */
import { uint64 } from '../../base/index.js';
import { deriveKeyMaterial, type MptcpVersion } from '../../wire/index.js';
import type { LessonSide } from './model.js';
import type { ReadPacket } from './read-packet.js';

/** What follows from a host's key. */
export interface HostFacts {
  readonly key: bigint;
  readonly token: number;
  /** Initial data sequence number; the first byte of data has the next one. */
  readonly initialDataSeq: bigint;
}

/** What is known of a connection. */
export interface LessonFacts {
  readonly version: MptcpVersion;
  /** Undefined where no packet had the host's key. */
  readonly client: HostFacts | undefined;
  readonly server: HostFacts | undefined;
}

/** Reads the keys from the packets as they were sent. */
export function factsOf(packets: readonly ReadPacket[]): LessonFacts {
  const keys: Partial<Record<LessonSide, bigint>> = {};
  let version: MptcpVersion = 1;
  for (const packet of packets) {
    const capable = packet.option('MP_CAPABLE');
    if (capable === undefined) continue;
    if (capable.version === 0) version = 0;
    const other = packet.from === 'client' ? 'server' : 'client';
    if (capable.senderKey !== undefined) keys[packet.from] ??= capable.senderKey;
    if (capable.receiverKey !== undefined) keys[other] ??= capable.receiverKey;
  }
  return { version, client: hostFacts(keys.client, version), server: hostFacts(keys.server, version) };
}

function hostFacts(key: bigint | undefined, version: MptcpVersion): HostFacts | undefined {
  if (key === undefined) return undefined;
  const { token, initialDataSeq } = deriveKeyMaterial(uint64(key), version);
  return { key, token, initialDataSeq: (BigInt(initialDataSeq.hi) << 32n) | BigInt(initialDataSeq.lo) };
}

/**
 * A data sequence number counted from the first byte of the sender's data, which is 1; of a 32-bit number, the place nearest
 * to the beginning. Undefined while the key is not known.
 */
export function dataPlace(
  number: { readonly value: bigint; readonly bits: 32 | 64 },
  sender: HostFacts | undefined,
): number | undefined {
  return sender === undefined
    ? undefined
    : Number(BigInt.asUintN(number.bits, number.value - sender.initialDataSeq));
}
