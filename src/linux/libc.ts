/**
 * Typed bindings of the C library: the only foreign function interface of the project. Owns the loading of koffi and
 * the translation of errno; knows nothing of devices or protocols. Nothing is loaded before the first use, so that
 * importing this layer works on every system. All calls run on the calling thread; none of them blocks when its
 * descriptor is non-blocking.
 *
 * Read first: the manual pages of the calls, section 2.
 */
import { createRequire } from 'node:module';
import type { KoffiFunc } from 'koffi';
import { SubflowError } from '../base/index.js';
import {
  EINTR,
  ENOSYS,
  LOCK_EX,
  LOCK_NB,
  MAP_ANONYMOUS,
  MAP_POPULATE,
  MAP_SHARED,
  MSG_DONTWAIT,
  MSG_PEEK,
  PROT_READ,
  PROT_WRITE,
  SHUT_WR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  EAGAIN,
} from './constants.js';
import { SystemError } from './system-error.js';

/** Told about a descriptor that has become readable, until closed. */
export interface ReadableWatch {
  close(): void;
}

/** One that may let the process end. */
export interface HeldWatch extends ReadableWatch {
  /** Whether it holds the process alive from now on. */
  hold(holds: boolean): void;
}

interface PollHandle {
  ref(): void;
  unref(): void;
  close(): void;
}

/** The part of koffi that this module uses. */
interface Koffi {
  load(path: string | null): { func(definition: string): KoffiFunc<(...args: never[]) => number> };
  errno(): number;
  address(value: Uint8Array): bigint;
  view(address: bigint, length: number): ArrayBuffer;
  readonly node: { poll(fd: number, events: { readable: boolean }, callback: () => void): PollHandle };
}

