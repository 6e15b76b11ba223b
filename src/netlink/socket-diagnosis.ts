/**
 * What socket diagnosis is asked about the sockets of a protocol, and what it answers about each: ends, state, owner, and the protocol's own
 * structure, as bytes. Subflows and what Multipath TCP says of them: subflow-diagnosis.ts.
 *
 * Read first: sock_diag(7); include/uapi/linux/inet_diag.h, net/mptcp/mptcp_diag.c of the kernel.
 */
import { type Attribute, attributeEnd, findAttribute } from './message.js';
import type { PathEnd } from './mptcp-pm.js';
import type { RouteMessage } from './route-message.js';
import { DIAGNOSIS_MESSAGE, diagnosedCookie, diagnosedEnd } from './subflow-diagnosis.js';
import { familyNumber, familyOf } from './values.js';

/** struct inet_diag_req_v2, struct inet_diag_msg. */
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
const INET_DIAG_REQ_PROTOCOL = 3;
const INET_DIAG_INFO = 2;

/** States of sockets by number (tcp_states.h). */
export const socketStates = Object.freeze([
  ...(['unknown', 'established', 'syn-sent', 'syn-received', 'fin-wait-1', 'fin-wait-2'] as const),
  ...(['time-wait', 'closed', 'close-wait', 'last-ack', 'listen', 'closing'] as const),
]);
export type SocketState = (typeof socketStates)[number];

/** The name of a state. */
export function socketState(number: number): SocketState {
  return socketStates[number] ?? 'unknown';
}

/** A socket as diagnosis shows it. */
export interface DiagnosedSocket {
  readonly state: SocketState;
  readonly local: PathEnd;
  readonly remote: PathEnd;
  /** Tells it from all sockets that there were since the machine started. */
  readonly cookie: number;
  /** Number of the user that made it. */
  readonly uid: number;
  /** 0 where no process has it open. */
  readonly inode: number;
  /** Bytes that wait for the program, and for the peer; of a listener: connections that wait, and how many may. */
  readonly receiveQueue: number;
  readonly sendQueue: number;
  /** The protocol's structure, as much as the kernel gave (struct mptcp_info, struct tcp_info); empty where it gave none. */
  readonly info: Uint8Array;
}

/** The structure and the attributes of a question for all sockets of one family and protocol, IPPROTO_..., that are in one of `states`. */
export function socketQuery(
  family: 4 | 6,
  protocol: number,
  states: readonly SocketState[],
): { readonly header: Uint8Array; readonly attributes: readonly Attribute[] } {
  const header = new Uint8Array(REQUEST_BYTES);
  header[0] = familyNumber(family);
  // There is one byte for it, and some protocols' numbers have more: the attribute has all of it.
  header[1] = protocol & 0xff;
  header[2] = 1 << (INET_DIAG_INFO - 1);
  const bits = states.reduce((set, state) => set | (1 << socketStates.indexOf(state)), 0);
  new DataView(header.buffer).setUint32(4, bits, true);
  return { header, attributes: [{ type: INET_DIAG_REQ_PROTOCOL, u32: protocol }] };
}

/** Reads a socket; undefined for what is none, or is cut short. */
export function decodeDiagnosedSocket({ type, body }: RouteMessage): DiagnosedSocket | undefined {
  if (type !== DIAGNOSIS_MESSAGE || body.length < MESSAGE_BYTES) return undefined;
  const family = familyOf(body[0]);
  if (family === undefined) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const info = findAttribute(view, MESSAGE_BYTES, body.length, INET_DIAG_INFO);
  return {
    state: socketState(body[1]!),
    local: diagnosedEnd(body, family, 4, 8),
    remote: diagnosedEnd(body, family, 6, 24),
    cookie: diagnosedCookie(view),
    receiveQueue: view.getUint32(56, true),
    sendQueue: view.getUint32(60, true),
    uid: view.getUint32(64, true),
    inode: view.getUint32(68, true),
    info: info < 0 ? new Uint8Array(0) : body.subarray(info, attributeEnd(view, info)),
  };
}
