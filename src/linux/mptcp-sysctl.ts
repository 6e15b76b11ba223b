/** Parameters of the kernel's Multipath TCP, of the calling thread's namespace: those of `net.mptcp`. Reads only. */
import { readFileSync } from 'node:fs';

/** A parameter; undefined where the kernel has none of that name. */
export function mptcpSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/mptcp/${name}`, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Who manages the paths of connections that begin now: `kernel`, `userspace`, or a name of somebody's own; undefined without Multipath TCP. */
export function kernelPathManager(): string | undefined {
  // Before Linux 6.15 it is a number.
  const older = mptcpSysctl('pm_type');
  return (
    mptcpSysctl('path_manager') ?? (older === undefined ? undefined : older === '1' ? 'userspace' : 'kernel')
  );
}
