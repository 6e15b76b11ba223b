/**
 * Maps: the memory that eBPF programs and this one share. A map is held by a descriptor and by the programs that use it; it
 * goes away with the last of both, so that nothing is left behind however the program ends.
 *
 * Read first: bpf(2), section "eBPF maps"; Linux Documentation/bpf/maps.rst.
 */
import { closeSync, readFileSync } from 'node:fs';
import { SubflowError } from '../../base/index.js';
import { EEXIST, ENOENT } from '../constants.js';
import { BpfAttributes, BpfCommand, bpfError } from './bpf-call.js';

/** Kinds of maps that are used here (linux/bpf.h, `enum bpf_map_type`). */
export const BpfMapType = { HASH: 1, ARRAY: 2, PER_CPU_ARRAY: 6, LRU_HASH: 9, ARRAY_OF_MAPS: 12 } as const;

/** Programs may only read the map (BPF_F_RDONLY_PROG). */
export const READ_ONLY_FOR_PROGRAMS = 1 << 7;
/** The values of an array begin at a page (BPF_F_MMAPABLE). */
export const AT_PAGE = 1 << 10;

/** What an update does about a key that is there, or is not. */
const updateModes = { any: 0n, create: 1n, replace: 2n } as const;

/** How a map is made. */
export interface BpfMapOptions {
  /** For people, who see the first 15 characters in `bpftool map`. */
  readonly name: string;
  /** One of {@link BpfMapType}. */
  readonly type: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  /** Default 0. */
  readonly flags?: number;
  /** Of a map of maps: one like those that it will hold, whose values are descriptors. */
  readonly inner?: BpfMap;
}

/** An open map. Keys and values are bytes as the program lays them out. */
export class BpfMap {
  readonly name: string;
  readonly type: number;
  readonly keyBytes: number;
  /** Bytes of a value for this program: of a map that has one for each processor, all of them. */
  readonly valueBytes: number;
  readonly maxEntries: number;
  readonly fd: number;
  private closed = false;

  private constructor(options: BpfMapOptions, fd: number) {
    this.name = options.name;
    this.type = options.type;
    this.keyBytes = options.keyBytes;
    this.maxEntries = options.maxEntries;
    this.fd = fd;
    const isPerCpu = options.type === BpfMapType.PER_CPU_ARRAY;
    this.valueBytes = isPerCpu ? possibleProcessors() * roundUp8(options.valueBytes) : options.valueBytes;
  }

  /** Makes a map, all zero or empty. Throws SystemError `EPERM`, `ENOMEM`, `EINVAL`. */
  static create(options: BpfMapOptions): BpfMap {
    const fd = new BpfAttributes()
      .u32(0, options.type)
      .u32(4, options.keyBytes)
      .u32(8, options.valueBytes)
      .u32(12, options.maxEntries)
      .u32(16, options.flags ?? 0)
      .u32(20, options.inner?.fd ?? 0)
      .name(28, options.name)
      .call(BpfCommand.MAP_CREATE, `make map ${options.name}`);
    return new BpfMap(options, fd);
  }

