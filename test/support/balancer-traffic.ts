/**
 * Packets as a balancer may meet them, drawn by a seed: segments of services with the options that designs read, ICMP errors that quote
 * them, extension headers, fragments, tunnels, strangers, and any of these with bytes changed or cut off. Clients, ports and keys come
 * from small pools, so that joins meet their connections.
 */
import { randomBelow, type RandomSource } from '../../src/base/index.js';
import { deriveToken, IpAddress, type Endpoint } from '../../src/wire/index.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;

/** What the packets are for. */
export const drawnServices: readonly Endpoint[] = [
  { address: address('192.0.2.1'), port: 443 },
  { address: address('192.0.2.1'), port: 80 },
  { address: address('2001:db8::1'), port: 443 },
  { address: address('2001:db8::2'), port: 8080 },
];
/** Port of server 0. */
export const drawnPortBase = 49_152;

const strangers = { 4: [address('192.0.2.9')], 6: [address('2001:db8::9')] } as const;
const clients = {
  4: Array.from({ length: 24 }, (_, i) => address(`198.51.100.${i}`)),
  6: Array.from({ length: 24 }, (_, i) => address(`2001:db8:c::${i}`)),
} as const;
const keys = Array.from({ length: 12 }, (_, i) => ({
  hi: 0x0102_0304 * (i + 1),
  lo: 0x9e37_79b9 ^ (i << 20),
}));

function pick<T>(random: RandomSource, list: readonly T[]): T {
  return list[randomBelow(random, list.length)]!;
}

function chance(random: RandomSource, outOf: number): boolean {
  return randomBelow(random, outOf) === 0;
}

const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];

/** The next packet: from its IP header on. */
export function drawPacket(random: RandomSource): Uint8Array {
  const family = chance(random, 2) ? 6 : 4;
  let packet = chance(random, 8) ? drawIcmp(random, family) : drawTcp(random, family);
  if (chance(random, 16)) packet = drawTunnel(random, family, packet);
  return Uint8Array.from(chance(random, 4) ? damaged(random, packet) : packet);
}

function drawTcp(random: RandomSource, family: 4 | 6): number[] {
  const service = pick(
    random,
    drawnServices.filter((each) => each.address.family === family),
  );
  const to = chance(random, 12) ? strangers[family][0]! : service.address;
  const port = pick(random, [
    service.port,
    service.port,
    service.port,
    drawnPortBase + 1 + randomBelow(random, 9),
    7,
  ]);
  return inIp(
    random,
    family,
    pick(random, clients[family]),
    to,
    6,
    drawSegment(random, drawPort(random), port),
  );
}

const drawPort = (random: RandomSource): number => 40_000 + randomBelow(random, 12);

function drawSegment(random: RandomSource, from: number, to: number): number[] {
  const options = drawOptions(random);
  while (options.length % 4 !== 0) options.push(chance(random, 2) ? 1 : 0);
  const flags = pick(random, [
    0x10,
    0x10,
    0x10,
    0x18,
    0x11,
    0x02,
    0x02,
    0x12,
    0x04,
    0x14,
    0x06,
    randomBelow(random, 256),
  ]);
  const payload = new Array<number>(randomBelow(random, 30)).fill(0x55);
  return [
    ...[...u16(from), ...u16(to), ...u32(random.nextUint32()), ...u32(random.nextUint32())],
    ...[((20 + options.length) / 4) << 4, flags, ...u16(512), ...u16(0), ...u16(0), ...options, ...payload],
  ];
}

/** Options, 40 bytes at most. */
function drawOptions(random: RandomSource): number[] {
  const key = pick(random, keys);
  const version = chance(random, 3) ? 0 : 1;
  const join = (): number[] => [
    30,
    12,
    0x10,
    3,
    ...u32(deriveToken(key, version)),
    ...u32(random.nextUint32()),
  ];
  const bothKeys = (length: number): number[] => [
    ...[30, length, version, 0x81, ...u32(random.nextUint32()), ...u32(random.nextUint32())],
    ...[...u32(key.hi), ...u32(key.lo), ...new Array<number>(length - 20).fill(0)],
  ];
  const timestamps = [1, 1, 8, 10, ...u32(random.nextUint32()), ...u32(random.nextUint32())];
  const choices: (() => number[])[] = [
    () => [],
    () => timestamps,
    join,
    () => [...timestamps, ...join()],
    () => [2, 4, 5, 0xb4, ...join(), 1, 3, 3, 7],
    () => bothKeys(20),
    () => [...timestamps, ...bothKeys(20)],
    () => bothKeys(pick(random, [22, 24])),
    () => [30, 8, 0x20, 1, ...u32(7), ...bothKeys(20)],
    () =>
      Array.from({ length: randomBelow(random, 41) }, () => pick(random, [0, 1, 2, 3, 8, 30, 12, 20, 0x10])),
  ];
  return pick(random, choices)();
}

