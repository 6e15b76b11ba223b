/**
 * What the XDP programs of a balancer are told, as bytes: settings, services, servers, and the tables of each design. The layouts are those
 * of bpf/*.h. No I/O.
 */
import {
  type BucketTable,
  type MaglevTable,
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
}

/** The numbers of `struct settings`, in its order behind the address. */
export interface XdpSettings {
  readonly family: 4 | 6;
  readonly joinPortBase: number;
  readonly servers: number;
  readonly places: number;
  readonly generation: number;
  readonly newFlowSeconds: number;
  readonly idleSeconds: number;
  readonly closingSeconds: number;
  readonly tokenIdleSeconds: number;
  readonly tokenClaims: number;
}

const SERVER_BYTES = 36;
/** Bytes of a key of the map `services`. */
export const SERVICE_KEY_BYTES = 20;
const BUCKET_BYTES = 16;

/** `struct settings`; `firstService` is a key of `services`. */
export function encodeSettings(
  source: IpAddress,
  settings: XdpSettings,
  firstService: Uint8Array,
): Uint8Array {
  const numbers = [
    ...[settings.family, settings.joinPortBase, settings.servers, settings.places, settings.generation],
    ...[settings.newFlowSeconds, settings.idleSeconds, settings.closingSeconds],
    ...[settings.tokenIdleSeconds, settings.tokenClaims],
  ];
  const bytes = new Uint8Array(16 + 4 * numbers.length + SERVICE_KEY_BYTES);
  bytes.set(firstService, 16 + 4 * numbers.length);
  writeAddress(source, bytes, 0);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => view.setUint32(16 + 4 * i, number, true));
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

/** The map `servers`: those in reach, by rising number. */
export function encodeServers(servers: readonly Server[], route: (server: Server) => XdpRoute): Uint8Array {
  const bytes = new Uint8Array(SERVER_BYTES * servers.length);
  const view = new DataView(bytes.buffer);
  servers.forEach((server, place) => {
    const at = SERVER_BYTES * place;
    const { nextHop, ownHop, interfaceIndex = 0 } = route(server);
    writeAddress(server.address, bytes, at);
    bytes.set(nextHop.subarray(0, 6), at + 16);
    bytes.set(ownHop.subarray(0, 6), at + 22);
    view.setUint32(at + 28, interfaceIndex, true);
    view.setUint32(at + 32, server.id, true);
  });
  return bytes;
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
 * The constant `range_ends`: the last value of the range of each server in reach, by place. One that takes no connections
 * has the end of the one before it, so that no value is left for it.
 */
export function encodeRangeEnds(servers: ServerSet): Uint8Array {
  const ends = new Uint32Array(1024).fill(0xffff_ffff);
  const total = servers.up.reduce((sum, { weight }) => sum + weight, 0);
  let passed = 0;
  servers.up.forEach(({ weight }, index) => {
    passed += weight;
    ends[index] = Math.floor((2 ** 32 * passed) / total) - 1;
  });
  return new Uint8Array(ends.buffer);
}

/** Places plus one as 16-bit numbers, filled up to whole elements of four. */
export function encodePlaces(count: number, placeOf: (index: number) => number): Uint8Array {
  const places = new Uint16Array(Math.ceil(count / 4) * 4);
  for (let i = 0; i < count; i++) places[i] = placeOf(i);
  return new Uint8Array(places.buffer);
}

/** The map `places`. */
export function encodeMaglev(table: MaglevTable, size: number, servers: ServerSet): Uint8Array {
  return encodePlaces(size, (index) => placeIn(servers, table.find(index)?.id ?? 0));
}

/**
 * The map `buckets`. `kernelAhead`: what the kernel's clock shows beyond that of the balancer, in ns.
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
    const former = placeIn(servers, buckets.former(now, bucket));
    view.setUint16(at, placeIn(servers, buckets.owner(bucket)), true);
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

/** The place of a server among those in reach, plus one; 0 for none. */
export function placeIn(servers: ServerSet, id: number): number {
  const server = servers.find(id);
  return server === undefined ? 0 : servers.all.indexOf(server) + 1;
}

/** Indices 0 to `count` - 1 as keys of an array map. */
export function indexKeys(count: number): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: count }, (_, i) => i).buffer);
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