  /** The value of `key`; undefined when there is none. */
  get(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.valueBytes);
    const result = this.element(key).pointer(16, value).try(BpfCommand.MAP_LOOKUP);
    if (result === -ENOENT) return undefined;
    if (result < 0) throw bpfError(-result, `look into map ${this.name}`);
    return value;
  }

  /**
   * Sets the value of `key`. `create` and `replace` do nothing and give false when the key is there, or is not.
   * Throws SystemError `E2BIG` when the map is full.
   */
  set(key: Uint8Array, value: Uint8Array, mode: keyof typeof updateModes = 'any'): boolean {
    this.check(value.length === this.valueBytes, `a value of ${value.length} bytes`);
    const result = this.element(key).pointer(16, value).u64(24, updateModes[mode]).try(BpfCommand.MAP_UPDATE);
    if (mode === 'create' && result === -EEXIST) return false;
    if (mode === 'replace' && result === -ENOENT) return false;
    if (result < 0) throw bpfError(-result, `change map ${this.name}`);
    return true;
  }

  /** Sets many values at once: `keys` and `values` lie one behind the other. */
  setAll(keys: Uint8Array, values: Uint8Array): void {
    const count = keys.length / this.keyBytes;
    this.check(
      Number.isInteger(count) && values.length === count * this.valueBytes,
      `${keys.length} bytes of keys`,
    );
    if (count === 0) return;
    new BpfAttributes()
      .pointer(16, keys)
      .pointer(24, values)
      .u32(32, count)
      .u32(36, this.open())
      .call(BpfCommand.MAP_UPDATE_BATCH, `change map ${this.name}`);
  }

  /** The values of the first `count` entries, one behind the other; fewer when there are not so many. */
  getFirst(count: number): Uint8Array {
    const keys = new Uint8Array(count * this.keyBytes);
    const values = new Uint8Array(count * this.valueBytes);
    const attributes = new BpfAttributes()
      .pointer(8, new Uint8Array(Math.max(8, this.keyBytes)))
      .pointer(16, keys)
      .pointer(24, values)
      .u32(32, count)
      .u32(36, this.open());
    const result = attributes.try(BpfCommand.MAP_LOOKUP_BATCH);
    if (result < 0 && result !== -ENOENT) throw bpfError(-result, `look into map ${this.name}`);
    return values.subarray(0, attributes.read(32) * this.valueBytes);
  }

  /** Forgets `key`; false when it was not there. */
  delete(key: Uint8Array): boolean {
    const result = this.element(key).try(BpfCommand.MAP_DELETE);
    if (result === -ENOENT) return false;
    if (result < 0) throw bpfError(-result, `delete from map ${this.name}`);
    return true;
  }

  /** All keys, as they are met: one that comes or goes meanwhile may be missed, or be met twice. */
  keys(): Uint8Array[] {
    const found: Uint8Array[] = [];
    let key: Uint8Array | undefined;
    // Bounded: a program that deletes meanwhile can send the walk back to the start.
    for (let left = 2 * this.maxEntries; left > 0; left--) {
      const next = new Uint8Array(this.keyBytes);
      const attributes = new BpfAttributes().u32(0, this.open()).pointer(16, next);
      if (key !== undefined) attributes.pointer(8, key);
      const result = attributes.try(BpfCommand.MAP_NEXT_KEY);
      if (result === -ENOENT) break;
      if (result < 0) throw bpfError(-result, `walk through map ${this.name}`);
      found.push(next);
      key = next;
    }
    return found;
  }

  /** Forbids this program and every other to change the map from user space again; the verifier then reads constants from it. */
  freeze(): void {
    new BpfAttributes().u32(0, this.open()).call(BpfCommand.MAP_FREEZE, `freeze map ${this.name}`);
  }

  /** Lets go of the map; programs that use it keep it. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.fd);
  }

  private element(key: Uint8Array): BpfAttributes {
    this.check(key.length === this.keyBytes, `a key of ${key.length} bytes`);
    return new BpfAttributes().u32(0, this.open()).pointer(8, key);
  }

  private open(): number {
    if (this.closed) throw new SubflowError('ERR_SUBFLOW_CLOSED', `the map ${this.name} is closed`);
    return this.fd;
  }

  private check(condition: boolean, what: string): void {
    if (condition) return;
    throw new SubflowError('ERR_SUBFLOW_BAD_MAP_ACCESS', `${what} does not suit map ${this.name}`, {
      hint: `Its keys have ${this.keyBytes} bytes and its values ${this.valueBytes}.`,
    });
  }
}

/** A key or value of 32 bits. */
export function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Sum over all processors of each 64-bit counter in a value of a map that has one for each. */
export function sumOverProcessors(value: Uint8Array, bytesEach: number): number[] {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const stride = roundUp8(bytesEach);
  const sums = new Array<number>(stride / 8).fill(0);
  for (let at = 0; at < value.length; at += stride) {
    for (let i = 0; i < sums.length; i++) sums[i]! += Number(view.getBigUint64(at + 8 * i, true));
  }
  return sums;
}

/** Processors that the kernel has room for, those that are absent included: values of per-processor maps have one part each. */
function possibleProcessors(): number {
  const text = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
  const last = /(\d+)$/.exec(text)?.[1];
  return Number(last ?? '0') + 1;
}

function roundUp8(bytes: number): number {
  return (bytes + 7) & ~7;
}
