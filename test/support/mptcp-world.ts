/**
 * For tests of src/mptcp: two connections on several paths in virtual time. Segments cross as bytes, through the codecs
 * of src/wire; a test may watch, change or drop each of them.
 */
import {
  MILLISECOND,
  NEVER,
  SECOND,
  SeededRandom,
  copyPieces,
  randomUnit,
  seq32,
} from '../../src/base/index.js';
import type { Uint64 } from '../../src/base/index.js';
import { Connection, Subflow, defaultMptcpSettings } from '../../src/mptcp/index.js';
import type { ConnectionEvent, MptcpSettings } from '../../src/mptcp/index.js';
import type { DataRecord } from '../../src/mptcp/send-record.js';
import { OutgoingSegment, cubic, defaultTcpSettings } from '../../src/tcp/index.js';
import type { TcpParameters, TcpSettings } from '../../src/tcp/index.js';
import {
  TcpFlag,
  TcpSegment,
  parseTcp,
  tcpHeaderLength,
  viewOf,
  writeTcpHeader,
} from '../../src/wire/index.js';
import type { Endpoint, MptcpOption, MptcpVersion } from '../../src/wire/index.js';
import { PacketView, optionsOf, segmentBytes } from './mptcp-packets.js';
import type { Packet, Role } from './mptcp-packets.js';
import { Side, addressOn, localAddress, streamByte } from './mptcp-side.js';

export * from './mptcp-packets.js';
export * from './mptcp-side.js';

/** One path between the two hosts; the first one carries the initial subflow. */
export interface PathOptions {
  /** One way, in ns. */
  readonly delayNs?: number;
  /** Bits per second each way; Infinity when left out. */
  readonly rateBps?: number;
  /** Queue in bytes each way. */
  readonly queueBytes?: number;
  /** Probability that a packet is lost. */
  readonly loss?: number;
  /** Largest extra delay of a packet, in ns: reorders. */
  readonly jitterNs?: number;
}

interface Path extends Required<PathOptions> {
  isUp: boolean;
  /** When the transmitter of each direction is free, in ns. */
  readonly freeAt: { client: number; server: number };
}

/** How a world is made. */
export interface WorldOptions {
  readonly seed?: number;
  readonly paths?: readonly PathOptions[];
  /** Versions that both sides speak; the defaults when left out. */
  readonly versions?: readonly MptcpVersion[];
  readonly client?: Partial<MptcpSettings>;
  readonly server?: Partial<MptcpSettings>;
  readonly tcp?: Partial<TcpSettings>;
  readonly maxOffloadBytes?: number;
  /** Whether the hosts tell their addresses to their path managers; true when left out. */
  readonly managed?: boolean;
  readonly clientKey?: Uint64;
  readonly serverKey?: Uint64;
}

export class World {
  now = SECOND;
  readonly client: Side;
  readonly server: Side;
  readonly paths: Path[];
  /** Every packet sent, in order. */
  readonly trace: PacketView[] = [];
  /** Sees every packet before it leaves; false drops it. May change its bytes. */
  tamper: (packet: Packet, view: PacketView) => boolean = () => true;
  private readonly options: WorldOptions;
  private readonly random: SeededRandom;
  private readonly flights: { at: number; order: number; packet: Packet }[] = [];
  private readonly out = new OutgoingSegment<DataRecord>();
  private order = 0;

  constructor(options: WorldOptions = {}) {
    this.options = options;
    this.random = new SeededRandom(options.seed ?? 1);
    const { versions = defaultMptcpSettings.versions } = options;
    this.client = new Side('client', { ...defaultMptcpSettings, versions, ...options.client });
    this.server = new Side('server', { ...defaultMptcpSettings, versions, ...options.server });
    this.paths = (options.paths ?? [{}]).map((path) => ({
      delayNs: 10 * MILLISECOND,
      rateBps: Number.POSITIVE_INFINITY,
      queueBytes: Number.POSITIVE_INFINITY,
      loss: 0,
      jitterNs: 0,
      ...path,
      isUp: true,
      freeAt: { client: 0, server: 0 },
    }));
  }

