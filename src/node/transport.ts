/**
 * Which transport a socket gets. Where neither can run it is the kernel's with plain TCP, which says why, or an error for those who demand
 * Multipath TCP.
 */
import { SubflowError } from '../base/index.js';
import { kernelMptcp } from '../linux/index.js';
import type { Lack } from './kernel-origin.js';
import type { Transport } from './socket.js';
import { UserspaceHost } from './userspace-host.js';

/** The part of the options that chooses. */
export interface TransportOptions {
  /** `kernel` is the default where the system offers it, then `userspace` where there is a host for it. */
  readonly transport?: Transport;
  /**
   * The host whose interfaces carry the connection, for `userspace`; the default host when left out. Or, for `connect` over the
   * kernel, proxies to connect through, as `socks5://user:password@192.0.2.1:1080`, `socks6://`, `http://` or `converter://`;
   * several one behind the other with commas, the nearest first (docs/proxies.md).
   */
  readonly via?: UserspaceHost | string;
}

/** What was chosen; `lack` says why the kernel's sockets are plain TCP. */
export type ChosenTransport =
  | { readonly transport: 'kernel'; readonly lack: Lack | undefined }
  | { readonly transport: 'userspace'; readonly host: UserspaceHost };

/**
 * Chooses. Throws `ERR_SUBFLOW_NO_USERSPACE_HOST` when userspace is asked for and there is no host, and `ERR_INVALID_ARG_VALUE` for a
 * transport that does not exist. With `multipath: true`, where the kernel has no Multipath TCP, `ERR_SUBFLOW_NO_KERNEL_MPTCP` when its
 * transport was asked for, and `ERR_SUBFLOW_NO_TRANSPORT` when none was and there is no host either.
 */
export function chooseTransport(
  options: TransportOptions & { readonly multipath?: boolean },
): ChosenTransport {
  const { transport, multipath } = options;
  const { via } = options;
  const isHostNamed = typeof via === 'object';
  const host = isHostNamed ? via : UserspaceHost.default;
  if (transport === 'userspace' || (transport === undefined && isHostNamed)) {
    if (host !== undefined) return { transport: 'userspace', host };
    throw new SubflowError(
      'ERR_SUBFLOW_NO_USERSPACE_HOST',
      'there is no user-space host to connect through',
      {
        hint: 'Make a UserspaceHost, give it a device, and pass it as "via" or set it as UserspaceHost.default.',
      },
    );
  }
  if (transport !== undefined && transport !== 'kernel') {
    throw new SubflowError(
      'ERR_INVALID_ARG_VALUE',
      `transport is 'kernel' or 'userspace', not '${String(transport)}'`,
    );
  }
  const kernel = kernelMptcp();
  if (kernel.available) return { transport: 'kernel', lack: undefined };
  if (transport === undefined && host !== undefined) return { transport: 'userspace', host };
  const { reason, hint } = kernel;
  if (multipath !== true) return { transport: 'kernel', lack: { reason, hint } };
  if (transport === 'kernel')
    throw new SubflowError('ERR_SUBFLOW_NO_KERNEL_MPTCP', `no Multipath TCP from the kernel: ${reason}`, {
      hint,
    });
  throw new SubflowError(
    'ERR_SUBFLOW_NO_TRANSPORT',
    `no Multipath TCP from the kernel (${reason}), and no user-space host`,
    { hint },
  );
}
