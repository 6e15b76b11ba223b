/**
 * The states of a connection and the moves between them (read first: RFC 9293 §3.3.2 and its figure 5). LISTEN is not
 * among them: a listener belongs to the stack, and a connection begins with a SYN sent or received.
 *
 *                    connect                                   accept
 *                       | SYN                                     | SYN, ACK
 *                       v            SYN / SYN, ACK               v
 *                  +----------+ ---------------------------> +--------------+
 *                  | SYN-SENT |                              | SYN-RECEIVED |
 *                  +----------+                              +--------------+
 *                       | SYN, ACK / ACK                          | ACK of SYN
 *                       +--------------> +-------------+ <--------+
 *                         +------------- | ESTABLISHED | -----------+
 *          shutdown / FIN |              +-------------+ FIN / ACK  |
 *                         v                                         v
 *                  +------------+                            +------------+
 *     +----------- | FIN-WAIT-1 | ----------+                | CLOSE-WAIT |
 *     | FIN / ACK  +------------+ ACK of FIN|                +------------+
 *     v                                     v                       | shutdown / FIN
 *  +---------+                        +------------+                v
 *  | CLOSING |                        | FIN-WAIT-2 |          +----------+
 *  +---------+                        +------------+          | LAST-ACK |
 *     | ACK of FIN  +-----------+           | FIN / ACK       +----------+
 *     +-----------> | TIME-WAIT | <---------+                      | ACK of FIN
 *                   +-----------+                                  v
 *                         | 2 MSL passed                      +--------+
 *                         +---------------------------------> | CLOSED |
 *                                                             +--------+
 *
 * A segment with both FIN and the ACK of ours is two moves at once: first the ACK, then the FIN. A shutdown before the
 * connection is open waits until it is. From every state a reset, an abort or a timeout leads to CLOSED.
 */

/** A state of RFC 9293 §3.3.2. */
export type TcpState =
  | 'syn-sent'
  | 'syn-received'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'close-wait'
  | 'closing'
  | 'last-ack'
  | 'time-wait'
  | 'closed';

/** What can move a connection from one state to another. */
export type TcpTransition =
  /** A SYN without ACK came while ours is on its way: both ends opened at once. */
  | 'syn'
  /** A SYN that acknowledges ours came. */
  | 'syn-ack'
  /** Our SYN was acknowledged after the peer's came. */
  | 'syn-acked'
  /** The owner will send no more: a FIN follows what it pushed. */
  | 'shutdown'
  /** The peer's FIN came in order. */
  | 'fin'
  /** Our FIN was acknowledged. */
  | 'fin-acked'
  /** Old duplicates have died out. */
  | 'expired'
  /** Reset, abort or timeout. */
  | 'fail';

/** Every move there is; what is not in the table leaves the state as it is. */
const transitions: Readonly<Record<TcpState, Partial<Readonly<Record<TcpTransition, TcpState>>>>> = {
  'syn-sent': { syn: 'syn-received', 'syn-ack': 'established', fail: 'closed' },
  'syn-received': { 'syn-acked': 'established', fail: 'closed' },
  established: { shutdown: 'fin-wait-1', fin: 'close-wait', fail: 'closed' },
  'fin-wait-1': { fin: 'closing', 'fin-acked': 'fin-wait-2', fail: 'closed' },
  'fin-wait-2': { fin: 'time-wait', fail: 'closed' },
  'close-wait': { shutdown: 'last-ack', fail: 'closed' },
  closing: { 'fin-acked': 'time-wait', fail: 'closed' },
  'last-ack': { 'fin-acked': 'closed', fail: 'closed' },
  'time-wait': { expired: 'closed', fail: 'closed' },
  closed: {},
};

/** The state after `transition` in `state`: the same one where the table names none. */
export function nextState(state: TcpState, transition: TcpTransition): TcpState {
  return transitions[state][transition] ?? state;
}

/** Whether both SYNs are through: data flows at least one way, or did. */
export function isSynchronized(state: TcpState): boolean {
  return state !== 'syn-sent' && state !== 'syn-received' && state !== 'closed';
}

/** Whether the peer may still send bytes. */
export function mayReceive(state: TcpState): boolean {
  return state === 'established' || state === 'fin-wait-1' || state === 'fin-wait-2';
}

/** Whether the peer must be told of an abort: it may still expect something of us (RFC 9293 §3.10.5). */
export function mustReset(state: TcpState): boolean {
  return state === 'syn-received' || state === 'close-wait' || mayReceive(state);
}

/** Whether the owner may still push bytes. */
export function maySend(state: TcpState): boolean {
  return state === 'established' || state === 'close-wait';
}