interface Functions {
  read(fd: number, address: number, length: number): number;
  write(fd: number, address: number, length: number): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  ioctlValue(fd: number, request: number, value: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: number, length: number, flags: number): number;
  shutdown(fd: number, how: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  sendto(
    fd: number,
    data: number,
    length: number,
    flags: number,
    to: Uint8Array | null,
    toLength: number,
  ): number;
  recvfrom(fd: number, data: number, length: number, flags: number, from: number, fromLength: number): number;
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  flock(fd: number, operation: number): number;
  syscall(number: number, command: number, attributes: Uint8Array, length: number): number;
  mmap(at: number, length: number, protection: number, flags: number, fd: number, offset: number): number;
  munmap(address: number, length: number): number;
  poll(entries: number, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
}

let koffi: Koffi | undefined;
let functions: Functions | undefined;
/** Where {@link peekByte} has its byte put. */
let peekCell: NativeBuffer | undefined;

/** Why this layer cannot work on this system at all; undefined when it can. */
export function unsupportedReason(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  try {
    load();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function load(): Functions {
  if (functions !== undefined) return functions;
  if (process.platform !== 'linux') {
    throw new SubflowError('ERR_SUBFLOW_NOT_LINUX', `this needs Linux; the system is ${process.platform}`, {
      hint: 'Use the simulation, which runs everywhere: subflow demo --simulate.',
    });
  }
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
    functions = bindFunctions(koffi);
  } catch (cause) {
    throw new SubflowError('ERR_SUBFLOW_NO_FFI', 'the C library cannot be called: koffi does not load', {
      cause,
      hint: 'Reinstall the package for this processor and C library: npm ci.',
    });
  }
  return functions;
}

function bindFunctions(ffi: Koffi): Functions {
  const library = ffi.load(null);
  const f = (definition: string) => library.func(definition) as never;
  return {
    // Addresses as numbers: a view per packet for the sake of its pointer would cost more than the call.
    read: f('int64 read(int fd, uintptr_t data, size_t length)'),
    write: f('int64 write(int fd, uintptr_t data, size_t length)'),
    ioctl: f('int ioctl(int fd, unsigned long request, void *argument)'),
    ioctlValue: f('int ioctl(int fd, unsigned long request, unsigned long value)'),
    socket: f('int socket(int domain, int type, int protocol)'),
    bind: f('int bind(int fd, void *address, uint32_t length)'),
    connect: f('int connect(int fd, void *address, uint32_t length)'),
    listen: f('int listen(int fd, int backlog)'),
    accept4: f('int accept4(int fd, uintptr_t address, uintptr_t length, int flags)'),
    shutdown: f('int shutdown(int fd, int how)'),
    getsockname: f('int getsockname(int fd, void *address, void *length)'),
    sendto: f('int64 sendto(int fd, uintptr_t data, size_t length, int flags, void *to, uint32_t toLength)'),
    recvfrom: f(
      'int64 recvfrom(int fd, uintptr_t data, size_t length, int flags, uintptr_t from, uintptr_t fromLength)',
    ),
    getsockopt: f('int getsockopt(int fd, int level, int name, void *value, void *length)'),
    setsockopt: f('int setsockopt(int fd, int level, int name, void *value, uint32_t length)'),
    setns: f('int setns(int fd, int type)'),
    unshare: f('int unshare(int flags)'),
    flock: f('int flock(int fd, int operation)'),
    // Variadic in C; where it is called so, arguments go in registers either way (x86-64, arm64, riscv64).
    syscall: f('int64 syscall(int64 number, int64 command, void *attributes, size_t length)'),
    mmap: f('intptr_t mmap(uintptr_t at, size_t length, int protection, int flags, int fd, int64 offset)'),
    munmap: f('int munmap(uintptr_t address, size_t length)'),
    poll: f('int poll(uintptr_t entries, unsigned long count, int timeoutMs)'),
    eventfd: f('int eventfd(unsigned int initial, int flags)'),
  };
}

/** A function of the C library by its definition in C, for a module that has a few of its own (libc-process.ts). */
export function foreignFunction<F>(definition: string): F {
  load();
  return koffi!.load(null).func(definition) as F;
}

/** The number of the last error of a call on this thread; only valid right after the call. */
export function lastErrno(): number {
  return koffi!.errno();
}

/** The result of a call. @throws SystemError where it is negative. */
export function checked(result: number, syscall: string, detail?: string): number {
  if (result < 0) throw new SystemError(syscall, lastErrno(), detail === undefined ? {} : { detail });
  return result;
}

/**
 * Memory that the kernel may be pointed at: it never moves. `address` is only good for as long as `bytes` is reachable.
 */
export class NativeBuffer {
  readonly bytes: Uint8Array;
  /** Where `bytes` starts in memory (user addresses stay below 2^47, so a double holds them). */
  readonly address: number;

  /** `length` in bytes; not cleared. */
  constructor(length: number) {
    load();
    // Not from Node's pool, and off the JavaScript heap, whatever its size. Not a Buffer, whose slice() does not copy.
    const { buffer } = Buffer.allocUnsafeSlow(length);
    this.bytes = new Uint8Array(buffer, 0, length);
    this.address = addressOf(this.bytes);
  }
}

/**
 * Where `bytes` lies in memory. It stays there, even for an array that was on the JavaScript heap before the call; the
 * address is good for as long as the array is reachable. Costs about as much as a system call: remember it.
 */
export function addressOf(bytes: Uint8Array): number {
  load();
  return Number(koffi!.address(bytes));
}

/** Reads to `address`; the negative errno instead of an exception, for callers to whom errors are everyday. */
export function readInto(fd: number, address: number, length: number): number {
  for (;;) {
    const result = functions!.read(fd, address, length);
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno !== EINTR) return -errno;
  }
}

/** Writes from `address`; the negative errno instead of an exception. */
export function writeFrom(fd: number, address: number, length: number): number {
  for (;;) {
    const result = functions!.write(fd, address, length);
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno !== EINTR) return -errno;
  }
}

/** Receives one message to `address`; where it came from goes to `from`. The negative errno instead of an exception. */
export function receiveInto(fd: number, address: number, length: number, from: SocketAddressBuffer): number {
  from.reset();
  for (;;) {
    const result = functions!.recvfrom(fd, address, length, 0, from.address, from.lengthAddress);
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno !== EINTR) return -errno;
  }
}

/** Sends `length` bytes from `address` to `to`; the negative errno instead of an exception. */
export function sendFrom(fd: number, address: number, length: number, to: Uint8Array): number {
  for (;;) {
    const result = functions!.sendto(fd, address, length, 0, to, to.length);
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno !== EINTR) return -errno;
  }
}

/** Has the kernel look at what lies in a ring that `fd` sends from; the negative errno instead of an exception. */
export function kickSender(fd: number): number {
  const result = load().sendto(fd, 0, 0, MSG_DONTWAIT, null, 0);
  return result < 0 ? -lastErrno() : result;
}

