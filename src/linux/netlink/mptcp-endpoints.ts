/**
 * What the kernel's own path manager was told: its limits and its endpoints, of the calling thread's namespace. Reads only.
 *
 * Read first: ip-mptcp(8); Documentation/netlink/specs/mptcp_pm.yaml of the kernel.
 */
import { IpAddress } from '../../wire/index.js';
import { readAttributes } from './message.js';
import { NetlinkSocket } from './netlink-socket.js';

const FAMILY = 'mptcp_pm';
const VERSION = 1;
const CMD_GET_ADDR = 3;
const CMD_GET_LIMITS = 6;
const ATTR_ADDR = 1;
const ATTR_RCV_ADD_ADDRS = 2;
const ATTR_SUBFLOWS = 3;
const ADDR_ID = 2;
const ADDR_IPV4 = 3;
const ADDR_IPV6 = 4;
const ADDR_FLAGS = 6;

/** Flags of endpoints by name, in the kernel's order of bits. */
const flagNames = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'] as const;
export type EndpointFlag = (typeof flagNames)[number];

/** Limits of a connection. */
export interface KernelLimits {
  /** Subflows beside the first. */
  readonly subflows: number;
  /** Announcements of the peer that are acted on. */
  readonly addAddrAccepted: number;
}

/** An address that the path manager may use. */
export interface KernelEndpoint {
  readonly id: number;
  readonly address: string;
  readonly flags: readonly EndpointFlag[];
}

function withSocket<T>(action: (socket: NetlinkSocket, family: number) => T): T {
  const socket = new NetlinkSocket();
  try {
    return action(socket, socket.family(FAMILY));
  } finally {
    socket.close();
  }
}

function u32(bytes: Uint8Array | undefined): number {
  if (bytes === undefined || bytes.length < 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

/** The limits. @throws NetlinkError `ENOENT` where the kernel has no Multipath TCP. */
export function kernelLimits(): KernelLimits {
  return withSocket((socket, family) => {
    const request = { family, command: CMD_GET_LIMITS, version: VERSION, attributes: [] };
    const data = socket.request('limits', request);
    return { subflows: u32(data?.get(ATTR_SUBFLOWS)), addAddrAccepted: u32(data?.get(ATTR_RCV_ADD_ADDRS)) };
  });
}

/** The endpoints. @throws NetlinkError `ENOENT` where the kernel has no Multipath TCP. */
export function kernelEndpoints(): KernelEndpoint[] {
  return withSocket((socket, family) => {
    const request = { family, command: CMD_GET_ADDR, version: VERSION, attributes: [] };
    return socket.dump('endpoints', request).flatMap((data) => {
      const nested = data.get(ATTR_ADDR);
      return nested === undefined ? [] : endpointOf(readAttributes(nested));
    });
  });
}

function endpointOf(attributes: ReadonlyMap<number, Uint8Array>): KernelEndpoint[] {
  const four = attributes.get(ADDR_IPV4);
  const six = attributes.get(ADDR_IPV6);
  if (four?.length !== 4 && six?.length !== 16) return [];
  const address = four?.length === 4 ? IpAddress.readV4(four, 0) : IpAddress.readV6(six!, 0);
  const bits = u32(attributes.get(ADDR_FLAGS));
  const flags = flagNames.filter((_name, bit) => (bits & (1 << bit)) !== 0);
  return [{ id: attributes.get(ADDR_ID)?.[0] ?? 0, address: address.toString(), flags }];
}
