/**
 * TCP: one connection, or one subflow of a Multipath TCP connection. Owns handshake, reliable delivery, flow and
 * congestion control of one pair of sequence spaces; knows nothing of addresses, ports, or what its owner puts into the
 * options. Read first: RFC 9293, then RFC 5681, 6298, 7323, 2018, 8985, 6937.
 */
export { TcpConnection } from './connection.js';
export { Verdict } from './event.js';
export type { CloseReason, TcpEvent } from './event.js';
export type { FastOpenAnswer, FastOpenOffer } from './fast-open.js';
export { MAX_OPTION_BYTES, OutgoingSegment } from './segment.js';
export type { SendRecord } from './segment.js';
export { defaultTcpSettings } from './settings.js';
export type { TcpParameters, TcpSettings } from './settings.js';
export { isSynchronized, mayReceive, maySend } from './state.js';
export type { TcpState } from './state.js';
export type { RttView, TcpStatistics } from './statistics.js';
export type { TimestampMark } from './timestamps.js';
export * from './congestion/index.js';
