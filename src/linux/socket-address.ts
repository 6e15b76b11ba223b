/** Socket addresses between the kernel's structures (ip(7), ipv6(7)) and values. Knows no system calls. */
import { SubflowError } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { AF_INET, AF_INET6 } from './constants.js';

/** An address and a port as Node's net gives them. */
export interface SocketAddress {
  /** In text, without brackets; a scope is left out. */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

const SOCKADDR_IN_LENGTH = 16;
const SOCKADDR_IN6_LENGTH = 28;

/**
 * Builds a struct sockaddr_in or sockaddr_in6. `scope`: interface index, for link-local addresses.
 * @throws SubflowError `ERR_SUBFLOW_INVALID_ARGUMENT` for a text that is no address or a number that is no port.
 */
export function encodeSocketAddress(address: string, port: number, scope = 0): Uint8Array {
  const ip = IpAddress.parse(address);
  if (ip === undefined) {
    throw new SubflowError('ERR_SUBFLOW_INVALID_ARGUMENT', `"${address}" is not an IP address`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SubflowError('ERR_SUBFLOW_INVALID_ARGUMENT', `${port} is not a port`);
  }
  const bytes = new Uint8Array(ip.family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ip.family === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  ip.writeTo(bytes, ip.family === 4 ? 4 : 8);
  if (ip.family === 6) view.setUint32(24, scope, true);
  return bytes;
}

/** Reads the structure at `offset`; undefined when it is neither IPv4 nor IPv6, or cut short. */
export function decodeSocketAddress(bytes: Uint8Array, offset = 0): SocketAddress | undefined {
  const available = bytes.length - offset;
  if (available < SOCKADDR_IN_LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, available);
  const family = view.getUint16(0, true);
  const port = view.getUint16(2);
  if (family === AF_INET) {
    return { address: IpAddress.readV4(bytes, offset + 4).toString(), port, family: 4 };
  }
  if (family === AF_INET6 && available >= SOCKADDR_IN6_LENGTH) {
    return { address: IpAddress.readV6(bytes, offset + 8).toString(), port, family: 6 };
  }
  return undefined;
}
