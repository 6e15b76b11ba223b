/**
 * What the XDP programs of a balancer are told, as bytes: settings and services once and for all, and the state that changes, which is
 * servers and the table of the design. The layouts are those of bpf/*.h. No I/O.
 */
import { SubflowError } from '../../base/index.js';
import {
  type BucketTable,
  type MaglevTable,
  maxServerId,
  type Server,
  type ServerSet,
  type Services,
} from '../../balancer/index.js';
import type { IpAddress } from '../../wire/index.js';

/** The next hop to a server. */
export interface XdpRoute {
  /** Its Ethernet address: 6 bytes. */
  readonly nextHop: Uint8Array;
  /** The Ethernet address of the interface that leads there: 6 bytes. */
  readonly ownHop: Uint8Array;
  /** Number of that interface; 0 for the one that packets come in by. */
  readonly interfaceIndex?: number;
  /** The VLAN that leads there, 1 to 4094: frames get its tag (IEEE 802.1Q). Default none. */
  readonly vlan?: number;
}

/** The numbers of `struct settings`, in its order behind the address. */
export interface XdpSettings {
  readonly family: 4 | 6;
  readonly joinPortBase: number;
  readonly places: number;
  readonly newFlowSeconds: number;
  readonly idleSeconds: number;
  readonly closingSeconds: number;
  readonly tokenIdleSeconds: number;
  readonly tokenClaims: number;
  /** Of `token-map`, as the three below: buckets of its tables less one, and how many bits name a place in its ring. */
  readonly joins4Mask?: number;
  readonly joins6Mask?: number;
  readonly tokensMask?: number;
  readonly learnedBits?: number;
}

/** Bytes of `secrets` in `struct settings`. */
export const SECRET_BYTES = 64;
const MAX_SERVERS = 1024;
/** Bytes of `struct server`. */
export const SERVER_BYTES = 40;
/** Where things lie in `struct state`. */
const SERVERS_OFFSET = 64;
const SERVER_PLACES_OFFSET = SERVERS_OFFSET + MAX_SERVERS * SERVER_BYTES;
/** Bytes of `struct state`, behind which the design's table is. */
const STATE_BYTES = SERVER_PLACES_OFFSET + 2 * (maxServerId + 1);
/** Upper bits of a hash that find the first range of `stateless` to look at. */
const SLOT_BITS = 10;
/** Bytes of a key of the map `services`. */
export const SERVICE_KEY_BYTES = 20;
/** Bytes of `struct bucket`. */
export const BUCKET_BYTES = 16;
const MAX_VLAN = 4094;

/** `struct settings`; `firstService` is a key of `services`, and `secrets` are those of tables of entries. */
export function encodeSettings(
  source: IpAddress,
  settings: XdpSettings,
  firstService: Uint8Array,
  secrets: Uint8Array = new Uint8Array(SECRET_BYTES),
): Uint8Array {
  const numbers = [
    ...[settings.family, settings.joinPortBase, settings.places],
    ...[settings.newFlowSeconds, settings.idleSeconds, settings.closingSeconds],
    ...[settings.tokenIdleSeconds, settings.tokenClaims],
    ...[settings.joins4Mask ?? 0, settings.joins6Mask ?? 0],
    ...[settings.tokensMask ?? 0, settings.learnedBits ?? 0],
  ];
  const secretsAt = 16 + 4 * numbers.length;
  const bytes = new Uint8Array(secretsAt + SECRET_BYTES + SERVICE_KEY_BYTES + 4);
  writeAddress(source, bytes, 0);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => view.setUint32(16 + 4 * i, number, true));
  bytes.set(secrets, secretsAt);
  bytes.set(firstService, secretsAt + SECRET_BYTES);
  return bytes;
}

/**
 * Keys and values of the map `services`: the position of each service by address and port, the first one first, and by its address
 * alone that of one of those that have it.
 */
export function encodeServices(services: Services): {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
} {
  const entries = new Map<string, { readonly key: Uint8Array; readonly position: number }>();
  services.endpoints.forEach(({ address, port }, position) => {
    for (const each of [port, 0]) {
      const key = new Uint8Array(SERVICE_KEY_BYTES);
      const view = new DataView(key.buffer);
      writeAddress(address, key, 0);
      view.setUint16(16, each);
      view.setUint16(18, address.family, true);
      entries.set(key.toString(), { key, position });
    }
  });
  const list = [...entries.values()];
  return {
    keys: joined(
      list.map(({ key }) => key),
      SERVICE_KEY_BYTES,
    ),
    values: new Uint8Array(Uint32Array.from(list, ({ position }) => position).buffer),
  };
}

/** What a state is made of. */
export interface XdpState {
  /** The servers of the table, by place. */
  readonly placed: readonly Server[];
  readonly route: (server: Server) => XdpRoute;
  readonly generation: number;
  /** The design's own. */
  readonly table: Uint8Array;
}

/** Bytes of a state whose table has `tableBytes`. */
export function stateBytes(tableBytes: number): number {
  return STATE_BYTES + tableBytes;
}

