/** What this system lets the program do: asked before, so that the answer to "no" is a sentence and not a stack trace. */
import { accessSync, closeSync, constants, readFileSync } from 'node:fs';
import { AF_INET, IPPROTO_MPTCP, SOCK_CLOEXEC, SOCK_STREAM } from './constants.js';
import { BpfProgram } from './bpf/bpf-program.js';
import { passEverything } from './bpf/object-file.js';
import { socket, unsupportedReason } from './libc.js';
import { NetworkNamespace } from './namespace.js';

/** Whether something can be done here, and if not, why not and what to do about it. */
export type Capability =
  | { readonly available: true }
  | { readonly available: false; readonly reason: string; readonly hint: string };

const yes: Capability = { available: true };

const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;
const CAP_SYS_ADMIN = 21;
const CAP_PERFMON = 38;
const CAP_BPF = 39;

/** What loading XDP programs takes. */
const loadingRights = [
  [CAP_BPF, 'CAP_BPF'],
  [CAP_PERFMON, 'CAP_PERFMON'],
] as const;

function no(reason: string, hint: string): Capability {
  return { available: false, reason, hint };
}

/** Whether the kernel of the calling thread's namespace speaks Multipath TCP. */
export function kernelMptcp(): Capability {
  const unsupported = unsupportedReason();
  if (unsupported !== undefined) return no(unsupported, 'Use transport: "userspace" where it can run.');
  let enabled: string;
  try {
    enabled = readFileSync('/proc/sys/net/mptcp/enabled', 'utf8').trim();
  } catch {
    return no('this kernel was built without Multipath TCP', 'Use Linux 5.6 or newer with CONFIG_MPTCP=y.');
  }
  if (enabled !== '1') {
    return no('Multipath TCP is switched off', 'Switch it on: sysctl -w net.mptcp.enabled=1.');
  }
  try {
    closeSync(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return no(`the kernel refuses Multipath TCP sockets: ${said}`, 'Look for a policy that forbids them.');
  }
  return yes;
}

/** Whether the program may make TUN devices. */
export function mayCreateTun(): Capability {
  const unsupported = unsupportedReason();
  if (unsupported !== undefined) return no(unsupported, 'Use the simulation.');
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? no(
          '/dev/net/tun is missing',
          'Load the driver: modprobe tun; in a container add --device /dev/net/tun.',
        )
      : no('/dev/net/tun may not be opened', 'Run as root.');
  }
  return needs([[CAP_NET_ADMIN, 'CAP_NET_ADMIN']]);
}

/** Whether the program may open raw and packet sockets. */
export function mayOpenRawSockets(): Capability {
  const unsupported = unsupportedReason();
  if (unsupported !== undefined) return no(unsupported, 'Use the simulation.');
  return needs([[CAP_NET_RAW, 'CAP_NET_RAW']]);
}

/** Whether the program may command the path manager of user space. */
export function mayManagePaths(): Capability {
  const unsupported = unsupportedReason();
  if (unsupported !== undefined) return no(unsupported, 'Use the userspace transport where it can run.');
  return needs([[CAP_NET_ADMIN, 'CAP_NET_ADMIN']]);
}

/** Whether the program may make network namespaces: tried, since containers often forbid what the rights allow. */
export function mayCreateNamespaces(): Capability {
  const unsupported = unsupportedReason();
  if (unsupported !== undefined) return no(unsupported, 'Use the simulation.');
  const rights = needs([
    [CAP_SYS_ADMIN, 'CAP_SYS_ADMIN'],
    [CAP_NET_ADMIN, 'CAP_NET_ADMIN'],
  ]);
  if (!rights.available) return rights;
  try {
    NetworkNamespace.create('trial').close();
    return yes;
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error), 'Run as root outside of a container.');
  }
}

/** Whether the program may load XDP programs and attach them: tried, since policies can forbid what the rights allow. */
export function mayUseXdp(): Capability {
  const unsupported = unsupportedReason();
  if (unsupported !== undefined) return no(unsupported, 'Use the user-space data path where it can run.');
  // CAP_SYS_ADMIN stands for the first two, as it did before Linux 5.8; the second allows arithmetic on pointers.
  const rights = needs([
    ...(needs([[CAP_SYS_ADMIN, 'CAP_SYS_ADMIN']]).available ? [] : loadingRights),
    [CAP_NET_ADMIN, 'CAP_NET_ADMIN'],
  ]);
  if (!rights.available) return rights;
  try {
    BpfProgram.load(passEverything, new Map(), '').close();
    return yes;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return no(
      `the kernel loads no XDP program: ${said}`,
      'Use Linux 6.1 or newer with CONFIG_BPF_SYSCALL=y.',
    );
  }
}

function needs(capabilities: readonly (readonly [number, string])[]): Capability {
  const held = effectiveCapabilities();
  const missing = capabilities.filter(([bit]) => ((held >> BigInt(bit)) & 1n) === 0n).map(([, name]) => name);
  if (missing.length === 0) return yes;
  return no(`the program lacks ${missing.join(' and ')}`, 'Run as root.');
}

function effectiveCapabilities(): bigint {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  const digits = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return BigInt(`0x${digits}`);
}
