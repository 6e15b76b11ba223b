/**
 * The kernel's commands for the subflows of one connection, for programs that are its path manager: open, close, set
 * the priority. Connections that began under `net.mptcp.path_manager=userspace` take them, others refuse.
 *
 * Read first: Documentation/netlink/specs/mptcp_pm.yaml of the kernel; include/uapi/linux/mptcp.h.
 */
import { SubflowError } from '../../base/index.js';
import {
  announcementAttributes,
  type Attribute,
  type KernelPath,
  PATH_MANAGER_FAMILY,
  PATH_MANAGER_VERSION,
  pathAttributes,
  type PathEnd,
  pathManagerCommands,
  withdrawalAttributes,
} from '../../netlink/index.js';
import { NetlinkError, NetlinkSocket } from './netlink-socket.js';

/** Address IDs tried for an address whose ID the kernel chose. */
const MAX_IDS = 16;

/** What the kernel refuses for want of the right path manager. */
function explained(error: unknown): unknown {
  const isOfPathManager = error instanceof NetlinkError && /userspace PM/i.test(error.said);
  if (!isOfPathManager) return error;
  return new SubflowError(
    'ERR_SUBFLOW_UNSUPPORTED',
    'the path manager of this connection is in the kernel, and takes no commands for a single connection',
    {
      cause: error,
      hint: 'Before connecting: sysctl -w net.mptcp.path_manager=userspace (net.mptcp.pm_type=1 before Linux 6.15); or let ip mptcp endpoint say which addresses are used.',
    },
  );
}

/** How a subflow is opened. */
export interface KernelPathOptions {
  readonly backup: boolean;
  /** Number of the interface that it is bound to, whatever the routes say; none when left out. */
  readonly interfaceIndex?: number;
}

/**
 * Commands to the path manager of one namespace: that of the calling thread when this is made. Each is carried out when its method
 * returns.
 * @throws, every method: SubflowError `ERR_SUBFLOW_UNSUPPORTED` for a connection that the kernel's own path manager looks after;
 * NetlinkError `EPERM` without CAP_NET_ADMIN, `EINVAL` with the kernel's reason.
 */
export class KernelPathCommands {
  private readonly socket = new NetlinkSocket();
  private family: number | undefined;

  /**
   * Has the kernel open a subflow; it is connecting when this returns. Gives the address ID of its local address.
   * @throws as the class; NetlinkError `EADDRNOTAVAIL`, `ENETUNREACH` and the like.
   */
  create(path: KernelPath, { backup, interfaceIndex }: KernelPathOptions): number {
    const bound = interfaceIndex === undefined ? {} : { interfaceIndex };
    const details = backup ? { ...bound, flags: ['backup'] as const } : bound;
    for (let id = 1; ; id++) {
      const attributes = pathAttributes(path, { ...details, id });
      // The ID may be another address's, or the address may have another one by now.
      const command = (): void =>
        this.command('subflow create', pathManagerCommands.createSubflow, attributes);
      if (id >= MAX_IDS) command();
      else if (!unlessRefused(/address and id/i, command)) continue;
      return id;
    }
  }

  /** Has the kernel close a subflow; throws as the class, and `ESRCH` when there is none such. */
  destroy(path: KernelPath): void {
    this.command('subflow destroy', pathManagerCommands.destroySubflow, pathAttributes(path));
  }

  /** Makes a subflow a backup or a regular one (MP_PRIO). */
  setBackup(path: KernelPath, backup: boolean): void {
    const flags = backup ? (['backup'] as const) : [];
    this.command('subflow priority', pathManagerCommands.setFlags, pathAttributes(path, { flags }));
  }

  /**
   * Has the kernel announce an address to the peer of the connection `token` (ADD_ADDR) under the ID `id`, 1 to 255; port 0:
   * the connection's. False where the ID stands for another address, or the address has another ID.
   */
  announce(token: number, id: number, end: PathEnd): boolean {
    const attributes = announcementAttributes(token, end, { id, flags: ['signal'] });
    return unlessRefused(/address and id/i, () =>
      this.command('announce address', pathManagerCommands.announce, attributes),
    );
  }

  /** Has the kernel withdraw an address (REMOVE_ADDR); false where none has this ID. */
  withdraw(token: number, id: number): boolean {
    const attributes = withdrawalAttributes(token, id);
    return unlessRefused(/not found/i, () =>
      this.command('withdraw address', pathManagerCommands.withdraw, attributes),
    );
  }

  close(): void {
    this.socket.close();
  }

  private command(label: string, number: number, attributes: readonly Attribute[]): void {
    try {
      this.family ??= this.socket.family(PATH_MANAGER_FAMILY);
      const version = PATH_MANAGER_VERSION;
      this.socket.request(label, { family: this.family, command: number, version, attributes });
    } catch (error) {
      throw explained(error);
    }
  }
}

/** Has one command carried out in the calling thread's namespace. */
export function commandKernelPaths<T>(action: (commands: KernelPathCommands) => T): T {
  const commands = new KernelPathCommands();
  try {
    return action(commands);
  } finally {
    commands.close();
  }
}

/** Whether `action` was carried out; false where the kernel refused in words like `said`. */
function unlessRefused(said: RegExp, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && said.test(error.said)) return false;
    throw error;
  }
}
