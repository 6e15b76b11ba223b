export { TraceAnalyzer, type TraceOptions } from './analyzer.js';
export * from './findings/index.js';
export type { HandshakePacket } from './handshake-packet.js';
export * from './observation.js';
export * from './report.js';
export * from './settings.js';
