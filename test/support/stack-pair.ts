/** Hosts wired back to back in virtual time: each wire has a delay and may be cut, lose, or change what passes. */
import { MILLISECOND, SeededRandom } from '../../src/base/index.js';
import {
  Stack,
  TransmitBuffer,
  type InterfaceAddress,
  type Socket,
  type StackEvent,
  type StackSettings,
} from '../../src/stack/index.js';
import {
  emitIpHeader,
  emitTcp,
  IpAddress,
  ipHeaderLength,
  IpPacket,
  IpProtocol,
  parseIp,
  parseTcpPacket,
  pseudoHeaderSum,
  tcpPacketLength,
  type TcpOption,
  type TcpPacket,
} from '../../src/wire/index.js';

/** What a wire does with a packet: pass it on (perhaps changed), or drop it with undefined. */
export type WireFilter = (packet: Uint8Array, now: number) => Uint8Array | undefined;

interface Flight {
  readonly at: number;
  readonly packet: Uint8Array;
  readonly to: TestHost;
  readonly interfaceId: number;
  readonly segmentSize: number;
  readonly checksumValid: boolean;
}

/** `10.0.0.1/24` as the stack takes it. */
export function prefix(text: string): InterfaceAddress {
  const [address, bits] = text.split('/');
  return { address: IpAddress.parse(address!)!, prefixLength: Number(bits) };
}

/** A host and what it said. */
export class TestHost {
  readonly stack: Stack;
  readonly events: StackEvent[] = [];
  /** Every packet it sent. */
  readonly sent: Uint8Array[] = [];
  /** Where packets of each interface go. */
  readonly peers: ({ readonly host: TestHost; readonly interfaceId: number } | undefined)[] = [];
  /** What happens to packets that it sends. */
  filter: WireFilter = (packet) => packet;
  private readonly buffer = new TransmitBuffer(new Uint8Array(70_000), 10);
  private readonly world: World;

  constructor(world: World, seed: number, settings: Partial<StackSettings>) {
    this.world = world;
    this.stack = new Stack({ random: new SeededRandom(seed), settings });
  }

  /** Sends all there is to send and takes all events. */
  pump(): void {
    const { stack, buffer, world } = this;
    for (;;) {
      let isQuiet = true;
      for (let event = stack.pollEvent(); event !== undefined; event = stack.pollEvent()) {
        isQuiet = false;
        this.events.push(event);
        this.onEvent(event);
      }
      while (stack.pollTransmit(world.now, buffer)) {
        isQuiet = false;
        this.send(buffer);
      }
      if (isQuiet) return;
    }
  }

  /** What the owner does on an event; nothing unless a test says otherwise. */
  onEvent: (event: StackEvent) => void = () => undefined;

  private send(buffer: TransmitBuffer): void {
    const packet = buffer.packet.slice();
    this.sent.push(packet);
    const peer = this.peers[buffer.interfaceId];
    const passed = this.filter(packet, this.world.now);
    if (peer === undefined || passed === undefined) return;
    this.world.flights.push({
      at: this.world.now + this.world.delayNs,
      packet: passed,
      to: peer.host,
      interfaceId: peer.interfaceId,
      segmentSize: buffer.segmentSize,
      checksumValid: buffer.checksumStart >= 0,
    });
  }

  /** The events of one type, in order. */
  eventsOf<T extends StackEvent['type']>(type: T): Extract<StackEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<StackEvent, { type: T }> => event.type === type);
  }
}

/** Hosts and the packets between them. */
export class World {
  now = 0;
  delayNs = 5 * MILLISECOND;
  readonly flights: Flight[] = [];
  /** Packets that arrive at a time of their own, whatever was sent since. */
  readonly late: {
    readonly at: number;
    readonly packet: Uint8Array;
    readonly host: TestHost;
    readonly interfaceId: number;
  }[] = [];
  readonly hosts: TestHost[] = [];

  host(settings: Partial<StackSettings> = {}): TestHost {
    const host = new TestHost(this, this.hosts.length + 1, settings);
    this.hosts.push(host);
    return host;
  }

