/** The path manager of the kernel for one command: asked for with a clear answer where there is none, or no right to it. */

import type { KernelEndpoints } from '../../linux/index.js';
import {
  kernelMptcp,
  LinkWatch,
  mayManagePaths,
  type WatchedLink,
  withKernelEndpoints,
} from '../../linux/index.js';
import { EnvironmentError } from '../errors.js';

/** Throws an {@link EnvironmentError} where the kernel has no Multipath TCP, or it is off. */
export function checkKernel(): void {
  const kernel = kernelMptcp();
  if (!kernel.available) throw new EnvironmentError(kernel.reason, kernel.hint);
}

/** Does something that takes rights. Throws an {@link EnvironmentError} where they are missing, and the kernel's refusals. */
export function withRights<T>(action: (endpoints: KernelEndpoints) => T): T {
  checkKernel();
  const rights = mayManagePaths();
  if (!rights.available)
    throw new EnvironmentError(
      `${rights.reason}, which the kernel's path manager asks for`,
      'Run as root or with CAP_NET_ADMIN.',
    );
  return withKernelEndpoints(action);
}

/** The interfaces of this namespace. */
export function interfaces(): readonly WatchedLink[] {
  const watch = new LinkWatch();
  try {
    return watch.links;
  } finally {
    watch.close();
  }
}

/** Gives the name of an interface by its number; the number where there is none. */
export function nameByIndex(links: readonly WatchedLink[]): (index: number) => string {
  return (index) => links.find((link) => link.index === index)?.name ?? `if${index}`;
}
