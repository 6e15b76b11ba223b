/** HTTP CONNECT: requests and answers between bytes and values. No sockets. */
export * from './answer.js';
export { emitBasic, parseBasic, type BasicCredentials } from './basic.js';
export { MAX_FIELDS, MAX_HEAD_BYTES, MAX_LINE_BYTES } from './head.js';
export * from './request.js';
