/** What a path keeper is told. */
import { SubflowError } from '../../base/index.js';
import { kernelMptcp, mayManagePaths, type NetworkNamespace, type WatchedLink } from '../../linux/index.js';
import type { MeteredLimit, QualityThresholds } from '../../policy/index.js';
import type { PathKeeperEvent } from './events.js';
import type { UplinkSettings } from './uplinks.js';

/** What the paths are for, as in docs/service-types.md. */
export const keeperServiceTypes = ['handover', 'interactive', 'aggregate'] as const;
export type KeeperServiceType = (typeof keeperServiceTypes)[number];

/** What a keeper at work may be told anew. */
export interface PathKeeperSettings extends UplinkSettings {
  readonly serviceType: KeeperServiceType;
  /** Which links cost money; those of kind `cellular` when left out. */
  readonly isMetered?: (link: WatchedLink) => boolean;
  /** What may go over metered links, all of them together, in bytes of whole packets whoever sends them; no limit when left out. */
  readonly metered?: MeteredLimit;
}

export interface PathKeeperOptions extends PathKeeperSettings {
  /** Where the interfaces are; the calling thread's namespace when left out. */
  readonly namespace?: NetworkNamespace;
  /** From when on a link counts as bad. */
  readonly thresholds?: Partial<QualityThresholds>;
  /** Where it stands what was done, for whoever comes after a kill; `/run/subflow` when left out. */
  readonly stateFolder?: string;
  /** Called from the event loop, and from `start` and `close`, with what happens. */
  readonly onEvent?: (event: PathKeeperEvent) => void;
}

/**
 * Throws `ERR_SUBFLOW_UNSUPPORTED` where the kernel has no Multipath TCP or it is off, `EPERM` without CAP_NET_ADMIN.
 */
export function checkKeeperRights(): void {
  const kernel = kernelMptcp();
  if (!kernel.available)
    throw new SubflowError('ERR_SUBFLOW_UNSUPPORTED', kernel.reason, { hint: kernel.hint });
  const rights = mayManagePaths();
  if (rights.available) return;
  throw new SubflowError('EPERM', `the kernel's paths: ${rights.reason}`, {
    hint: 'Run as root or with CAP_NET_ADMIN.',
  });
}
