/**
 * What is said to the path manager of the kernel's Multipath TCP, and what it answers: endpoints, limits, subflows of one connection.
 * Commands are values here; sockets carry them.
 *
 * Read first: ip-mptcp(8); Documentation/netlink/specs/mptcp_pm.yaml and include/uapi/linux/mptcp_pm.h of the kernel. Ports are in the byte
 * order of the machine here, whatever the former says, and in that of the network in events.
 */
import { SubflowError } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { type Attribute, readAttributes } from './message.js';
import { addressOf, bytesOfAddress, familyNumber, numberOf } from './values.js';

/** The family of these commands, their version, and the group that hears events. */
export const PATH_MANAGER_FAMILY = 'mptcp_pm';
export const PATH_MANAGER_VERSION = 1;
export const PATH_MANAGER_EVENTS = 'mptcp_pm_events';

/** MPTCP_PM_CMD_... */
export const pathManagerCommands = Object.freeze({
  addEndpoint: 1,
  removeEndpoint: 2,
  getEndpoint: 3,
  flushEndpoints: 4,
  setLimits: 5,
  getLimits: 6,
  setFlags: 7,
  announce: 8,
  withdraw: 9,
  createSubflow: 10,
  destroySubflow: 11,
});

const ATTR_ADDR = 1;
const ATTR_RCV_ADD_ADDRS = 2;
const ATTR_SUBFLOWS = 3;
const ATTR_TOKEN = 4;
const ATTR_LOCAL_ID = 5;
const ATTR_ADDR_REMOTE = 6;

const ADDR_FAMILY = 1;
const ADDR_ID = 2;
const ADDR_IPV4 = 3;
const ADDR_IPV6 = 4;
const ADDR_PORT = 5;
const ADDR_FLAGS = 6;
const ADDR_INTERFACE = 7;

/** Flags of endpoints by name, in the kernel's order of bits; the last one since Linux 6.18. */
export const endpointFlags = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'] as const;
export type EndpointFlag = (typeof endpointFlags)[number];

/** Most endpoints and subflows that the kernel's path manager has room for (MPTCP_PM_ADDR_MAX). */
export const MAX_KERNEL_ENDPOINTS = 8;
export const MAX_KERNEL_SUBFLOWS = 8;

/** Limits of a connection. */
export interface KernelLimits {
  /** Subflows beside the first, 0 to 8. */
  readonly subflows: number;
  /** Announcements of the peer that are acted on, 0 to 8. */
  readonly addAddrAccepted: number;
}

/** An address that the kernel's path manager may use. */
export interface KernelEndpoint {
  /** 1 to 255: the address ID in options, but for the address that a connection began with. */
  readonly id: number;
  readonly address: string;
  /** Where it listens for joins; 0: nowhere of its own. */
  readonly port: number;
  readonly flags: readonly EndpointFlag[];
  /** Number of the interface that its subflows are bound to; 0: as routes say. */
  readonly interfaceIndex: number;
}

/** An endpoint to be made: without ID the kernel chooses one. */
export interface NewEndpoint {
  readonly address: string;
  readonly flags: readonly EndpointFlag[];
  readonly id?: number;
  readonly port?: number;
  readonly interfaceIndex?: number;
}

/** One end of a subflow. */
export interface PathEnd {
  readonly address: string;
  /** 0 lets the kernel choose, for a subflow to be opened. */
  readonly port: number;
}

/** An end as `192.0.2.1:443` or `[2001:db8::1]:443`. */
export function pathEndText({ address, port }: PathEnd): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A subflow of the connection that `token` names on this host. */
export interface KernelPath {
  /** This side's token, as `connectionInfo` gives it. */
  readonly token: number;
  readonly local: PathEnd;
  readonly remote: PathEnd;
}

/** What may be said of an address beside the address. */
export interface AddressDetails {
  readonly id?: number;
  readonly flags?: readonly EndpointFlag[];
  readonly interfaceIndex?: number;
}

/** The bits of flags. */
export function flagBits(flags: readonly EndpointFlag[]): number {
  return flags.reduce((bits, flag) => bits | (1 << endpointFlags.indexOf(flag)), 0);
}

/** The flags of bits; those without a name here are left out. */
export function flagsOf(bits: number): EndpointFlag[] {
  return endpointFlags.filter((_name, bit) => (bits & (1 << bit)) !== 0);
}

function parsed(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (address === undefined)
    throw new SubflowError('ERR_SUBFLOW_INVALID_ARGUMENT', `"${text}" is no address`);
  return address.mappedV4 ?? address;
}

