/**
 * What socket diagnosis is asked about the subflows of all Multipath TCP connections, and what it answers: each is a TCP socket that says
 * which connection it belongs to.
 *
 * Read first: sock_diag(7); include/uapi/linux/inet_diag.h and mptcp.h (MPTCP_SUBFLOW_ATTR_...) of the kernel.
 */
import { IpAddress } from '../wire/index.js';
import { attributeEnd, findAttribute, findNumber } from './message.js';
import type { PathEnd } from './mptcp-pm.js';
import type { RouteMessage } from './route-message.js';
import { familyNumber } from './values.js';

/** SOCK_DIAG_BY_FAMILY. */
export const DIAGNOSIS_MESSAGE = 20;

/** struct inet_diag_req_v2, struct inet_diag_msg. */
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
const IPPROTO_TCP = 6;
const INET_DIAG_INFO = 2;
const INET_DIAG_ULP_INFO = 19;
const INET_ULP_INFO_MPTCP = 3;
/** All states but LISTEN, TIME-WAIT and CLOSE: those that a subflow lives in. */
const LIVING_STATES = 0xfff & ~((1 << 10) | (1 << 6) | (1 << 7));

const SUBFLOW_TOKEN_LOCAL = 2;
const SUBFLOW_FLAGS = 8;
const SUBFLOW_ID_REMOTE = 9;
const SUBFLOW_ID_LOCAL = 10;
const FLAG_JOIN_REMOTE = 1 << 2;
const FLAG_JOIN_LOCAL = 1 << 3;
const FLAG_BACKUP_REMOTE = 1 << 4;
const FLAG_BACKUP_LOCAL = 1 << 5;

/** A subflow as diagnosis shows it. */
export interface DiagnosedSubflow {
  /** This side's token of its connection. */
  readonly token: number;
  /** Tells it from all sockets that there were since the machine started. */
  readonly cookie: number;
  readonly local: PathEnd;
  readonly remote: PathEnd;
  readonly family: 4 | 6;
  /** State of TCP (tcp_states.h); 1 is established. */
  readonly state: number;
  readonly localId: number;
  readonly remoteId: number;
  /** It joined the connection, and did not begin it. */
  readonly isJoin: boolean;
  /** This side asked for the join. */
  readonly isJoinOfOurs: boolean;
  /** What either side asks for; that of this side since Linux 5.7. */
  readonly isBackup: boolean;
  readonly isBackupForPeer: boolean;
  /** Number of the interface that it is bound to; 0: as routes say. */
  readonly interfaceIndex: number;
  /** struct tcp_info, as much as the kernel gave; empty where it gave none. */
  readonly tcpInfo: Uint8Array;
}

/** The structure of a question for all subflows of one family. */
export function subflowQuery(family: 4 | 6): Uint8Array {
  const header = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(header.buffer);
  header[0] = familyNumber(family);
  header[1] = IPPROTO_TCP;
  header[2] = 1 << (INET_DIAG_INFO - 1);
  view.setUint32(4, LIVING_STATES, true);
  return header;
}

/** Reads a subflow; undefined for sockets that are none, and for what is cut short. */
export function decodeSubflow({ type, body }: RouteMessage): DiagnosedSubflow | undefined {
  if (type !== DIAGNOSIS_MESSAGE || body.length < MESSAGE_BYTES) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const above = findAttribute(view, MESSAGE_BYTES, body.length, INET_DIAG_ULP_INFO);
  const about = above < 0 ? -1 : findAttribute(view, above, attributeEnd(view, above), INET_ULP_INFO_MPTCP);
  if (about < 0) return undefined;
  const end = attributeEnd(view, about);
  const token = findAttribute(view, about, end, SUBFLOW_TOKEN_LOCAL);
  if (token < 0 || attributeEnd(view, token) !== token + 4) return undefined;
  const flags = findNumber(view, about, end, SUBFLOW_FLAGS);
  const family = body[0] === familyNumber(4) ? 4 : 6;
  const info = findAttribute(view, MESSAGE_BYTES, body.length, INET_DIAG_INFO);
  return {
    token: view.getUint32(token, true),
    family,
    state: body[1]!,
    cookie: diagnosedCookie(view),
    local: diagnosedEnd(body, family, 4, 8),
    remote: diagnosedEnd(body, family, 6, 24),
    localId: findNumber(view, about, end, SUBFLOW_ID_LOCAL),
    remoteId: findNumber(view, about, end, SUBFLOW_ID_REMOTE),
    isJoin: (flags & (FLAG_JOIN_LOCAL | FLAG_JOIN_REMOTE)) !== 0,
    isJoinOfOurs: (flags & FLAG_JOIN_LOCAL) !== 0,
    isBackup: (flags & FLAG_BACKUP_LOCAL) !== 0,
    isBackupForPeer: (flags & FLAG_BACKUP_REMOTE) !== 0,
    interfaceIndex: view.getUint32(40, true),
    tcpInfo: info < 0 ? nothing : body.subarray(info, attributeEnd(view, info)),
  };
}

const nothing = new Uint8Array(0);

/** One end of a socket in a struct inet_diag_msg: its port and address stand at these places. */
export function diagnosedEnd(body: Uint8Array, family: 4 | 6, portAt: number, addressAt: number): PathEnd {
  const address = IpAddress.read(family, body, addressAt);
  const port = (body[portAt]! << 8) | body[portAt + 1]!;
  return { address: (address.mappedV4 ?? address).toString(), port };
}

/** What tells a socket from all others that there were; they count up, so that the upper half stays small. */
export function diagnosedCookie(view: DataView): number {
  return view.getUint32(44, true) + (view.getUint32(48, true) % (1 << 20)) * 2 ** 32;
}
