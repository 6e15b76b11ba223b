/**
 * What MPTCP derives from the two hosts' keys: tokens, initial data sequence numbers and the proofs of MP_JOIN and
 * ADD_ADDR. Holds no keys itself. Version 0 uses SHA-1, version 1 SHA-256.
 * Read first: RFC 8684 §3.1 (token, IDSN), §3.2 (join), §3.4.1 (ADD_ADDR); RFC 6824 §3.1 and §3.2 for version 0.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assert } from '../base/index.js';
import type { Uint64 } from '../base/index.js';
import type { IpAddress } from './address.js';
import { readU32, writeU16, writeU32 } from './bytes.js';

/** Versions of the protocol: 0 is RFC 6824, 1 is RFC 8684. */
export type MptcpVersion = 0 | 1;

/** What follows from one host's key. */
export interface KeyMaterial {
  /** Names the connection in MP_JOIN: the first 32 bits of the key's hash. */
  readonly token: number;
  /** Initial data sequence number of the key's owner: the last 64 bits of the hash. */
  readonly initialDataSeq: Uint64;
}

/** Token and initial data sequence number of `key`, from one hash. */
export function deriveKeyMaterial(key: Uint64, version: MptcpVersion): KeyMaterial {
  const bytes = new Uint8Array(8);
  writeKey(bytes, 0, key);
  const digest = version === 0 ? sha1(bytes) : sha256(bytes);
  const tail = digest.length - 8;
  return {
    token: readU32(digest, 0),
    initialDataSeq: { hi: readU32(digest, tail), lo: readU32(digest, tail + 4) },
  };
}

/** Token of `key`, 0 to 2^32 - 1. */
export function deriveToken(key: Uint64, version: MptcpVersion): number {
  return deriveKeyMaterial(key, version).token;
}

/** Initial data sequence number of the owner of `key`. */
export function deriveInitialDataSeq(key: Uint64, version: MptcpVersion): Uint64 {
  return deriveKeyMaterial(key, version).initialDataSeq;
}

/**
 * The proof that host A, owner of `keyA`, gives in a join: 20 bytes in version 0, 32 in version 1. Its own key and
 * nonce come first. The SYN+ACK carries the first 8 bytes, the third packet the first 20 (RFC 8684 §3.2).
 */
export function joinHmac(
  version: MptcpVersion,
  keyA: Uint64,
  keyB: Uint64,
  nonceA: number,
  nonceB: number,
): Uint8Array {
  const message = new Uint8Array(8);
  writeU32(message, 0, nonceA);
  writeU32(message, 4, nonceB);
  return hmac(version === 0 ? sha1 : sha256, joinKeys(keyA, keyB), message);
}

/** What an ADD_ADDR announces. */
export interface AnnouncedAddress {
  /** Address ID, 0 to 255. */
  readonly addressId: number;
  readonly address: IpAddress;
  /** Port; 0 when the option carries none, which is also how the HMAC counts it. */
  readonly port: number;
}

/**
 * The proof in a version 1 ADD_ADDR: the last 8 bytes of the HMAC over ID, address and port, under the announcing
 * host's key followed by its peer's (RFC 8684 §3.4.1). Version 0 has none.
 */
export function addAddrHmac(senderKey: Uint64, receiverKey: Uint64, announced: AnnouncedAddress): Uint8Array {
  const addressLength = announced.address.byteLength;
  const message = new Uint8Array(1 + addressLength + 2);
  message[0] = announced.addressId;
  announced.address.writeTo(message, 1);
  writeU16(message, 1 + addressLength, announced.port);
  return hmac(sha256, joinKeys(senderKey, receiverKey), message).slice(24);
}

/** Whether two byte strings of one length are equal, in a time that does not depend on where they differ. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  assert(a.length === b.length, 'compared proofs of different lengths');
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

function joinKeys(first: Uint64, second: Uint64): Uint8Array {
  const bytes = new Uint8Array(16);
  writeKey(bytes, 0, first);
  writeKey(bytes, 8, second);
  return bytes;
}

function writeKey(bytes: Uint8Array, offset: number, key: Uint64): void {
  writeU32(bytes, offset, key.hi);
  writeU32(bytes, offset + 4, key.lo);
}
