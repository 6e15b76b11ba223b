/**
 * What this program knows of how a kernel socket came to be, which the kernel does not tell afterwards: what it was to speak, and
 * whether it spoke Multipath TCP when it was connected. Owns nothing but that; sockets are keys, and are forgotten with it.
 */
import { ownCounters, unsupportedReason, type MibCounters } from '../linux/index.js';

/** Why this machine gives no Multipath TCP, and what to do about it. */
export interface Lack {
  readonly reason: string;
  readonly hint: string;
}

export interface KernelOrigin {
  readonly role: 'client' | 'server';
  /** Why plain TCP was opened in place of Multipath TCP; undefined where it was not. */
  lack: Lack | undefined;
  /** Whether the program asked for plain TCP. */
  readonly isPlainWanted: boolean;
  /** Whether it spoke Multipath TCP when the handshake was over; undefined where nobody looked. */
  wasMultipath: boolean | undefined;
}

const origins = new WeakMap<object, KernelOrigin>();

/** The counters of this thread's namespace when its first socket was made; undefined before, and where they cannot be had. */
let baseline: MibCounters | undefined;

export function noteOrigin(socket: object, origin: KernelOrigin): void {
  origins.set(socket, origin);
  baseline ??= readCounters();
}

export function originOf(socket: object): KernelOrigin | undefined {
  return origins.get(socket);
}

/** What the kernel counted in this namespace since this thread made its first socket, other programs' connections included. */
export function countersSinceStart(): MibCounters | undefined {
  return baseline === undefined ? undefined : readCounters()?.since(baseline);
}

function readCounters(): MibCounters | undefined {
  if (unsupportedReason() !== undefined) return undefined;
  try {
    return ownCounters();
  } catch {
    // A sandbox may hide /proc/net; the counters are only a help.
    return undefined;
  }
}
