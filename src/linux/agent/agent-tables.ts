/**
 * What the agent's XDP program is told, as bytes: who may encapsulate, and the way to the other servers. The layouts are those of
 * bpf/agent.c and bpf/forward.h. No I/O.
 */
import type { IpAddress } from '../../wire/index.js';
import { SERVER_BYTES, writeServer, type XdpRoute } from '../xdp/xdp-tables.js';

/** Most balancers and other servers together. */
export const maxSenders = 2048;
/** Places for other servers, those that are gone included: `servers` of bpf/agent.c. */
export const maxPlaces = 1024;

/** What a sender may be; numbers of bpf/agent.c. */
export const SenderRole = { BALANCER: 1, PEER: 2 } as const;

const ADDRESS_BYTES = 16;
/** Of whom the next hop is not known. */
const nowhere: XdpRoute = { nextHop: new Uint8Array(6), ownHop: new Uint8Array(6) };

/** A key of the map `senders`. */
export function encodeAddress(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  address.writeTo(bytes, address.family === 4 ? 12 : 0);
  return bytes;
}

/** A value of the map `senders`; `place` is -1 for balancers. */
export function encodeSender(role: number, place: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(role, place + 1).buffer);
}

/** A value of the map `servers`: another server, and the next hop to it where that is known. Throws `ERR_SUBFLOW_BAD_ROUTE`. */
export function encodePeer(address: IpAddress, place: number, route: XdpRoute = nowhere): Uint8Array {
  const bytes = new Uint8Array(SERVER_BYTES);
  writeServer(address, place + 1, route, new DataView(bytes.buffer), 0);
  return bytes;
}

/** A value of the map `servers` that stands for nobody. */
export const noPeer = new Uint8Array(SERVER_BYTES);

/** A constant of 64 bits; ns. */
export function encodeDuration(ns: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(Math.round(ns))).buffer);
}
