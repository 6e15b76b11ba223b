/**
 * What the kernel tells of the connections, subflows and addresses of a namespace, whoever its path manager is.
 *
 * Read first: Documentation/netlink/specs/mptcp_pm.yaml of the kernel; include/uapi/linux/mptcp_pm.h (enum mptcp_event_type).
 */
import type { NetlinkReply } from './message.js';
import type { PathEnd } from './mptcp-pm.js';
import { addressOf, numberOf } from './values.js';

const ATTR_TOKEN = 1;
const ATTR_LOCAL_ID = 3;
const ATTR_REMOTE_ID = 4;
const ATTR_SOURCE_IPV4 = 5;
const ATTR_SOURCE_IPV6 = 6;
const ATTR_DESTINATION_IPV4 = 7;
const ATTR_DESTINATION_IPV6 = 8;
const ATTR_SOURCE_PORT = 9;
const ATTR_DESTINATION_PORT = 10;
const ATTR_BACKUP = 11;
const ATTR_ERROR = 12;
const ATTR_FLAGS = 13;
const ATTR_INTERFACE = 15;
const ATTR_RESET_REASON = 16;
const ATTR_SERVER_SIDE = 18;

/** MPTCP_PM_EV_FLAG_SERVER_SIDE (Linux 6.18). */
const FLAG_SERVER_SIDE = 2;

const types = {
  1: 'connection-created',
  2: 'connection-established',
  3: 'connection-closed',
  6: 'address-announced',
  7: 'address-removed',
  10: 'subflow-opened',
  11: 'subflow-closed',
  13: 'subflow-priority',
  15: 'listener-opened',
  16: 'listener-closed',
} as const;

/** One event; what the kernel did not say is undefined. */
export interface KernelPathEvent {
  readonly type: (typeof types)[keyof typeof types];
  /** This side's token of the connection; 0 for listeners, which belong to none. */
  readonly token: number;
  /** Ends of the subflow; for an announced address `remote` alone, for a listener `local`. */
  readonly local: PathEnd | undefined;
  readonly remote: PathEnd | undefined;
  /** This side's address ID. */
  readonly localId: number | undefined;
  /** The peer's address ID. */
  readonly remoteId: number | undefined;
  readonly backup: boolean | undefined;
  /** Why a subflow was closed: a positive error number. */
  readonly errno: number | undefined;
  /** Number of the interface that the subflow is bound to. */
  readonly interfaceIndex: number | undefined;
  /** Whether this side accepted the connection; said with its first two events, since Linux 6.18 only where it did. */
  readonly isServer: boolean | undefined;
  /** Reason code of the MP_TCPRST that closed it (RFC 8684 §3.6). */
  readonly resetReason: number | undefined;
}

/** Reads an event; undefined for messages about something else, and those that name no connection where there has to be one. */
export function decodePathEvent(reply: NetlinkReply): KernelPathEvent | undefined {
  if (reply.kind !== 'data' || !isKnown(reply.command)) return undefined;
  const { attributes } = reply;
  const type = types[reply.command];
  const number = (attribute: number): number | undefined => numberOf(attributes.get(attribute));
  const token = number(ATTR_TOKEN) ?? (type.startsWith('listener') ? 0 : undefined);
  if (token === undefined) return undefined;
  const backup = number(ATTR_BACKUP);
  return {
    ...{ type, token },
    local: endOf(attributes, ATTR_SOURCE_IPV4, ATTR_SOURCE_IPV6, ATTR_SOURCE_PORT),
    remote: endOf(attributes, ATTR_DESTINATION_IPV4, ATTR_DESTINATION_IPV6, ATTR_DESTINATION_PORT),
    localId: number(ATTR_LOCAL_ID),
    remoteId: number(ATTR_REMOTE_ID),
    backup: backup === undefined ? undefined : backup !== 0,
    errno: number(ATTR_ERROR),
    interfaceIndex: number(ATTR_INTERFACE),
    isServer: isServer(number(ATTR_SERVER_SIDE), number(ATTR_FLAGS)),
    resetReason: number(ATTR_RESET_REASON),
  };
}

function isKnown(command: number): command is keyof typeof types {
  return Object.hasOwn(types, command);
}

function isServer(serverSide: number | undefined, flags: number | undefined): boolean | undefined {
  if (serverSide !== undefined) return serverSide !== 0;
  return flags === undefined ? undefined : (flags & FLAG_SERVER_SIDE) !== 0;
}

function endOf(
  attributes: ReadonlyMap<number, Uint8Array>,
  ipv4: number,
  ipv6: number,
  port: number,
): PathEnd | undefined {
  const four = attributes.get(ipv4);
  const six = attributes.get(ipv6);
  const address = addressOf(four?.length === 4 ? four : six?.length === 16 ? six : undefined);
  if (address === undefined) return undefined;
  return { address: address.toString(), port: numberOf(attributes.get(port), false) ?? 0 };
}