/** An error about a segment that a service sent, or another message. */
function drawIcmp(random: RandomSource, family: 4 | 6): number[] {
  const service = pick(
    random,
    drawnServices.filter((each) => each.address.family === family),
  );
  const segment = drawSegment(random, pick(random, [service.port, service.port, 9]), drawPort(random));
  const from = chance(random, 8) ? strangers[family][0]! : service.address;
  const quoted = inIp(
    random,
    family,
    from,
    pick(random, clients[family]),
    chance(random, 8) ? 17 : 6,
    segment,
  );
  const type = family === 4 ? pick(random, [3, 3, 11, 12, 8, 0]) : pick(random, [2, 1, 3, 4, 128, 0]);
  const cut = chance(random, 3) ? quoted.slice(0, randomBelow(random, quoted.length)) : quoted;
  const message = [type, 4, ...u16(0), ...u32(1400), ...cut];
  return inIp(random, family, pick(random, clients[family]), service.address, family === 4 ? 1 : 58, message);
}

function drawTunnel(random: RandomSource, family: 4 | 6, inner: number[]): number[] {
  const to = pick(random, [drawnServices[family === 4 ? 0 : 2]!.address, strangers[family][0]!]);
  return inIp(random, family, pick(random, clients[family]), to, pick(random, [4, 41, 47, 17]), inner);
}

function inIp(
  random: RandomSource,
  family: 4 | 6,
  from: IpAddress,
  to: IpAddress,
  protocol: number,
  payload: readonly number[],
): number[] {
  if (family === 4) {
    const options = new Array<number>(4 * pick(random, [0, 0, 0, 0, 0, 1, 3])).fill(1);
    const fragment = pick(random, [0, 0x4000, 0x4000, 0x4000, 0x4000, 0x2000, 0x0011]);
    const length = 20 + options.length + payload.length;
    return [
      ...[
        0x45 + options.length / 4,
        randomBelow(random, 256),
        ...u16(length),
        ...u16(0),
        ...u16(fragment),
        64,
        protocol,
      ],
      ...[...u16(0), ...from.toBytes(), ...to.toBytes(), ...options, ...payload],
    ];
  }
  const { first, bytes } = drawExtensions(random, protocol);
  return [
    ...[
      0x60 | randomBelow(random, 16),
      randomBelow(random, 256),
      0,
      0,
      ...u16(bytes.length + payload.length),
      first,
      64,
    ],
    ...[...from.toBytes(), ...to.toBytes(), ...bytes, ...payload],
  ];
}

/** Extension headers that lead to `protocol`: mostly none. */
function drawExtensions(
  random: RandomSource,
  protocol: number,
): { readonly first: number; readonly bytes: number[] } {
  const bytes: number[] = [];
  let first = protocol;
  for (let left = pick(random, [0, 0, 0, 0, 0, 1, 2, 3, 8, 9]); left > 0; left--) {
    const kind = pick(random, [60, 60, 43, 44, 51, left === 1 ? 0 : 60]);
    const size = kind === 44 ? 8 : 8 * (1 + randomBelow(random, 3));
    const header = new Array<number>(size).fill(0);
    header[0] = first;
    header[1] = kind === 51 ? size / 4 - 2 : kind === 44 ? 0 : size / 8 - 1;
    if (kind === 43 && chance(random, 3)) header[3] = 1;
    if (kind === 44 && chance(random, 2)) header[3] = pick(random, [1, 8, 9]);
    bytes.unshift(...header);
    first = kind;
  }
  return { first, bytes };
}

/** The same with some bytes changed, or cut off, or with some behind. */
function damaged(random: RandomSource, packet: readonly number[]): number[] {
  const bytes = [...packet];
  if (chance(random, 3)) return bytes.slice(0, randomBelow(random, bytes.length + 1));
  if (chance(random, 3)) return [...bytes, ...new Array<number>(randomBelow(random, 12)).fill(0)];
  for (let left = 1 + randomBelow(random, 3); left > 0; left--) {
    bytes[randomBelow(random, bytes.length)] = randomBelow(random, 256);
  }
  return bytes;
}
