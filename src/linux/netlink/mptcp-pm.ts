/**
 * The kernel's commands for the subflows of one connection, for programs that are its path manager: open, close, set
 * the priority. Connections that began under `net.mptcp.path_manager=userspace` take them, others refuse.
 *
 * Read first: Documentation/netlink/specs/mptcp_pm.yaml of the kernel; include/uapi/linux/mptcp.h.
 */
import { SubflowError } from '../../base/index.js';
import { IpAddress } from '../../wire/index.js';
import { AF_INET, AF_INET6 } from '../constants.js';
import type { Attribute } from './message.js';
import { NetlinkError, NetlinkSocket } from './netlink-socket.js';

const FAMILY = 'mptcp_pm';
const VERSION = 1;
const CMD_SET_FLAGS = 7;
const CMD_ANNOUNCE = 8;
const CMD_REMOVE = 9;
const CMD_SUBFLOW_CREATE = 10;
const CMD_SUBFLOW_DESTROY = 11;

const ATTR_ADDR = 1;
const ATTR_TOKEN = 4;
const ATTR_LOCAL_ID = 5;
const ATTR_ADDR_REMOTE = 6;

const ADDR_FAMILY = 1;
const ADDR_ID = 2;
const ADDR_IPV4 = 3;
const ADDR_IPV6 = 4;
const ADDR_PORT = 5;
const ADDR_FLAGS = 6;
const ADDR_INTERFACE = 7;

const FLAG_SIGNAL = 1;
const FLAG_BACKUP = 4;

/** Address IDs tried for an address whose ID the kernel chose. */
const MAX_IDS = 16;

/** One end of a subflow. */
export interface PathEnd {
  readonly address: string;
  /** 0 lets the kernel choose, for a subflow to be opened. */
  readonly port: number;
}

/** A subflow of the connection that `token` names on this host. */
export interface KernelPath {
  /** This side's token, as `connectionInfo` gives it. */
  readonly token: number;
  readonly local: PathEnd;
  readonly remote: PathEnd;
}

function addressAttributes({ address, port }: PathEnd, more: readonly Attribute[] = []): Attribute[] {
  const parsed = IpAddress.parse(address);
  if (parsed === undefined)
    throw new SubflowError('ERR_SUBFLOW_INVALID_ARGUMENT', `"${address}" is no address`);
  const ip = parsed.mappedV4 ?? parsed;
  const bytes = new Uint8Array(ip.byteLength);
  ip.writeTo(bytes, 0);
  return [
    { type: ADDR_FAMILY, u16: ip.family === 4 ? AF_INET : AF_INET6 },
    { type: ip.family === 4 ? ADDR_IPV4 : ADDR_IPV6, bytes },
    ...(port === 0 ? [] : [{ type: ADDR_PORT, u16: port }]),
    ...more,
  ];
}

/** The attributes of a command about `path`. */
export function pathAttributes(path: KernelPath, ofLocal: readonly Attribute[] = []): Attribute[] {
  return [
    { type: ATTR_TOKEN, u32: path.token },
    { type: ATTR_ADDR, nested: addressAttributes(path.local, ofLocal) },
    { type: ATTR_ADDR_REMOTE, nested: addressAttributes(path.remote) },
  ];
}

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
    const more: Attribute[] = [
      ...(backup ? [{ type: ADDR_FLAGS, u32: FLAG_BACKUP }] : []),
      ...(interfaceIndex !== undefined ? [{ type: ADDR_INTERFACE, u32: interfaceIndex }] : []),
    ];
    for (let id = 1; ; id++) {
      const attributes = pathAttributes(path, [{ type: ADDR_ID, u8: id }, ...more]);
      // The ID may be another address's, or the address may have another one by now.
      const command = (): void => this.command('subflow create', CMD_SUBFLOW_CREATE, attributes);
      if (id >= MAX_IDS) command();
      else if (!unlessRefused(/address and id/i, command)) continue;
      return id;
    }
  }

  /** Has the kernel close a subflow; throws as the class, and `ESRCH` when there is none such. */
  destroy(path: KernelPath): void {
    this.command('subflow destroy', CMD_SUBFLOW_DESTROY, pathAttributes(path));
  }

  /** Makes a subflow a backup or a regular one (MP_PRIO). */
  setBackup(path: KernelPath, backup: boolean): void {
    const flags = { type: ADDR_FLAGS, u32: backup ? FLAG_BACKUP : 0 };
    this.command('subflow priority', CMD_SET_FLAGS, pathAttributes(path, [flags]));
  }

  /**
   * Has the kernel announce an address to the peer of the connection `token` (ADD_ADDR) under the ID `id`, 1 to 255; port 0:
   * the connection's. False where the ID stands for another address, or the address has another ID.
   */
  announce(token: number, id: number, end: PathEnd): boolean {
    const more: Attribute[] = [
      { type: ADDR_ID, u8: id },
      { type: ADDR_FLAGS, u32: FLAG_SIGNAL },
    ];
    const attributes = [
      { type: ATTR_TOKEN, u32: token },
      { type: ATTR_ADDR, nested: addressAttributes(end, more) },
    ];
    return unlessRefused(/address and id/i, () => this.command('announce address', CMD_ANNOUNCE, attributes));
  }

  /** Has the kernel withdraw an address (REMOVE_ADDR); false where none has this ID. */
  withdraw(token: number, id: number): boolean {
    const attributes = [
      { type: ATTR_TOKEN, u32: token },
      { type: ATTR_LOCAL_ID, u8: id },
    ];
    return unlessRefused(/not found/i, () => this.command('withdraw address', CMD_REMOVE, attributes));
  }

  close(): void {
    this.socket.close();
  }

  private command(label: string, number: number, attributes: readonly Attribute[]): void {
    try {
      this.family ??= this.socket.family(FAMILY);
      this.socket.request(label, { family: this.family, command: number, version: VERSION, attributes });
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
