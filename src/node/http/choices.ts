/**
 * What a program may choose for the connections of an agent or a dispatcher, and what of the options that `node:http` and undici hand
 * on belongs to a connection. Opens nothing.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { checkConnect } from '../connect.js';
import { hopsOf } from '../tunnel/tunnel-socket.js';
import type { FastOpenClientOptions } from '../fast-open.js';
import type { MultipathOptions } from '../multipath-options.js';
import type { ConnectOptions } from '../options.js';
import type { TransportOptions } from '../transport.js';

/** What `connect` of this package adds to `net.connect`. */
export interface ConnectionChoices
  extends
    TransportOptions,
    MultipathOptions,
    FastOpenClientOptions,
    Pick<ConnectOptions, 'converter' | 'robust' | 'localAddresses'> {}

/** Names of {@link ConnectionChoices}. */
const choiceNames = [
  'transport',
  'via',
  'multipath',
  'versions',
  'profile',
  'scheduler',
  'pathManager',
  'congestion',
  'serviceType',
  'serviceOptions',
  'fastOpen',
  'converter',
  'robust',
  'localAddresses',
] as const satisfies readonly (keyof ConnectionChoices)[];

/** Those of `net.connect` that `connect` takes. */
const netNames = [
  'port',
  'host',
  'localAddress',
  'localPort',
  'family',
  'hints',
  'lookup',
  'allowHalfOpen',
  'noDelay',
  'keepAlive',
  'keepAliveInitialDelay',
  'signal',
  'timeout',
  'autoSelectFamily',
  'autoSelectFamilyAttemptTimeout',
  // Neither is supported, which `connect` then says.
  'path',
  'onread',
] as const;

const connectNames: readonly string[] = [...choiceNames, ...netNames];

type Loose = Readonly<Record<string, unknown>>;

/** The options of a connection among others. */
export function connectOptionsOf(options: object): ConnectOptions {
  const all = options as Loose;
  const own: Record<string, unknown> = {};
  for (const name of connectNames) if (all[name] !== undefined && all[name] !== null) own[name] = all[name];
  return own as unknown as ConnectOptions;
}

/** The same without what `names` name. */
export function without<T extends object, K extends keyof T>(options: T, names: readonly K[]): Omit<T, K> {
  const rest = { ...options };
  for (const name of names) delete rest[name];
  return rest;
}

/** Throws what `connect` would throw of them. */
export function checkChoices(options: object): void {
  const wanted: Partial<ConnectOptions> = without(connectOptionsOf(options), ['port']);
  checkConnect(wanted);
  hopsOf(wanted);
}

/** Numbers for values that have no text of their own. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

function numberOf(value: object): number {
  const known = numbers.get(value) ?? ++lastNumber;
  numbers.set(value, known);
  return known;
}

/** Of this process: what is hashed with it can be compared, and not be guessed at. */
const key = randomBytes(32);

/** What tells the choices of one connection from those of another, for the name of a pool; empty without any. Tells no secret. */
export function choicesName(options: object): string {
  const all = options as Loose;
  const given = choiceNames.filter((name) => all[name] !== undefined && all[name] !== null);
  if (given.length === 0) return '';
  const texts = given.map((name) => `${name}=${name === 'via' ? viaName(all[name]) : textOf(all[name])}`);
  return `:${texts.join(':')}`;
}

function textOf(value: unknown): string {
  if (typeof value === 'function') return `#${numberOf(value)}`;
  if (typeof value !== 'object' || value === null) return String(value);
  return JSON.stringify(value);
}

/** A host of the userspace transport, or proxies, whose URLs may have passwords. */
function viaName(via: unknown): string {
  if (typeof via === 'object' && via !== null) return `#${numberOf(via)}`;
  return createHmac('sha256', key).update(String(via)).digest('base64url');
}
