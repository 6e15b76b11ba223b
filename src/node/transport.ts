/** Which transport a socket gets. Never plain TCP: where neither can run there is an error that says why. */
import { SubflowError } from '../base/index.js';
import { kernelMptcp } from '../linux/index.js';
import type { Transport } from './socket.js';
import { UserspaceHost } from './userspace-host.js';

/** The part of the options that chooses. */
export interface TransportOptions {
  /** `kernel` is the default where the system offers it, then `userspace` where there is a host for it. */
  readonly transport?: Transport;
  /** The host whose interfaces carry the connection, for `userspace`; the default host when left out. */
  readonly via?: UserspaceHost;
}

/** What was chosen. */
export type ChosenTransport =
  { readonly transport: 'kernel' } | { readonly transport: 'userspace'; readonly host: UserspaceHost };

/**
 * Chooses. Throws `ERR_SUBFLOW_NO_KERNEL_MPTCP` when the kernel transport is asked for and cannot run,
 * `ERR_SUBFLOW_NO_USERSPACE_HOST` when userspace is and there is no host, `ERR_SUBFLOW_NO_TRANSPORT` when nothing was
 * asked for and neither can run, and `ERR_INVALID_ARG_VALUE` for a transport that does not exist.
 */
export function chooseTransport(options: TransportOptions): ChosenTransport {
  const { transport } = options;
  const host = options.via ?? UserspaceHost.default;
  if (transport === 'userspace' || (transport === undefined && options.via !== undefined)) {
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
  if (kernel.available) return { transport: 'kernel' };
  if (transport === 'kernel') {
    throw new SubflowError(
      'ERR_SUBFLOW_NO_KERNEL_MPTCP',
      `no Multipath TCP from the kernel: ${kernel.reason}`,
      {
        hint: kernel.hint,
      },
    );
  }
  if (host !== undefined) return { transport: 'userspace', host };
  throw new SubflowError(
    'ERR_SUBFLOW_NO_TRANSPORT',
    `no Multipath TCP from the kernel (${kernel.reason}), and no user-space host`,
    { hint: kernel.hint },
  );
}
