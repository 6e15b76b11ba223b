/** SOCKS 5 and 6: messages between bytes and values. No sockets. */
export { isName, MAX_NAME_BYTES, parseAuthority, SocksAddressType, type SocksHost } from './destination.js';
export * from './socks5.js';
export * from './socks6.js';
export * from './socks6-options.js';