/**
 * Sends to the peer of a connected socket as much as there is room for, whatever the flags of the descriptor are: the number of bytes.
 * @throws SystemError `EAGAIN` where there is no room, `EPIPE` where the peer is gone.
 */
export function sendNow(fd: number, bytes: Uint8Array): number {
  return checked(load().sendto(fd, addressOf(bytes), bytes.length, MSG_DONTWAIT, null, 0), 'send');
}

/** Sends a message to `to` if that needs no waiting; gives 0, or the negative errno. */
export function sendMessageNow(fd: number, bytes: Uint8Array, to: Uint8Array): number {
  const result = load().sendto(fd, addressOf(bytes), bytes.length, MSG_DONTWAIT, to, to.length);
  return result < 0 ? -lastErrno() : 0;
}

/** A copy of `length` bytes of what the C library has at `address`. */
export function copyMemory(address: number, length: number): Uint8Array {
  return new Uint8Array(koffi!.view(BigInt(address), length)).slice();
}

/**
 * Maps memory that this program and the kernel share: of `fd` from `offset` on, or new and clear when `fd` is -1. Gives its address.
 * @throws SystemError `ENOMEM`, `EINVAL`.
 */
export function mapMemory(length: number, fd: number, offset: number, what: string): number {
  const flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE;
  return checked(load().mmap(0, length, PROT_READ | PROT_WRITE, flags, fd, offset), 'mmap', what);
}

/** Ends {@link mapMemory}. Whoever still looks at a view of it afterwards ends the process: let go of all views first. */
export function unmapMemory(address: number, length: number): void {
  checked(load().munmap(address, length), 'munmap');
}

/**
 * A view of mapped memory, without a copy. Threads may each have their own of the same memory. Nothing keeps the memory mapped for
 * as long as the view lives, and the collector frees nothing of it.
 */
export function viewMemory(address: number, length: number): ArrayBuffer {
  load();
  return koffi!.view(BigInt(address), length);
}

/**
 * Waits until one of the `struct pollfd` at `entries` is ready: how many are, 0 after `timeoutMs`, the negative errno else. Stops the
 * whole thread: for workers that have nothing else to do.
 */
export function pollDescriptors(entries: number, count: number, timeoutMs: number): number {
  const result = load().poll(entries, count, timeoutMs);
  return result < 0 ? -lastErrno() : result;
}

/** A descriptor that is readable once something was written to it, by which one thread wakes another. */
export function eventDescriptor(): number {
  return checked(load().eventfd(0, SOCK_NONBLOCK | SOCK_CLOEXEC), 'eventfd');
}

/** Room for the address of a peer, written by the kernel. */
export class SocketAddressBuffer {
  /** The address as the kernel wrote it; sockaddr_storage has 128 bytes. */
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly lengthAddress: number;
  private readonly length: DataView;

  constructor() {
    const buffer = new NativeBuffer(128 + 4);
    this.bytes = buffer.bytes.subarray(0, 128);
    this.address = buffer.address;
    this.lengthAddress = buffer.address + 128;
    this.length = new DataView(buffer.bytes.buffer, buffer.bytes.byteOffset + 128, 4);
  }

  /** Says again that there are 128 bytes of room, which the kernel overwrites with what it used. */
  reset(): void {
    this.length.setUint32(0, 128, true);
  }
}

export function ioctl(fd: number, request: number, argument: Uint8Array, detail?: string): number {
  return checked(load().ioctl(fd, request, argument), 'ioctl', detail);
}

export function ioctlValue(fd: number, request: number, value: number, detail?: string): number {
  return checked(load().ioctlValue(fd, request, value), 'ioctl', detail);
}

export function socket(domain: number, type: number, protocol: number): number {
  return checked(load().socket(domain, type, protocol), 'socket', `protocol ${protocol}`);
}

export function bind(fd: number, address: Uint8Array, detail?: string): void {
  checked(load().bind(fd, address, address.length), 'bind', detail);
}

/** Gives 0, or the negative errno (EINPROGRESS is the rule on a non-blocking socket). */
export function connect(fd: number, address: Uint8Array): number {
  return load().connect(fd, address, address.length) < 0 ? -lastErrno() : 0;
}

export function listen(fd: number, backlog: number): void {
  checked(load().listen(fd, backlog), 'listen');
}

