/** What follows from the configuration of the shared store (`NatsStoreConfig`) for the client library. */
import { readFile, stat } from 'node:fs/promises';
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type ConnectionOptions,
  type TlsOptions,
} from '@nats-io/transport-node';
import { z } from 'zod';
import type { NatsStoreConfig } from '../../../balancer/index.js';
import { SubflowError } from '../../../base/index.js';

/** Bytes of a file with credentials. */
const maxCredentialsBytes = 65_536;

const passwordSchema = z.strictObject({ user: z.string().min(1), password: z.string() });
const tokenSchema = z.strictObject({ token: z.string().min(1) });

/**
 * Options for one connection to `server`, one of the configuration's, which does not come back by itself: the store makes the next one.
 */
export async function connectionOptions(
  config: NatsStoreConfig,
  server: string,
  name: string,
  timeoutMs: number,
): Promise<ConnectionOptions> {
  const { credentialsFile, tls } = config;
  const authenticator = credentialsFile === undefined ? undefined : await readCredentials(credentialsFile);
  const place = server.replace(/^[a-z]+:\/\//, '');
  return {
    servers: place,
    name,
    reconnect: false,
    ignoreClusterUpdates: true,
    timeout: timeoutMs,
    // A connection whose other end is gone without a word is noticed within 3 s.
    pingInterval: 1000,
    maxPingOut: 2,
    ...(authenticator !== undefined && { authenticator }),
    ...((tls !== undefined || server.startsWith('tls://')) && { tls: tlsOptions(place, tls ?? {}) }),
  };
}

/**
 * The library has certificates checked against names; for an address it would be `localhost`, whatever the address is, unless told
 * which host is meant.
 */
function tlsOptions(
  place: string,
  files: NonNullable<NatsStoreConfig['tls']>,
): TlsOptions & { host: string } {
  const host = place.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return { ...definedOnly(files), host };
}

/**
 * Reads credentials, anew for each connection: NATS's own (`nsc generate creds`), the seed of a key, or JSON, `{"user": ..., "password":
 * ...}` or `{"token": ...}`. Rejects with `ERR_SUBFLOW_BAD_CREDENTIALS`, also when others than the owner may read the file;
 * its message has nothing of what the file holds.
 */
export async function readCredentials(path: string): Promise<Authenticator> {
  let bytes: Buffer;
  try {
    const { mode, size } = await stat(path);
    if ((mode & 0o077) !== 0) throw bad(`${path} may be read by others than its owner`, `chmod 600 ${path}`);
    if (size > maxCredentialsBytes) throw bad(`${path} is too large for credentials`);
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof SubflowError) throw error;
    const { code = 'EIO' } = error as NodeJS.ErrnoException;
    throw bad(`${path} cannot be read: ${code}`);
  }
  const text = String(bytes).trim();
  if (text.includes('BEGIN NATS USER JWT')) return credsAuthenticator(bytes);
  if (/^SU[A-Z2-7]{56}$/.test(text)) return nkeyAuthenticator(new TextEncoder().encode(text));
  const json = jsonOf(text);
  const login = passwordSchema.safeParse(json);
  if (login.success) return usernamePasswordAuthenticator(login.data.user, login.data.password);
  const token = tokenSchema.safeParse(json);
  if (token.success) return tokenAuthenticator(token.data.token);
  throw bad(
    `${path} holds no credentials`,
    'Put in NATS credentials, the seed of a key, {"user": ..., "password": ...} or {"token": ...}.',
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function bad(message: string, hint = ''): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_CREDENTIALS', message, { hint });
}

function definedOnly(value: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