  /** The other side. */
  other(role: Role): Side {
    return role === 'client' ? this.server : this.client;
  }

  side(role: Role): Side {
    return role === 'client' ? this.client : this.server;
  }

  parameters(side = this.client): TcpParameters {
    return {
      initialSequence: seq32(this.random.nextUint32()),
      timestampOffset: this.random.nextUint32(),
      maxSegmentSize: 1460,
      pathMaxSegmentSize: 1460,
      headerBytes: 40,
      receiveWindowBytes: 65_535,
      maxReceiveWindowBytes: side.settings.receiveBufferBytes,
      maxOffloadBytes: this.options.maxOffloadBytes ?? 0,
      settings: { ...defaultTcpSettings, ...this.options.tcp },
      congestion: cubic,
      random: this.random.fork(),
    };
  }

  /** The client sends its SYN on path 0. */
  connect(): this {
    const tuple = {
      local: { address: addressOn('client', 0), port: this.client.nextPort++ },
      remote: { address: addressOn('server', 0), port: 80 },
    };
    const { clientKey } = this.options;
    this.client.connection = Connection.connect(this.now, {
      tuple,
      settings: this.client.settings,
      parameters: this.parameters(this.client),
      random: this.random.fork(),
      ...(clientKey !== undefined && { key: clientKey }),
    });
    if (this.options.managed !== false) this.tellAddresses(this.client);
    this.poll(this.client);
    return this;
  }

  /** Tells a side's path manager of all its addresses. */
  tellAddresses(side: Side, addresses = this.paths.map((_, index) => localAddress(side.role, index))): void {
    side.connection?.setLocalAddresses(this.now, addresses);
    this.poll(side);
  }

  /** Has `role` write `bytes` more of its stream, as its connection has room; `end` ends the stream after them. */
  send(role: Role, bytes: number, end = false): this {
    const side = this.side(role);
    side.toWrite += bytes;
    side.endsAfterWriting ||= end;
    this.write(side);
    this.poll(side);
    return this;
  }

  /** The path that a subflow of `role` takes: the client's address decides, for the server routes by destination. */
  pathOf(role: Role, { local, remote }: Subflow): number {
    const ofClient = role === 'client' ? local : remote;
    return this.paths.findIndex((_, i) => addressOn('client', i).equals(ofClient.address));
  }

  /** Lets time pass. */
  run(ns: number): this {
    this.runUntil(() => false, ns);
    return this;
  }

  /** Lets time pass until `condition` holds, at most `limitNs`; returns whether it does. */
  runUntil(condition: () => boolean, limitNs = 60 * SECOND): boolean {
    const end = this.now + limitNs;
    while (!condition()) {
      const at = this.nextAt();
      if (at > end) {
        this.now = end;
        return condition();
      }
      this.step(at);
    }
    return true;
  }

  /** Whether all that was to be sent has arrived, both ways. */
  isDelivered(): boolean {
    return this.client.received === this.server.toWrite && this.server.received === this.client.toWrite;
  }

  /** Sends a packet that no connection made. */
  inject(from: Role, path: number, packet: Omit<Packet, 'from' | 'path' | 'segmentSize'>, delayNs = 0): void {
    this.launch(this.now + delayNs, { from, path, segmentSize: 0, ...packet });
  }

