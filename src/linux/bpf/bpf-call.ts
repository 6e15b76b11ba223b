/**
 * The call that everything about eBPF goes through: commands of bpf(2) and the block of attributes that each takes. Owns the
 * encoding of attributes; what they mean is the callers' affair.
 *
 * Read first: bpf(2); linux/bpf.h, `union bpf_attr`.
 */
import { EINTR } from '../constants.js';
import { addressOf, bpf } from '../libc.js';
import { SystemError } from '../system-error.js';

/** Commands (linux/bpf.h, `enum bpf_cmd`). */
export const BpfCommand = {
  MAP_CREATE: 0,
  MAP_LOOKUP: 1,
  MAP_UPDATE: 2,
  MAP_DELETE: 3,
  MAP_NEXT_KEY: 4,
  PROGRAM_LOAD: 5,
  PROGRAM_RUN: 10,
  MAP_FREEZE: 22,
  MAP_LOOKUP_BATCH: 24,
  MAP_UPDATE_BATCH: 26,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
} as const;

/** Longer than what any command here takes; the kernel accepts what it does not know as long as it is zero. */
const ATTRIBUTE_BYTES = 128;
/** Bytes of the name of a map or program, its end included. */
const NAME_BYTES = 16;

/** The attributes of one call, filled in by offset. */
export class BpfAttributes {
  readonly bytes = new Uint8Array(ATTRIBUTE_BYTES);
  private readonly view = new DataView(this.bytes.buffer);
  /** What the attributes point to: it must not go away during the call. */
  private readonly pinned: Uint8Array[] = [];

  u32(offset: number, value: number): this {
    this.view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: bigint): this {
    this.view.setBigUint64(offset, value, true);
    return this;
  }

  /** Points at `bytes`, unless there are none. */
  pointer(offset: number, bytes: Uint8Array): this {
    if (bytes.length === 0) return this;
    this.pinned.push(bytes);
    return this.u64(offset, BigInt(addressOf(bytes)));
  }

  /** A name as the kernel takes it: cut to 15 characters, and `_` in place of what it would refuse. */
  name(offset: number, name: string): this {
    const clean = name.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, NAME_BYTES - 1);
    this.bytes.set(new TextEncoder().encode(clean), offset);
    return this;
  }

  /** A word that the kernel wrote. */
  read(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  /** Does the call; the negative errno instead of an exception. It makes no objects, so that nothing is collected meanwhile. */
  try(command: number): number {
    let result: number;
    do result = bpf(command, this.bytes);
    while (result === -EINTR);
    return result;
  }

  /** Does the call. Throws a SystemError that names `what` was tried. */
  call(command: number, what: string): number {
    const result = this.try(command);
    if (result < 0) throw bpfError(-result, what);
    return result;
  }
}

/** The error of a call that failed. */
export function bpfError(errno: number, what: string): SystemError {
  const hint = hints.get(errno);
  return new SystemError('bpf', errno, { detail: what, ...(hint !== undefined && { hint }) });
}

const takenHint =
  'Another program is attached there: ip link show says which; ip link set dev NAME xdp off removes it.';

/** What to do about errors that mean something else here than elsewhere, by number. */
const hints = new Map<number, string>([
  [1, 'Run as root, or give the program CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.'],
  [7, 'The map is full: choose more entries.'],
  [12, 'The kernel has no memory for this: choose fewer entries.'],
  [16, takenHint],
  [17, takenHint],
  [38, 'This needs a kernel with CONFIG_BPF_SYSCALL on x86-64, arm64 or riscv64.'],
  [95, 'The driver of this interface cannot: use generic mode.'],
]);