function addressAttributes({ address, port }: PathEnd, details: AddressDetails = {}): Attribute[] {
  const ip = parsed(address);
  const { id, flags, interfaceIndex } = details;
  return [
    { type: ADDR_FAMILY, u16: familyNumber(ip.family) },
    { type: ip.family === 4 ? ADDR_IPV4 : ADDR_IPV6, bytes: bytesOfAddress(ip) },
    ...(port === 0 ? [] : [{ type: ADDR_PORT, u16: port }]),
    ...(id === undefined ? [] : [{ type: ADDR_ID, u8: id }]),
    ...(flags === undefined ? [] : [{ type: ADDR_FLAGS, u32: flagBits(flags) }]),
    ...(interfaceIndex === undefined ? [] : [{ type: ADDR_INTERFACE, u32: interfaceIndex }]),
  ];
}

/**
 * The attributes of a command about a subflow, with details of its local address.
 * @throws, as all that take addresses: SubflowError `ERR_SUBFLOW_INVALID_ARGUMENT` for a text that is none.
 */
export function pathAttributes(path: KernelPath, details: AddressDetails = {}): Attribute[] {
  return [
    { type: ATTR_TOKEN, u32: path.token },
    { type: ATTR_ADDR, nested: addressAttributes(path.local, details) },
    { type: ATTR_ADDR_REMOTE, nested: addressAttributes(path.remote) },
  ];
}

/** The attributes of a command about an address of ours in the connection `token`. */
export function announcementAttributes(token: number, end: PathEnd, details: AddressDetails): Attribute[] {
  return [
    { type: ATTR_TOKEN, u32: token },
    { type: ATTR_ADDR, nested: addressAttributes(end, details) },
  ];
}

/** The attributes of a command about the address with an ID in the connection `token`. */
export function withdrawalAttributes(token: number, id: number): Attribute[] {
  return [
    { type: ATTR_TOKEN, u32: token },
    { type: ATTR_LOCAL_ID, u8: id },
  ];
}

/** The attributes of a command that makes an endpoint, or sets the flags of the one with that address. */
export function endpointAttributes({ address, port = 0, ...details }: NewEndpoint): Attribute[] {
  return [{ type: ATTR_ADDR, nested: addressAttributes({ address, port }, details) }];
}

/** The attributes of a command about the endpoint with an ID: which is all that flushing wants, too. */
export function endpointIdAttributes(id: number, flags?: readonly EndpointFlag[]): Attribute[] {
  const nested: Attribute[] = [{ type: ADDR_ID, u8: id }];
  if (flags !== undefined) nested.push({ type: ADDR_FLAGS, u32: flagBits(flags) });
  return [{ type: ATTR_ADDR, nested }];
}

/** The attributes of a command that sets limits; those left out stay. */
export function limitAttributes({ subflows, addAddrAccepted }: Partial<KernelLimits>): Attribute[] {
  return [
    ...(addAddrAccepted === undefined ? [] : [{ type: ATTR_RCV_ADD_ADDRS, u32: addAddrAccepted }]),
    ...(subflows === undefined ? [] : [{ type: ATTR_SUBFLOWS, u32: subflows }]),
  ];
}

/** Reads limits; what is not said counts as 0. */
export function decodeLimits(attributes: ReadonlyMap<number, Uint8Array>): KernelLimits {
  return {
    subflows: numberOf(attributes.get(ATTR_SUBFLOWS)) ?? 0,
    addAddrAccepted: numberOf(attributes.get(ATTR_RCV_ADD_ADDRS)) ?? 0,
  };
}

/** Reads an endpoint; undefined for a message that has no address. */
export function decodeEndpoint(attributes: ReadonlyMap<number, Uint8Array>): KernelEndpoint | undefined {
  const nested = readAttributes(attributes.get(ATTR_ADDR) ?? new Uint8Array(0));
  const four = nested.get(ADDR_IPV4);
  const six = nested.get(ADDR_IPV6);
  const address = addressOf(four?.length === 4 ? four : six?.length === 16 ? six : undefined);
  if (address === undefined) return undefined;
  return {
    id: numberOf(nested.get(ADDR_ID)) ?? 0,
    address: address.toString(),
    port: numberOf(nested.get(ADDR_PORT)) ?? 0,
    flags: flagsOf(numberOf(nested.get(ADDR_FLAGS)) ?? 0),
    interfaceIndex: numberOf(nested.get(ADDR_INTERFACE)) ?? 0,
  };
}