  /** Has a side do what waits: events, bytes, segments. Tests call it after they called the connection themselves. */
  poll(side: Side): void {
    const { connection } = side;
    if (connection === undefined) return;
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (let event = connection.pollEvent(); event !== undefined; event = connection.pollEvent()) {
        isBusy = true;
        side.events.push(event);
        this.react(side, event);
      }
      this.read(side);
      for (
        let subflow = connection.pollTransmit(this.now, this.out);
        subflow !== undefined;
        subflow = connection.pollTransmit(this.now, this.out)
      ) {
        isBusy = true;
        this.transmit(side, subflow);
      }
      // Having sent the last segment of a subflow releases it.
      for (let event = connection.pollEvent(); event !== undefined; event = connection.pollEvent()) {
        side.events.push(event);
        this.react(side, event);
      }
    }
  }

  private nextAt(): number {
    const flight = this.flights[0]?.at ?? NEVER;
    const client = this.client.connection?.pollTimeout() ?? NEVER;
    const server = this.server.connection?.pollTimeout() ?? NEVER;
    return Math.min(flight, client, server);
  }

  private step(at: number): void {
    this.now = Math.max(this.now, at);
    const flight = this.flights[0];
    if (flight !== undefined && flight.at <= this.now) {
      this.flights.shift();
      this.arrive(flight.packet);
      return;
    }
    for (const side of [this.client, this.server]) {
      if (side.connection === undefined || side.connection.pollTimeout() > this.now) continue;
      side.connection.handleTimeout(this.now);
      this.poll(side);
    }
  }

  private react(side: Side, event: ConnectionEvent): void {
    const connection = side.open;
    if (event.type === 'writable' || event.type === 'established') this.write(side);
    if (event.type !== 'subflow-wanted') return;
    const index = this.paths.findIndex((_, i) => addressOn(side.role, i).equals(event.local));
    if (!side.opensSubflows || index < 0) {
      connection.refuseSubflow(this.now, event.local, event.remote);
      return;
    }
    const { localId, remoteId, backup, remote } = event;
    const local = { address: event.local, port: side.nextPort++ };
    connection.openSubflow(this.now, {
      local,
      remote,
      localId,
      remoteId,
      backup,
      parameters: this.parameters(side),
    });
  }

  private write(side: Side): void {
    const { connection } = side;
    if (connection === undefined) return;
    let hasRoom = true;
    while (hasRoom && side.written < side.toWrite) {
      const chunk = new Uint8Array(Math.min(10_000, side.toWrite - side.written));
      for (let i = 0; i < chunk.length; i++) chunk[i] = streamByte(side.role, side.written + i);
      side.written += chunk.length;
      hasRoom = connection.write(this.now, chunk);
    }
    if (side.written === side.toWrite && side.endsAfterWriting) connection.shutdown(this.now);
  }

  /** Reads what is there and compares it with the stream of the other side. */
  read(side: Side, limit = NEVER): void {
    if (!side.isReading && limit === NEVER) return;
    const peer = this.other(side.role).role;
    let left = limit;
    while (left > 0) {
      const bytes = side.open.read(this.now, left);
      if (bytes === undefined) return;
      for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] !== streamByte(peer, side.received + i) && side.wrongAt < 0)
          side.wrongAt = side.received + i;
      }
      side.received += bytes.length;
      left -= bytes.length;
    }
  }

  private transmit(side: Side, subflow: Subflow): void {
    const { out } = this;
    out.settleDss();
    const headerLength = tcpHeaderLength(out);
    if (headerLength > 60) throw new Error(`options of ${headerLength - 20} bytes`);
    const bytes = new Uint8Array(headerLength + out.payloadLength);
    writeTcpHeader(viewOf(bytes), 0, subflow.local.port, subflow.remote.port, out);
    if (out.record !== undefined) {
      copyPieces(out.record.pieces, out.recordOffset, out.payloadLength, bytes, headerLength);
    }
    const wireLimit = out.segmentSize > 0 ? out.segmentSize : out.payloadLength;
    if (headerLength + wireLimit > 1480) throw new Error(`segment of ${headerLength + wireLimit} bytes`);
    const path = this.pathOf(side.role, subflow);
    this.launch(this.now, {
      from: side.role,
      path,
      source: subflow.local,
      destination: subflow.remote,
      bytes,
      segmentSize: out.segmentSize,
    });
  }

  private launch(now: number, packet: Packet): void {
    const path = this.paths[packet.path]!;
    const view = new PacketView(now, packet);
    const isPassed = this.tamper(packet, view);
    const { from } = packet;
    const backlogNs = Math.max(0, path.freeAt[from] - now);
    const isFull = (backlogNs / 1e9) * (path.rateBps / 8) > path.queueBytes;
    const isLost = path.loss > 0 && randomUnit(this.random) < path.loss;
    view.isDropped = !isPassed || !path.isUp || isLost || isFull;
    this.trace.push(view);
    if (view.isDropped) return;
    const busyNs = ((packet.bytes.length + 20) * 8 * 1e9) / path.rateBps;
    path.freeAt[from] = now + backlogNs + busyNs;
    const jitterNs = path.jitterNs > 0 ? path.jitterNs * randomUnit(this.random) : 0;
    this.enqueue(path.freeAt[from] + path.delayNs + jitterNs, packet);
  }

  private enqueue(at: number, packet: Packet): void {
    const flight = { at, order: this.order++, packet };
    let index = this.flights.length;
    while (index > 0 && this.flights[index - 1]!.at > at) index--;
    this.flights.splice(index, 0, flight);
  }

  private arrive(packet: Packet): void {
    if (!this.paths[packet.path]!.isUp) return;
    const side = this.other(packet.from);
    const segment = new TcpSegment();
    const error = parseTcp(packet.bytes, 0, packet.bytes.length, segment);
    if (error !== undefined) throw new Error(error.message);
    segment.segmentSize = packet.segmentSize;
    const subflow = side.connection?.subflows.find(
      ({ local, remote }) => isSame(remote, packet.source) && isSame(local, packet.destination),
    );
    if (subflow !== undefined) side.open.handleSegment(this.now, subflow, segment);
    else this.demultiplex(side, packet, segment);
    this.poll(side);
  }

  /** What a stack does with a segment of no flow it knows. */
  private demultiplex(side: Side, packet: Packet, segment: TcpSegment): void {
    const tuple = { local: packet.destination, remote: packet.source };
    const isSyn = (segment.flags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST)) === TcpFlag.SYN;
    const join = optionsOf(segment).find((option) => option.subtype === 'MP_JOIN');
    if (!isSyn) {
      if ((segment.flags & TcpFlag.RST) === 0) this.refuse(packet, segment, []);
      return;
    }
    if (join?.subtype === 'MP_JOIN' && join.phase === 'syn') {
      if (side.connection === undefined || side.connection.localToken !== join.token) {
        this.refuse(packet, segment, []);
        return;
      }
      const result = side.connection.acceptJoin(this.now, segment, tuple, this.parameters(side));
      if (result instanceof Subflow) return;
      const { reason, transient } = result;
      const flags = transient ? 1 : 0;
      this.refuse(packet, segment, reason === undefined ? [] : [{ subtype: 'MP_TCPRST', flags, reason }]);
      return;
    }
    if (!side.isListening) this.refuse(packet, segment, []);
    if (!side.isListening || side.role === 'client' || side.connection !== undefined) return;
    const { serverKey } = this.options;
    side.connection = Connection.accept(
      this.now,
      {
        settings: side.settings,
        parameters: this.parameters(side),
        random: this.random.fork(),
        ...(serverKey !== undefined && { key: serverKey }),
      },
      segment,
      tuple,
    );
    if (this.options.managed !== false) this.tellAddresses(side);
  }

  private refuse(packet: Packet, segment: TcpSegment, options: readonly MptcpOption[]): void {
    const hasAck = (segment.flags & TcpFlag.ACK) !== 0;
    const bytes = segmentBytes(packet.destination.port, packet.source.port, {
      flags: hasAck ? TcpFlag.RST : TcpFlag.RST | TcpFlag.ACK,
      seq: hasAck ? segment.ack : 0,
      ack: segment.seq + segment.payloadLength + ((segment.flags & TcpFlag.SYN) !== 0 ? 1 : 0),
      options,
    });
    const from = packet.from === 'client' ? 'server' : 'client';
    this.inject(from, packet.path, { source: packet.destination, destination: packet.source, bytes });
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address.equals(b.address);
}
