/**
 * Bindings of the C library that are about the process and its user: capabilities, users, groups. Bound at their first use.
 *
 * Read first: prctl(2), capget(2), getpwnam(3).
 */
import { checked, copyMemory, foreignFunction } from './libc.js';

interface ProcessFunctions {
  prctl(option: number, second: number, third: number, fourth: number, fifth: number): number;
  capget(header: Uint8Array, data: Uint8Array): number;
  capset(header: Uint8Array, data: Uint8Array): number;
  getpwnam(name: string): number;
  getpwuid(uid: number): number;
  getgrnam(name: string): number;
}

let functions: ProcessFunctions | undefined;

function load(): ProcessFunctions {
  functions ??= {
    // Variadic in C; where it is called so, arguments go in registers either way (x86-64, arm64, riscv64).
    prctl: foreignFunction(
      'int prctl(int option, unsigned long second, unsigned long third, unsigned long fourth, unsigned long fifth)',
    ),
    capget: foreignFunction('int capget(void *header, void *data)'),
    capset: foreignFunction('int capset(void *header, void *data)'),
    getpwnam: foreignFunction('uintptr_t getpwnam(const char *name)'),
    getpwuid: foreignFunction('uintptr_t getpwuid(uint32_t uid)'),
    getgrnam: foreignFunction('uintptr_t getgrnam(const char *name)'),
  };
  return functions;
}

/** Calls prctl(2) for the calling thread. @throws SystemError as it does. */
export function prctl(option: number, second = 0, third = 0): number {
  return checked(load().prctl(option, second, third, 0, 0), 'prctl', `option ${option}`);
}

/** Calls capget(2), which fills `data` as `header` asks. @throws SystemError as it does. */
export function capget(header: Uint8Array, data: Uint8Array): void {
  checked(load().capget(header, data), 'capget');
}

/** Calls capset(2), for the calling thread alone. @throws SystemError `EPERM` for what is not permitted to it. */
export function capset(header: Uint8Array, data: Uint8Array): void {
  checked(load().capset(header, data), 'capset');
}

/** A user's number and that of the user's group, from wherever the system looks users up; undefined for none of that name or number. */
export function lookUpUser(
  user: string | number,
): { readonly uid: number; readonly gid: number } | undefined {
  const address = typeof user === 'string' ? load().getpwnam(user) : load().getpwuid(user);
  if (address === 0) return undefined;
  // struct passwd begins with two pointers; it is overwritten by the next look-up.
  const view = new DataView(copyMemory(address, 24).buffer);
  return { uid: view.getUint32(16, true), gid: view.getUint32(20, true) };
}

/** The number of the group called `name`; undefined for none of that name. */
export function lookUpGroup(name: string): number | undefined {
  const address = load().getgrnam(name);
  // struct group begins with two pointers.
  return address === 0 ? undefined : new DataView(copyMemory(address, 20).buffer).getUint32(16, true);
}
