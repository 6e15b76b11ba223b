/** Digests of texts: whether two are the same, and whether one is whole. */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Bytes of the digest that are kept: enough that no two texts share them by chance. */
const DIGEST_BYTES = 16;

/** A digest of `text`, in hexadecimal. */
export function digestOf(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)).subarray(0, DIGEST_BYTES));
}
