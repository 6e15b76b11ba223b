/**
 * A host: interfaces, demultiplexing, listeners and sockets over the engine of `mptcp` and `tcp`. Start with
 * {@link Stack}.
 */
export type { StackCounters } from './counters.js';
export { MAX_RACE_PATHS, type RobustEstablishment } from './establishment-race.js';
export {
  MAX_NOTICES,
  type AcceptableEvent,
  type PathNotice,
  type SocketClosedEvent,
  type SocketEstablishedEvent,
  type SocketPathEvent,
  type SocketPeerClosedEvent,
  type SocketReadableEvent,
  type SocketWritableEvent,
  type StackEvent,
} from './events.js';
export type { FastOpenListenOptions, FastOpenMode } from './fast-open.js';
export type { PacketMeta } from './ingress.js';
export type {
  InterfaceAddress,
  InterfaceCapabilities,
  InterfaceOptions,
  NetworkInterface,
  Route,
} from './interface-table.js';
export type { Listener, ListenOptions } from './listener.js';
export { defaultPathMemorySettings, type PathMemorySettings } from './path-memory.js';
export { PacketWriter } from './packet-writer.js';
export type { PortRange } from './port-allocator.js';
export type { SegmentNote } from './segment-note.js';
export { defaultStackSettings, type ConnectionSettings, type StackSettings } from './settings.js';
export type { OpenSubflowOptions, Socket, SocketState } from './socket.js';
export { Stack, type StackConnectOptions, type StackOptions } from './stack.js';
export { MAX_HEADER_BYTES, TransmitBuffer } from './transmit-buffer.js';
