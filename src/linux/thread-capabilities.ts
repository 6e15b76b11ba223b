/**
 * Capabilities by name, and those of the calling thread. The kernel keeps them for each thread, not for the process: what is set here
 * holds for this thread, and for those that it starts from then on.
 *
 * Read first: capabilities(7), capset(2), prctl(2).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { capget, capset, prctl } from './libc-process.js';

/** Numbers by name (linux/capability.h) of what a command may keep when it becomes another user. */
export const keepableCapabilities = Object.freeze({
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
});

/** Name of a capability that a command may keep; none of them leads back to being root. */
export type KeepableCapability = keyof typeof keepableCapabilities;

const CAPABILITY_VERSION_3 = 0x2008_0522;
const CAP_SETPCAP = 8;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** More than any kernel has. */
const MAX_CAPABILITIES = 64;

/** Sets of capabilities, a bit each. */
export interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

/** A set of these. */
export function capabilitySet(names: readonly KeepableCapability[]): bigint {
  return names.reduce((set, name) => set | (1n << BigInt(keepableCapabilities[name])), 0n);
}

/** Those of the calling thread. */
export function threadCapabilities(): CapabilitySets {
  const data = new Uint8Array(24);
  capget(header(), data);
  const view = new DataView(data.buffer);
  const set = (at: number): bigint =>
    BigInt(view.getUint32(at, true)) | (BigInt(view.getUint32(at + 12, true)) << 32n);
  return { effective: set(0), permitted: set(4), inheritable: set(8) };
}

/** Gives the calling thread `held`, to use, and nothing to hand on. @throws SystemError `EPERM` for what it is not permitted. */
export function setThreadCapabilities(held: bigint): void {
  const data = new Uint8Array(24);
  const view = new DataView(data.buffer);
  for (const [at, word] of [
    [0, held & 0xffff_ffffn],
    [12, held >> 32n],
  ] as const) {
    view.setUint32(at, Number(word), true);
    view.setUint32(at + 4, Number(word), true);
  }
  capset(header(), data);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
}

/** Whether the calling thread's permitted capabilities outlive its user's being root no more. */
export function setKeepCapabilities(on: boolean): void {
  prctl(PR_SET_KEEPCAPS, on ? 1 : 0);
}

/** Takes from the calling thread what no program that it starts could get otherwise; nothing where it may not. */
export function boundCapabilities(held: bigint): void {
  if ((threadCapabilities().effective & (1n << BigInt(CAP_SETPCAP))) === 0n) return;
  for (let bit = 0; bit < MAX_CAPABILITIES; bit++) {
    if ((held & (1n << BigInt(bit))) !== 0n) continue;
    // The kernel refuses numbers that it does not know: those were all.
    if (!isKnown(bit)) return;
    prctl(PR_CAPBSET_DROP, bit);
  }
}

function isKnown(bit: number): boolean {
  try {
    return prctl(PR_CAPBSET_READ, bit) >= 0;
  } catch {
    return false;
  }
}

/** No program that the calling thread starts gets rights that it has not, by set-user-ID bits or otherwise. It cannot be undone. */
export function forbidNewPrivileges(): void {
  prctl(PR_SET_NO_NEW_PRIVS, 1);
}

function header(): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, CAPABILITY_VERSION_3, true);
  return bytes;
}

/** What a thread of this process may do. */
export interface ThreadCredentials {
  readonly id: number;
  /** Real, effective and saved user, and the one for files; the same of the group. */
  readonly users: readonly number[];
  readonly groups: readonly number[];
  /** Further groups. */
  readonly furtherGroups: readonly number[];
  /** Capabilities that it holds or could take up, of whichever set. */
  readonly capabilities: bigint;
}

/** Those of every thread of this process, as the kernel tells them. */
export function processCredentials(): ThreadCredentials[] {
  return readdirSync('/proc/self/task').flatMap((id) => {
    let status: string;
    try {
      status = readFileSync(`/proc/self/task/${id}/status`, 'utf8');
    } catch {
      // It ended meanwhile.
      return [];
    }
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    const numbers = (name: string): number[] => field(name).split(/\s+/).filter(Boolean).map(Number);
    const capabilities = ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']
      .map((name) => BigInt(`0x${field(name) || '0'}`))
      .reduce((all, set) => all | set, 0n);
    return [
      {
        ...{ id: Number(id), users: numbers('Uid'), groups: numbers('Gid') },
        ...{ furtherGroups: numbers('Groups'), capabilities },
      },
    ];
  });
}
