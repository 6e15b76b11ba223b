export * from './byte-file.js';
export * from './capture-address.js';
export { CaptureFile, type FoundPacket, type GoesOn, type ReadingProgress } from './capture-file.js';
export { type LookedAt, plotCommand, traceCommand } from './command-lines.js';
export * from './connection-filter.js';
export * from './packet-ends.js';
export { MAX_PLACES, PacketIndex } from './packet-index.js';
export { MAX_ROWS, type PacketRow, PacketRows, type PacketRowsOptions } from './packet-rows.js';
export { visibleText } from './visible-text.js';
