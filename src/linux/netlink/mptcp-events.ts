/**
 * What the kernel tells of the subflows and addresses of all connections of a namespace, whoever its path manager is.
 *
 * Read first: Documentation/netlink/specs/mptcp_pm.yaml of the kernel; include/uapi/linux/mptcp.h (enum mptcp_event_type).
 */
import { IpAddress } from '../../wire/index.js';
import type { ReadableWatch } from '../libc.js';
import type { NetlinkReply } from './message.js';
import type { PathEnd } from './mptcp-pm.js';
import { NetlinkSocket } from './netlink-socket.js';

const FAMILY = 'mptcp_pm';
const GROUP = 'mptcp_pm_events';

const ATTR_TOKEN = 1;
const ATTR_REMOTE_ID = 4;
const ATTR_SOURCE_IPV4 = 5;
const ATTR_SOURCE_IPV6 = 6;
const ATTR_DESTINATION_IPV4 = 7;
const ATTR_DESTINATION_IPV6 = 8;
const ATTR_SOURCE_PORT = 9;
const ATTR_DESTINATION_PORT = 10;
const ATTR_BACKUP = 11;
const ATTR_ERROR = 12;
const ATTR_RESET_REASON = 16;

const types = {
  6: 'address-announced',
  7: 'address-removed',
  10: 'subflow-opened',
  11: 'subflow-closed',
  13: 'subflow-priority',
} as const;

/** One event; what the kernel did not say is undefined. */
export interface KernelPathEvent {
  readonly type: (typeof types)[keyof typeof types];
  /** This side's token of the connection. */
  readonly token: number;
  /** Ends of the subflow; for an announced address `remote` alone. */
  readonly local: PathEnd | undefined;
  readonly remote: PathEnd | undefined;
  /** The peer's address ID. */
  readonly remoteId: number | undefined;
  readonly backup: boolean | undefined;
  /** Why a subflow was closed: a positive error number. */
  readonly errno: number | undefined;
  /** Reason code of the MP_TCPRST that closed it (RFC 8684 §3.6). */
  readonly resetReason: number | undefined;
}

/** Reads an event; undefined for messages about something else, and those that name no connection. */
export function decodePathEvent(reply: NetlinkReply): KernelPathEvent | undefined {
  if (reply.kind !== 'data' || !isKnown(reply.command)) return undefined;
  const { attributes } = reply;
  const number = (type: number, littleEndian = true): number | undefined => {
    const bytes = attributes.get(type);
    if (bytes === undefined) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length === 1) return view.getUint8(0);
    if (bytes.length === 2) return view.getUint16(0, littleEndian);
    return bytes.length === 4 ? view.getUint32(0, littleEndian) : undefined;
  };
  const end = (ipv4: number, ipv6: number, port: number): PathEnd | undefined => {
    const address = addressOf(attributes.get(ipv4), 4) ?? addressOf(attributes.get(ipv6), 16);
    return address === undefined ? undefined : { address, port: number(port, false) ?? 0 };
  };
  const token = number(ATTR_TOKEN);
  if (token === undefined) return undefined;
  const backup = number(ATTR_BACKUP);
  return {
    type: types[reply.command],
    token,
    local: end(ATTR_SOURCE_IPV4, ATTR_SOURCE_IPV6, ATTR_SOURCE_PORT),
    remote: end(ATTR_DESTINATION_IPV4, ATTR_DESTINATION_IPV6, ATTR_DESTINATION_PORT),
    remoteId: number(ATTR_REMOTE_ID),
    backup: backup === undefined ? undefined : backup !== 0,
    errno: number(ATTR_ERROR),
    resetReason: number(ATTR_RESET_REASON),
  };
}

function isKnown(command: number): command is keyof typeof types {
  return Object.hasOwn(types, command);
}

function addressOf(bytes: Uint8Array | undefined, length: number): string | undefined {
  if (bytes?.length !== length) return undefined;
  return IpAddress.read(length === 4 ? 4 : 6, bytes, 0).toString();
}

/** Listens to the events of the namespace that it was opened in; holds no process alive. */
export class KernelPathEvents {
  private readonly socket = new NetlinkSocket();
  private readonly watch: ReadableWatch;
  private closed = false;

  /**
   * Calls `onEvent` from the event loop for each event, and `onLost` where there were more than the kernel could hold.
   * @throws SystemError `EPERM` without CAP_NET_ADMIN.
   * @throws NetlinkError `ENOENT` where the kernel has no such events (before Linux 5.12).
   */
  constructor(onEvent: (event: KernelPathEvent) => void, onLost: () => void) {
    try {
      this.socket.subscribe(FAMILY, GROUP);
    } catch (error) {
      this.socket.close();
      throw error;
    }
    this.watch = this.socket.watch(() => {
      const { replies, isWhole } = this.socket.drain();
      for (const reply of replies) {
        const event = decodePathEvent(reply);
        if (event !== undefined && !this.closed) onEvent(event);
      }
      if (!isWhole && !this.closed) onLost();
    });
  }

  /** Stops listening. Closing twice does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.watch.close();
    this.socket.close();
  }
}
