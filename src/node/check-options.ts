/**
 * Options of `connect`, `createServer` and `listen` that are `net`'s, held to their types and ranges before anything is
 * opened: what is wrong throws here, the same for both transports, and leaves nothing behind. What Multipath TCP adds is
 * checked where it is explained (multipath-options.ts, robust-option.ts, fast-open.ts).
 */
import { ADDRCONFIG, ALL, V4MAPPED } from 'node:dns';
import { isIP } from 'node:net';
import { SubflowError } from '../base/index.js';
import { argumentType } from './option-error.js';
import { UserspaceHost } from './userspace-host.js';

/** The options as they come: of any type, from a program without types. */
type Loose = Readonly<Record<string, unknown>>;

/** The longest delay of Node's timers, in ms. */
const maxDelayMs = 2 ** 31 - 1;

/** Throws unless `value` is one object with options, as in `example`. */
export function checkObject(value: unknown, example: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new SubflowError('ERR_INVALID_ARG_TYPE', 'the options should be an object', {
    hint: `Write it like ${example}.`,
  });
}

/** Throws unless `value` is a function, or left out. */
export function checkListener(value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw argumentType('the listener', 'a function');
}

/** A port, as a number or as text. Throws `ERR_SOCKET_BAD_PORT`. */
export function readPort(name: string, value: unknown): number {
  const isText = typeof value === 'string' && value.trim() !== '';
  const port = typeof value === 'number' ? value : isText ? Number(value) : NaN;
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new SubflowError('ERR_SOCKET_BAD_PORT', `${name} should be 0 to 65535, not ${String(value)}`, {
    hint: 'Give it in the options, as in { port: 80 }.',
  });
}

/** Checks what `connect` has of `net.connect`, but for `port`. Null counts as left out where it does for `net`. */
export function checkConnectOptions(options: Loose): void {
  const { host, localAddress, localPort } = options;
  if (host !== undefined && typeof host !== 'string') throw argumentType('host', 'a string');
  if (localAddress !== undefined && (typeof localAddress !== 'string' || isIP(localAddress) === 0))
    throw new SubflowError('ERR_INVALID_IP_ADDRESS', 'localAddress is not an IP address', {
      hint: 'Give an address of this host, or leave it out to have one chosen.',
    });
  if (localPort !== undefined) readPort('localPort', localPort);
  checkOneOf(options, 'family', [0, 4, 6]);
  if (isGiven(options['hints'])) checkHints(options['hints']);
  if (isGiven(options['lookup']) && typeof options['lookup'] !== 'function')
    throw argumentType('lookup', 'a function');
  checkNumber(options, 'timeout', 0, Number.MAX_VALUE);
  checkNumber(options, 'mark', 0, 0xffff_ffff);
  checkNumber(options, 'autoSelectFamilyAttemptTimeout', 1, maxDelayMs);
  checkBooleans(options, ['autoSelectFamily']);
  for (const name of ['path', 'onread']) {
    if (!isGiven(options[name])) continue;
    throw new SubflowError('ERR_INVALID_ARG_VALUE', `${name} is not supported`, { hint: 'Use node:net.' });
  }
  checkSignal(options['signal']);
  checkShared(options);
}

/** Checks what `createServer` has of `net.createServer`. */
export function checkServerOptions(options: Loose): void {
  if (typeof options['via'] === 'string') throw argumentType('via', 'a UserspaceHost');
  checkBooleans(options, ['pauseOnConnect']);
  checkShared(options);
}

/** Checks what `listen` is asked for, but for `port`. */
export function checkListenOptions(options: Loose): void {
  const { host } = options;
  if (isGiven(host) && typeof host !== 'string') throw argumentType('host', 'a string');
  checkNumber(options, 'backlog', 0, 2 ** 31 - 1);
  checkBooleans(options, ['ipv6Only']);
  checkSignal(options['signal']);
}

function checkShared(options: Loose): void {
  const { via } = options;
  if (isGiven(via) && typeof via !== 'string' && !(via instanceof UserspaceHost))
    throw argumentType('via', 'a UserspaceHost or the URL of a proxy');
  checkBooleans(options, ['allowHalfOpen', 'noDelay', 'keepAlive']);
  checkNumber(options, 'keepAliveInitialDelay', 0, maxDelayMs);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function checkBooleans(options: Loose, names: readonly string[]): void {
  for (const name of names)
    if (isGiven(options[name]) && typeof options[name] !== 'boolean') throw argumentType(name, 'a boolean');
}

function checkNumber(options: Loose, name: string, low: number, high: number): void {
  const value = options[name];
  if (!isGiven(value)) return;
  if (typeof value !== 'number') throw argumentType(name, 'a number');
  if (value >= low && value <= high) return;
  const most = high === Number.MAX_VALUE ? '' : ` and at most ${high}`;
  throw new SubflowError('ERR_OUT_OF_RANGE', `${name} should be at least ${low}${most}, not ${value}`);
}

function checkOneOf(options: Loose, name: string, values: readonly unknown[]): void {
  const value = options[name];
  if (!isGiven(value) || values.includes(value)) return;
  throw new SubflowError(
    'ERR_INVALID_ARG_VALUE',
    `${name} is one of ${values.join(', ')}, not ${String(value)}`,
  );
}

function checkHints(hints: unknown): void {
  if (typeof hints !== 'number') throw argumentType('hints', 'a number');
  if (Number.isInteger(hints) && (hints & ~(ADDRCONFIG | V4MAPPED | ALL)) === 0) return;
  throw new SubflowError('ERR_INVALID_ARG_VALUE', `hints are flags of node:dns, not ${hints}`, {
    hint: 'Use dns.ADDRCONFIG, dns.V4MAPPED and dns.ALL, joined by |.',
  });
}

function checkSignal(signal: unknown): void {
  if (isGiven(signal) && !(signal instanceof AbortSignal)) throw argumentType('signal', 'an AbortSignal');
}
