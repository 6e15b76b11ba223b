export { TraceAnalyzer, type TraceOptions } from './analyzer.js';
export { Attribution } from './attribution.js';
export * from './dissection/index.js';
export * from './findings/index.js';
export type { HandshakePacket } from './handshake-packet.js';
export * from './observation.js';
export {
  type AgreedOptions,
  type ConnectionOptionsReport,
  type OptionNote,
  type OptionReport,
} from './options-report/index.js';
export {
  agreedText,
  type PacketOptionsReport,
  reportOptions,
  type SubflowOptionsReport,
  tcpKindName,
} from './options-report/index.js';
export * from './report.js';
export { reportObject, reportPieces } from './report-json.js';
export * from './rows/index.js';
export * from './selection.js';
export * from './series/index.js';
export * from './settings.js';
export { otherViews } from './views.js';