/** `struct state` with the design's table behind it. Throws `ERR_SUBFLOW_BAD_ROUTE`, and what `route` throws. */
export function encodeState({ placed, route, generation, table }: XdpState): Uint8Array {
  const bytes = new Uint8Array(STATE_BYTES + table.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, generation, true);
  placed.forEach((server, place) => {
    writeServer(server.address, server.id, route(server), view, SERVERS_OFFSET + SERVER_BYTES * place);
    view.setUint16(SERVER_PLACES_OFFSET + 2 * server.id, place + 1, true);
  });
  bytes.set(table, STATE_BYTES);
  return bytes;
}

/** `struct server`, which the program calls `number`. Throws `ERR_SUBFLOW_BAD_ROUTE`. */
export function writeServer(
  address: IpAddress,
  number: number,
  route: XdpRoute,
  view: DataView,
  at: number,
): void {
  const bytes = new Uint8Array(view.buffer);
  const { nextHop, ownHop, interfaceIndex = 0, vlan = 0 } = route;
  const isSound = nextHop.length === 6 && ownHop.length === 6 && Number.isInteger(vlan) && vlan >= 0;
  if (!isSound || vlan > MAX_VLAN) {
    throw new SubflowError('ERR_SUBFLOW_BAD_ROUTE', `the route to ${address.toString()} makes no sense`, {
      hint: 'Ethernet addresses have 6 bytes, and a VLAN lies from 1 to 4094.',
    });
  }
  writeAddress(address, bytes, at);
  bytes.set(nextHop, at + 16);
  bytes.set(ownHop, at + 22);
  view.setUint32(at + 28, interfaceIndex, true);
  view.setUint32(at + 32, number, true);
  view.setUint16(at + 36, vlan);
}

/** The constant `crc_tables`: the CRC of a byte that 0 to 3 others of its word follow. */
export function encodeCrcTables(): Uint8Array {
  const tables = new Uint32Array(1024);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb8_8320);
    tables[byte] = crc;
  }
  for (let i = 256; i < 1024; i++) tables[i] = (tables[i - 256]! >>> 8) ^ tables[tables[i - 256]! & 0xff]!;
  return new Uint8Array(tables.buffer);
}

/**
 * The table of `stateless`: how many ranges end before each value of the upper bits, and the last value of the range of each
 * server, by place.
 */
export function encodeRanges(servers: ServerSet): Uint8Array {
  const first = new Uint16Array(1 << SLOT_BITS);
  const ends = new Uint32Array(MAX_SERVERS).fill(0xffff_ffff);
  const total = servers.up.reduce((sum, { weight }) => sum + weight, 0);
  let passed = 0;
  servers.up.forEach(({ weight }, index) => {
    passed += weight;
    ends[index] = Math.floor((2 ** 32 * passed) / total) - 1;
  });
  let range = 0;
  for (let slot = 0; slot < first.length; slot++) {
    while (ends[range]! < slot * 2 ** (32 - SLOT_BITS)) range++;
    first[slot] = range;
  }
  const bytes = new Uint8Array(first.byteLength + ends.byteLength);
  bytes.set(new Uint8Array(first.buffer));
  bytes.set(new Uint8Array(ends.buffer), first.byteLength);
  return bytes;
}

/** The table of Maglev: the place of each entry's server. */
export function encodeMaglev(table: MaglevTable, size: number, servers: ServerSet): Uint8Array {
  const places = new Uint16Array(size);
  for (let i = 0; i < size; i++) places[i] = servers.placeOf(table.find(i)?.id ?? 0);
  return new Uint8Array(places.buffer);
}

/**
 * The table of `beamer`. `kernelAheadNs`: what the kernel's clock shows beyond that of the balancer, in ns.
 */
export function encodeBuckets(
  buckets: BucketTable,
  servers: ServerSet,
  now: number,
  kernelAheadNs: number,
): Uint8Array {
  const bytes = new Uint8Array(BUCKET_BYTES * buckets.size);
  const view = new DataView(bytes.buffer);
  for (let bucket = 0; bucket < buckets.size; bucket++) {
    const at = BUCKET_BYTES * bucket;
    const former = servers.placeOf(buckets.former(now, bucket));
    view.setUint16(at, servers.placeOf(buckets.owner(bucket)), true);
    view.setUint16(at + 2, former, true);
    if (former === 0) continue;
    view.setUint32(at + 4, buckets.movedAtSeconds(bucket), true);
    view.setBigUint64(
      at + 8,
      BigInt(Math.max(0, Math.round(buckets.freshUntil(bucket) + kernelAheadNs))),
      true,
    );
  }
  return bytes;
}

/** 16 bytes of address; of IPv4 the last four. */
function writeAddress(address: IpAddress, bytes: Uint8Array, at: number): void {
  address.writeTo(bytes, at + (address.family === 4 ? 12 : 0));
}

function joined(parts: readonly Uint8Array[], each: number): Uint8Array {
  const bytes = new Uint8Array(each * parts.length);
  parts.forEach((part, i) => bytes.set(part, each * i));
  return bytes;
}
