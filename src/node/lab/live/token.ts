/** The secret that says that a page is the one whose address `subflow lab` printed. */
import { randomBytes, timingSafeEqual } from 'node:crypto';

/** 128 bits that nobody guesses, in hexadecimal. */
export function makeToken(): string {
  return randomBytes(16).toString('hex');
}

/** Whether a header field is `Bearer TOKEN` (RFC 6750 §2.1). What of it is right cannot be told from how long this takes. */
export function holdsToken(authorization: string | undefined, token: string): boolean {
  const given = Buffer.from(authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
