export * from './capture-reader.js';
export * from './limits.js';
export * from './link.js';
export * from './packet.js';
export { PcapWriter } from './pcap-writer.js';
export { type InterfaceToWrite, PcapngWriter, type SectionToWrite } from './pcapng-writer.js';
export { decodeUtf8 } from './text.js';
export * from './zstandard.js';
