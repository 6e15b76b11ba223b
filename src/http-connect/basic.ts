/** Basic authentication (RFC 7617 §2): `Basic` and base64 (RFC 4648 §4) of `user:password`. */
import { SubflowError } from '../base/index.js';

/** Bytes of whatever encoding; the user has no colon. */
export interface BasicCredentials {
  readonly user: Uint8Array;
  readonly password: Uint8Array;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const COLON = 0x3a;

/** Reads the value of a field; undefined where it is of another scheme, or not written as it has to be. */
export function parseBasic(value: string): BasicCredentials | undefined {
  const match = /^basic +([A-Za-z0-9+/]{1,2048}={0,2})$/i.exec(value);
  const bytes = match === null ? undefined : decodeBase64(match[1]!);
  const colon = bytes?.indexOf(COLON) ?? -1;
  if (bytes === undefined || colon < 0) return undefined;
  return { user: bytes.slice(0, colon), password: bytes.slice(colon + 1) };
}

/** The value of a field. Throws `ERR_SUBFLOW_BAD_MESSAGE` for a user with a colon. */
export function emitBasic({ user, password }: BasicCredentials): string {
  if (user.includes(COLON))
    throw new SubflowError('ERR_SUBFLOW_BAD_MESSAGE', 'a user name with a colon cannot be told over HTTP');
  return `Basic ${encodeBase64(Uint8Array.of(...user, COLON, ...password))}`;
}

/** Undefined for a length that cannot be, or bits that are left over and not zero: each value is written one way. */
function decodeBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/=+$/, '');
  const isPadded = digits.length === text.length || text.length % 4 === 0;
  if (digits.length % 4 === 1 || !isPadded) return undefined;
  const bytes = new Uint8Array((digits.length * 3) >> 2);
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    word = ((word << 6) | alphabet.indexOf(digit)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = word >> bits;
  }
  return (word & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}

function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let digit = 0; digit < 4; digit++)
      text += i + digit > bytes.length ? '=' : alphabet[(word >> (18 - 6 * digit)) & 63]!;
  }
  return text;
}