/** Takes a connection that waits on a listener, non-blocking; the negative errno when none does. */
export function acceptConnection(fd: number): number {
  const result = load().accept4(fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return result < 0 ? -lastErrno() : result;
}

/** The same, and where it comes from. */
export function acceptFrom(fd: number, peer: SocketAddressBuffer): number {
  peer.reset();
  const result = load().accept4(fd, peer.address, peer.lengthAddress, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return result < 0 ? -lastErrno() : result;
}

/** Ends the sending direction of a connection. */
export function shutdownWrite(fd: number): void {
  checked(load().shutdown(fd, SHUT_WR), 'shutdown');
}

/** How many bytes, 1 at most, a read would give now, without taking them; 0 at the end; the negative errno else. */
export function peekByte(fd: number): number {
  const result = load().recvfrom(fd, (peekCell ??= new NativeBuffer(1)).address, 1, MSG_PEEK, 0, 0);
  return result < 0 ? -lastErrno() : result;
}

/** The address a socket is bound to, as the kernel writes it. */
export function getsockname(fd: number): Uint8Array {
  const address = new Uint8Array(128);
  const length = lengthCell(address.length);
  checked(load().getsockname(fd, address, length), 'getsockname');
  return address.subarray(0, Math.min(address.length, cellValue(length)));
}

/** Reads an option into `value` (which may hold a request, as SOL_MPTCP wants); returns the bytes the kernel knows of. */
export function getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
  const length = lengthCell(value.length);
  checked(load().getsockopt(fd, level, name, value, length), 'getsockopt', `level ${level}, option ${name}`);
  return cellValue(length);
}

export function setsockopt(fd: number, level: number, name: number, value: Uint8Array | number): void {
  const bytes = typeof value === 'number' ? intBytes(value) : value;
  checked(
    load().setsockopt(fd, level, name, bytes, bytes.length),
    'setsockopt',
    `level ${level}, option ${name}`,
  );
}

/** Moves the calling thread to the network namespace that `fd` refers to. */
export function setns(fd: number, type: number): void {
  checked(load().setns(fd, type), 'setns');
}

/**
 * Locks the open file for this descriptor alone, until it is closed, by hand or because the process ended. False when another
 * descriptor, of this process or of another, holds the lock.
 */
export function tryLock(fd: number): boolean {
  const result = load().flock(fd, LOCK_EX | LOCK_NB);
  if (result !== 0 && lastErrno() === EAGAIN) return false;
  checked(result, 'flock');
  return true;
}

/** Gives the calling thread namespaces of its own. */
export function unshare(flags: number): void {
  checked(load().unshare(flags), 'unshare');
}

/** Calls bpf(2), which the C library has no function for; the negative errno instead of an exception. */
export function bpf(command: number, attributes: Uint8Array): number {
  const number = bpfSyscalls.get(process.arch);
  if (number === undefined) return -ENOSYS;
  const result = load().syscall(number, command, attributes, attributes.length);
  return result < 0 ? -lastErrno() : result;
}

/** The number of bpf(2) by architecture (asm/unistd.h). */
const bpfSyscalls = new Map<string, number>([
  ['x64', 321],
  ['arm64', 280],
  ['riscv64', 280],
]);

/**
 * Calls `onReadable` from the event loop while `fd` has something to read, until closed; holds the process alive
 * meanwhile, unless `holds` is false. Close the watch before the descriptor. (docs/decisions/0004-waiting-for-packets.md says why this way.)
 */
export function watchReadable(fd: number, onReadable: () => void, holds = true): HeldWatch {
  load();
  let pending = false;
  let open = true;
  const run = (): void => {
    pending = false;
    if (open) onReadable();
  };
  // The foreign callback runs outside of Node's bookkeeping: an exception would be lost and no microtask would run.
  // An immediate follows in the same turn of the loop and has neither fault.
  const handle = koffi!.node.poll(fd, { readable: true }, () => {
    if (pending || !open) return;
    pending = true;
    setImmediate(run);
  });
  if (!holds) handle.unref();
  return {
    hold(holds): void {
      if (holds) handle.ref();
      else handle.unref();
    },
    close(): void {
      if (!open) return;
      open = false;
      handle.close();
    },
  };
}

/** An int as the kernel reads it from memory. */
function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

function lengthCell(length: number): Uint8Array {
  return intBytes(length);
}

function cellValue(cell: Uint8Array): number {
  return new DataView(cell.buffer, cell.byteOffset, 4).getInt32(0, true);
}
