/**
 * Passwords as a file keeps them: `$scrypt$ln=14,r=8,p=1$SALT$HASH`, salt and hash in base64, each with a salt of its own. To
 * find a password for a hash costs 16 MiB and some 50 ms a guess.
 * Read first: RFC 7914 §2 (scrypt and its parameters).
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { SubflowError } from '../../base/index.js';

/** Parameters of new hashes: CPU and memory cost as a power of two, block size, parallelism. */
const LN = 14;
const R = 8;
const P = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A file may ask for no more than this of the machine for each guess: 2^18 · 8 · 128 bytes are 256 MiB. */
const MAX_LN = 18;
const MAX_R = 8;
const MAX_P = 4;

/** A hash as it was read. */
export interface PasswordHash {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const form =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,86}={0,2})\$([A-Za-z0-9+/]{22,86}={0,2})$/;

/** Reads one; undefined where it is none, or asks for too much or too little. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [ln, r, p] = match.slice(1, 4).map(Number) as [number, number, number];
  if (ln < 10 || ln > MAX_LN || r < 1 || r > MAX_R || p < 1 || p > MAX_P) return undefined;
  return { ln, r, p, salt: Buffer.from(match[4]!, 'base64'), hash: Buffer.from(match[5]!, 'base64') };
}

/** A hash of `password` with a salt of its own, as a line of a file has it. Throws `ERR_SUBFLOW_BAD_PASSWORD`. */
export async function hashPassword(password: Uint8Array): Promise<string> {
  if (password.length === 0 || password.length > 255 || password.includes(0))
    throw new SubflowError('ERR_SUBFLOW_BAD_PASSWORD', 'a password has 1 to 255 bytes, none of them 0');
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { ln: LN, r: R, p: P, salt, hash: new Uint8Array(HASH_BYTES) });
  return `$scrypt$ln=${LN},r=${R},p=${P}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** Whether it is the password; takes the same time either way. */
export async function isPassword(password: Uint8Array, known: PasswordHash): Promise<boolean> {
  const isRight = timingSafeEqual(await derive(password, known), known.hash);
  // RFC 2104 §2: a key is filled up with zeros, so that with zeros behind it is the same key.
  return isRight && !password.includes(0);
}

/** A hash of no password: whoever is not known takes as long as who is. */
export const nobody: PasswordHash = {
  ...{ ln: LN, r: R, p: P },
  ...{ salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) },
};

function derive(password: Uint8Array, { ln, r, p, salt, hash }: PasswordHash): Promise<Buffer> {
  const options = { N: 2 ** ln, r, p, maxmem: 2 ** ln * r * 128 + p * r * 128 + (1 << 20) };
  return new Promise((resolve, reject) =>
    scrypt(password, salt, hash.length, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    }),
  );
}
