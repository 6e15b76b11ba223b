/**
 * The users of a proxy, from a file with a line for each, `name:HASH`; and whether somebody is one of them. A wrong password
 * costs as much time as a right one, and a name that is not there as much as one that is. Who fails often waits, whoever they
 * say they are; no more guesses are worked on at a time than the machine bears. Passwords that were right once are known
 * again by a keyed hash, for as long as the process lives.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { MILLISECOND, RateLimiter, SubflowError } from '../../base/index.js';
import { IpAddress } from '../../wire/index.js';
import { readBoundedText } from '../daemon/config-file.js';
import { messageOf } from '../net-error.js';
import { isPassword, nobody, parsePasswordHash, type PasswordHash } from './password-hash.js';
import type { Authenticate } from './proxy-context.js';

/** Users of one file. */
export const MAX_USERS = 10_000;
/** Wrong passwords of one address that are looked at at once, and a second afterwards. */
export const FAILURE_BURST = 10;
const FAILURES_PER_SECOND = 0.1;
/** Addresses whose failures are remembered; the one that failed longest ago makes way. */
const MAX_FAILED = 4096;
/** Passwords that are worked on at a time, each in 16 MiB, and that wait for it. */
const MAX_AT_WORK = 2;
const MAX_WAITING = 64;
/** Right passwords that are known again. */
const MAX_KNOWN = 4096;

/** See the module. */
export class Users {
  private readonly hashes: ReadonlyMap<string, PasswordHash>;
  private readonly key = randomBytes(32);
  /** Keyed hashes of user and password that were right. */
  private readonly known = new Set<string>();
  /** By client's network. */
  private readonly failures = new Map<string, RateLimiter>();
  private atWork = 0;
  private readonly waiting: (() => void)[] = [];

  /** `hashes`: by name. */
  constructor(hashes: ReadonlyMap<string, PasswordHash>) {
    this.hashes = hashes;
  }

  get count(): number {
    return this.hashes.size;
  }

  /** As {@link Authenticate} has it. */
  readonly authenticate: Authenticate = async (client, user, password) => {
    const tag = this.tagOf(user, password);
    if (this.known.has(tag)) return true;
    if (this.mustWait(client) || !(await this.mayWork())) return false;
    try {
      // Others of the same address may have failed in the meantime.
      if (this.mustWait(client)) return false;
      const hash = this.hashes.get(Buffer.from(user).toString('latin1'));
      const isRight = await isPassword(password, hash ?? nobody);
      if (isRight && hash !== undefined) {
        this.remember(tag);
        return true;
      }
    } finally {
      this.atWork--;
      this.waiting.shift()?.();
    }
    this.noteFailure(networkOf(client));
    return false;
  };

  /** A right password's place in `known`: nothing that could be compared with a guess elsewhere. */
  private tagOf(user: Uint8Array, password: Uint8Array): string {
    return createHmac('sha256', this.key)
      .update(Uint8Array.of(user.length))
      .update(user)
      .update(password)
      .digest('base64');
  }

  private remember(tag: string): void {
    this.known.add(tag);
    if (this.known.size <= MAX_KNOWN) return;
    const [oldest] = this.known;
    this.known.delete(oldest!);
  }

  /** Waits for its turn; false: too many wait already. */
  private async mayWork(): Promise<boolean> {
    if (this.atWork >= MAX_AT_WORK) {
      if (this.waiting.length >= MAX_WAITING) return false;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.atWork++;
    return true;
  }

  /** Whether this client has failed so often that nothing it says is looked at now. */
  private mustWait(client: string): boolean {
    const now = performance.now() * MILLISECOND;
    const nextAt = this.failures.get(networkOf(client))?.nextAt(now) ?? now;
    return nextAt > now;
  }

  private noteFailure(network: string): void {
    const limiter = this.failures.get(network) ?? new RateLimiter(FAILURES_PER_SECOND, FAILURE_BURST);
    this.failures.delete(network);
    this.failures.set(network, limiter);
    limiter.mayPass(performance.now() * MILLISECOND);
    if (this.failures.size <= MAX_FAILED) return;
    const [oldest] = this.failures.keys();
    this.failures.delete(oldest!);
  }
}

/** What one client may well have all addresses of: one of IPv4, 2^64 of IPv6. */
function networkOf(client: string): string {
  const address = IpAddress.parse(client);
  if (address === undefined || address.family === 4) return client;
  return new IpAddress(6, address.a, address.b, 0, 0).toString();
}

/** Reads users; lines that are empty or begin with `#` do not count. Throws `ERR_SUBFLOW_BAD_USERS`, which quotes no hash. */
export function parseUsers(text: string, name: string): Users {
  const hashes = new Map<string, PasswordHash>();
  const mistakes: string[] = [];
  text.split(/\r?\n/).forEach((line, i) => {
    if (line === '' || line.startsWith('#')) return;
    const colon = line.indexOf(':');
    // Names are compared by their bytes, of whatever encoding.
    const user = Buffer.from(line.slice(0, Math.max(0, colon))).toString('latin1');
    const hash = parsePasswordHash(line.slice(colon + 1));
    if (user.length === 0 || user.length > 255) mistakes.push(`${i + 1}: no name`);
    else if (hash === undefined) mistakes.push(`${i + 1}: no hash`);
    else if (hashes.has(user)) mistakes.push(`${i + 1}: this user is there twice`);
    else hashes.set(user, hash);
  });
  if (hashes.size > MAX_USERS) mistakes.push(`more than ${MAX_USERS} users`);
  if (mistakes.length === 0) return new Users(hashes);
  throw new SubflowError('ERR_SUBFLOW_BAD_USERS', `${name}: ${mistakes.slice(0, 20).join('; ')}`, {
    hint: 'Lines are NAME:HASH; subflow proxy hash-password makes the hash.',
  });
}

/** Reads the file at `path`; throws as {@link parseUsers}, also where it cannot be read, is no file, or is too long. */
export async function readUsers(path: string): Promise<Users> {
  let text: string;
  try {
    text = await readBoundedText(path);
  } catch (cause) {
    throw new SubflowError('ERR_SUBFLOW_BAD_USERS', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return parseUsers(text, path);
}
