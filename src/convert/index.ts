/** The 0-RTT TCP Convert Protocol (RFC 8803): messages, and what either side makes of them. No sockets. */
export * from './client.js';
export * from './converter.js';
export * from './converter-memory.js';
export * from './cookies.js';
export * from './errors.js';
export { convertLength, convertReader, emitConvert, scanConvert } from './message.js';
export * from './tlv.js';
