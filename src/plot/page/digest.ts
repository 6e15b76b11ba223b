/** The digest by which a Content Security Policy knows a script. */

import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** SHA-256 of `text` in UTF-8, in base64 (RFC 4648 §4). */
export function sha256Base64(text: string): string {
  const hash = sha256(utf8ToBytes(text));
  let out = '';
  for (let i = 0; i < hash.length; i += 3) {
    const group = (hash[i]! << 16) | ((hash[i + 1] ?? 0) << 8) | (hash[i + 2] ?? 0);
    for (let shift = 18; shift >= 0; shift -= 6) out += digits[(group >> shift) & 63]!;
  }
  // 32 bytes: two in the last group, so one digit stands for nothing.
  return `${out.slice(0, -1)}=`;
}
