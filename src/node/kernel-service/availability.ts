/** Whether service types can be had on kernel sockets of the calling thread's namespace, and if not, how. */
import { SubflowError } from '../../base/index.js';
import { kernelPathManager, mayManagePaths } from '../../linux/index.js';

/**
 * Throws `ERR_SUBFLOW_UNSUPPORTED` where the kernel's own path manager looks after new connections, and `EPERM` without the
 * right to command it.
 */
export function checkKernelService(): void {
  if (kernelPathManager() !== 'userspace')
    throw new SubflowError(
      'ERR_SUBFLOW_UNSUPPORTED',
      'service types on kernel sockets take the path manager of user space, and the kernel has its own at work',
      {
        hint: "Before connecting: sysctl -w net.mptcp.path_manager=userspace (net.mptcp.pm_type=1 before Linux 6.15). Without root: serviceType 'none', or ip mptcp endpoint by who administers the machine, or the userspace transport.",
      },
    );
  const rights = mayManagePaths();
  if (rights.available) return;
  throw new SubflowError('EPERM', `service types on kernel sockets: ${rights.reason}`, {
    hint: "Run as root or with CAP_NET_ADMIN (setcap, AmbientCapabilities=CAP_NET_ADMIN in a systemd unit); without, serviceType 'none' works.",
  });
}