  /** Wires two new interfaces together. */
  wire(
    left: TestHost,
    leftAddresses: readonly InterfaceAddress[],
    right: TestHost,
    rightAddresses: readonly InterfaceAddress[],
    options: { readonly mtu?: number; readonly maxOffloadBytes?: number } = {},
  ): { readonly left: number; readonly right: number } {
    const { mtu = 1500, maxOffloadBytes = 0 } = options;
    const capabilities = { checksumOffload: maxOffloadBytes > 0, maxOffloadBytes };
    const name = `wire${left.peers.length}-${right.peers.length}`;
    const leftId = left.stack.addInterface(this.now, { name, mtu, addresses: leftAddresses, capabilities });
    const rightId = right.stack.addInterface(this.now, {
      name,
      mtu,
      addresses: rightAddresses,
      capabilities,
    });
    left.peers[leftId] = { host: right, interfaceId: rightId };
    right.peers[rightId] = { host: left, interfaceId: leftId };
    return { left: leftId, right: rightId };
  }

  /** Lets time pass up to `until`; stops early when nothing is left to happen. */
  run(until: number): void {
    for (const host of this.hosts) host.pump();
    for (let steps = 0; ; steps++) {
      if (steps > 5_000_000) throw new Error('the world does not come to rest');
      const next = Math.min(
        this.flights[0]?.at ?? Infinity,
        ...this.late.map(({ at }) => at),
        ...this.hosts.map((host) => host.stack.pollTimeout()),
      );
      if (next > until) break;
      this.now = Math.max(this.now, next);
      while (this.flights.length > 0 && this.flights[0]!.at <= this.now) {
        const { to, interfaceId, packet, segmentSize, checksumValid } = this.flights.shift()!;
        to.stack.handlePacket(this.now, interfaceId, packet, { segmentSize, checksumValid });
      }
      this.deliverLate();
      for (const host of this.hosts) {
        if (host.stack.pollTimeout() <= this.now) host.stack.handleTimeout(this.now);
        host.pump();
      }
    }
    if (Number.isFinite(until)) this.now = Math.max(this.now, until);
  }

  private deliverLate(): void {
    for (const packet of this.late.filter(({ at }) => at <= this.now)) {
      this.late.splice(this.late.indexOf(packet), 1);
      packet.host.stack.handlePacket(this.now, packet.interfaceId, packet.packet);
    }
  }
}

/** Bytes that tell where they stand in the stream. */
export function pattern(length: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (start + i) * 31 + ((start + i) >>> 8);
  return bytes;
}

/** All that `socket` has to read now. */
export function readAll(now: number, socket: Socket): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let piece = socket.read(now); piece !== undefined; piece = socket.read(now)) pieces.push(piece);
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** What a test says of a TCP segment; the rest is 0, empty, or as common. */
export interface CraftedSegment {
  readonly from: string;
  readonly to: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags: number;
  readonly options?: readonly TcpOption[];
  readonly payload?: Uint8Array;
}

/** A whole packet, its checksums right. */
export function craft(segment: CraftedSegment): Uint8Array {
  const source = IpAddress.parse(segment.from)!;
  const destination = IpAddress.parse(segment.to)!;
  const tcp: TcpPacket = {
    sourcePort: segment.sourcePort,
    destinationPort: segment.destinationPort,
    seq: segment.seq ?? 0,
    ack: segment.ack ?? 0,
    flags: segment.flags,
    window: 65_535,
    options: segment.options ?? [],
    payload: segment.payload ?? new Uint8Array(0),
  };
  const payloadLength = tcpPacketLength(tcp);
  const bytes = new Uint8Array(ipHeaderLength(source.family) + payloadLength);
  const protocol = IpProtocol.TCP;
  const at = emitIpHeader(bytes, 0, { source, destination, protocol, payloadLength, hopLimit: 64 });
  emitTcp(tcp, bytes, at, pseudoHeaderSum(source, destination, protocol, payloadLength));
  return bytes;
}

/** What a packet says, for tests to look at. */
export function dissect(
  packet: Uint8Array,
): TcpPacket & { readonly source: string; readonly destination: string } {
  const ip = new IpPacket();
  const ipError = parseIp(packet, 0, packet.length, ip);
  if (ipError !== undefined) throw new Error(ipError.message);
  const tcp = parseTcpPacket(packet, ip.payloadOffset, ip.payloadLength);
  if (!tcp.ok) throw new Error(tcp.message);
  return { ...tcp.value, source: ip.source.toString(), destination: ip.destination.toString() };
}

/** Whether both are the same bytes; a deep comparison of large arrays takes seconds. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
