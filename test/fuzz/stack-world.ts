/**
 * Two hosts and what lies between them, for the fuzzer: packets wait until a script delivers, changes, repeats or drops
 * them. Both hosts are under test, each the other's peer. After every step the world checks what must hold whatever came
 * in: the work done is bounded, what is sent is well formed, what is held is within the settings.
 */
import { SECOND, SeededRandom, assert } from '../../src/base/index.js';
import { defaultMptcpSettings } from '../../src/mptcp/index.js';
import {
  type Listener,
  MAX_HEADER_BYTES,
  type PacketMeta,
  type Socket,
  Stack,
  type StackEvent,
  TransmitBuffer,
  type StackSettings,
} from '../../src/stack/index.js';
import { cubic, defaultTcpSettings, newReno } from '../../src/tcp/index.js';
import {
  IpAddress,
  IpPacket,
  IpProtocol,
  TcpSegment,
  parseIp,
  parseTcp,
  pseudoHeaderSumAt,
  verifyTcpChecksum,
} from '../../src/wire/index.js';

/** What a configuration byte switches. */
export const Option = {
  CHECKSUM: 1,
  NO_SACK: 2,
  NO_TIMESTAMPS: 4,
  PLAIN_TCP: 8,
  SIGNAL: 16,
  SHORT_NUMBERS: 32,
  OFFLOAD: 64,
  NEW_RENO: 128,
} as const;

export const SERVER_PORT = 80;
/** Takes data in SYNs, from clients with a cookie. */
const FAST_OPEN_PORT = 81;
/** Takes data in any SYN, answers at once, and ends connections with ACKs. */
const EARLY_PORT = 82;
/** Speaks version 0 alone. */
const VERSION_ZERO_PORT = 83;
const MTU = 1500;
/** Small, so that scripts reach them. */
const BUFFER_BYTES = 32 * 1024;
/** A window is rounded up to what its scaled field can express (RFC 7323 §2.3), and what it allowed must be taken. */
const WINDOW_UNIT_BYTES = Math.ceil((2 * BUFFER_BYTES) / 65_535);
const MAX_CONNECTIONS = 8;
const MAX_TIME_WAIT = 4;
const MAX_PEERS = 2;
/** Payload of the largest super-segment, where offload is on. */
const MAX_OFFLOAD_BYTES = 16 * 1024;
/** Packets that wait for a host; further ones are lost, as in a full queue. */
const MAX_INBOX = 64;
/** Packets remembered for each direction. */
const MAX_HISTORY = 32;
/** Events or packets that one step may lead to: far more than two hosts with full windows have to say. */
const MAX_STEP_WORK = 2000;
/** Timers in a row that may be due at one instant. */
const MAX_TIMERS_AT_ONCE = 64;

/** A packet between the hosts, and what a device knows of it. */
export interface Flight {
  readonly bytes: Uint8Array;
  readonly meta: PacketMeta;
}

/** One of the two hosts. */
export class Party {
  readonly stack: Stack;
  readonly listeners: readonly Listener[];
  readonly addresses: readonly IpAddress[];
  readonly interfaceIds: readonly number[];
  /** Packets on their way to this host. */
  readonly inbox: Flight[] = [];
  /** Packets that were on their way to it, the newest last. */
  readonly history: Flight[] = [];
  /** Sockets the script may act on. */
  readonly sockets: Socket[] = [];

  constructor(seed: number, side: number, option: number) {
    const random = new SeededRandom(seed);
    this.stack = new Stack({ random, settings: settingsFor(option) });
    const isSignalling = side === 1 && (option & Option.SIGNAL) !== 0;
    this.addresses = [`10.0.0.${side}`, `10.0.1.${side}`, `fd00::${side}`].map((text) =>
      IpAddress.parse(text)!,
    );
    this.interfaceIds = this.addresses.map((address, index) =>
      this.stack.addInterface(0, {
        name: `if${index}`,
        mtu: MTU,
        addresses: [{ address, prefixLength: address.family === 4 ? 24 : 64, signal: isSignalling }],
        ...((option & Option.OFFLOAD) !== 0 && { capabilities: offload }),
      }),
    );
    const mptcp = { ...this.stack.settings.mptcp, hearExperiments: true };
    this.listeners = [
      { port: SERVER_PORT },
      { port: FAST_OPEN_PORT, fastOpen: { maxPending: 2 } },
      {
        port: EARLY_PORT,
        fastOpen: { requireCookie: false, earlyAnswer: true },
        mptcp: { ...mptcp, fastClose: 'ack' as const, earlyJoinData: true },
      },
      {
        port: VERSION_ZERO_PORT,
        fastOpen: { requireCookie: false },
        mptcp: { ...mptcp, versions: [0] as const, acceptPriorityForAddress: true },
      },
    ].map(({ port, ...options }) => this.stack.listen(0, { local: { port }, backlog: 2, ...options }));
  }
}

const offload = { checksumOffload: true, maxOffloadBytes: MAX_OFFLOAD_BYTES };

function settingsFor(option: number): Partial<StackSettings> {
  return {
    mptcp: {
      ...defaultMptcpSettings,
      enabled: (option & Option.PLAIN_TCP) === 0,
      checksum: (option & Option.CHECKSUM) !== 0,
      dataSequenceBits: (option & Option.SHORT_NUMBERS) === 0 ? 64 : 32,
      sendBufferBytes: BUFFER_BYTES,
      receiveBufferBytes: BUFFER_BYTES,
      maxSubflows: 4,
    },
    tcp: {
      ...defaultTcpSettings,
      sack: (option & Option.NO_SACK) === 0,
      timestamps: (option & Option.NO_TIMESTAMPS) === 0,
    },
    congestion: (option & Option.NEW_RENO) === 0 ? cubic : newReno,
    maxConnections: MAX_CONNECTIONS,
    maxHalfOpen: 1,
    maxTimeWait: MAX_TIME_WAIT,
    maxFastOpenPeers: MAX_PEERS,
    maxRememberedPeers: MAX_PEERS,
  };
}

export class StackWorld {
  /** Begins late, as a real clock does. */
  now = 1_000_000 * SECOND;
  readonly parties: readonly [Party, Party];
  /** Kinds of things that happened, to tell scripts apart by. */
  readonly seen = new Set<string>();
  private readonly buffer = new TransmitBuffer(new Uint8Array(MAX_OFFLOAD_BYTES + MTU + MAX_HEADER_BYTES));
  private readonly ip = new IpPacket();
  private readonly segment = new TcpSegment();

  constructor(option: number) {
    this.parties = [new Party(1, 1, option), new Party(2, 2, option)];
    this.settle();
  }

  /** The host that is not `party`. */
  other(party: Party): Party {
    return this.parties[0] === party ? this.parties[1] : this.parties[0];
  }

  /** Hands `bytes` to a host, through the interface that has the destination where it can be told. */
  deliver(party: Party, bytes: Uint8Array, meta?: PacketMeta): void {
    const isV6 = bytes.length > 0 && bytes[0]! >>> 4 === 6;
    const index = isV6 ? 2 : (bytes[18] ?? 0) & 1;
    party.stack.handlePacket(this.now, party.interfaceIds[index]!, bytes, meta);
    this.settle();
  }

  /** Delivers what waits for either host, and what follows from it, up to `limit` packets. */
  pump(limit: number): void {
    for (let left = limit; left > 0;) {
      const before = left;
      for (const party of this.parties) {
        const flight = left > 0 ? party.inbox.shift() : undefined;
        if (flight === undefined) continue;
        this.deliver(party, flight.bytes, flight.meta);
        left--;
      }
      if (left === before) return;
    }
  }

  /** Lets time pass, timer by timer; gives how many were due. */
  advance(durationNs: number, maxTimers: number): number {
    const end = this.now + durationNs;
    for (let timers = 0; timers < maxTimers; timers++) {
      const at = this.nextTimer();
      if (at > end) {
        this.now = end;
        return timers;
      }
      this.now = Math.max(this.now, at);
      this.handleTimeouts();
    }
    return maxTimers;
  }

  /** When the next timer of either host is due. */
  nextTimer(): number {
    return Math.min(...this.parties.map(({ stack }) => stack.pollTimeout()));
  }

  /** Lets both hosts say all they have to say, and checks them. */
  settle(): void {
    for (const party of this.parties) {
      let work = this.drainEvents(party);
      while (party.stack.pollTransmit(this.now, this.buffer)) {
        this.send(party);
        work++;
        assert(work < MAX_STEP_WORK, 'a step leads to a bounded number of packets and events');
      }
      work += this.drainEvents(party);
      assert(work < MAX_STEP_WORK, 'a step leads to a bounded number of packets and events');
      checkLimits(party);
    }
  }

  private handleTimeouts(): void {
    for (let round = 0; this.nextTimer() <= this.now; round++) {
      assert(round < MAX_TIMERS_AT_ONCE, 'time moves on from timer to timer');
      for (const { stack } of this.parties) stack.handleTimeout(this.now);
      this.settle();
    }
  }

  private drainEvents(party: Party): number {
    let count = 0;
    for (let event = party.stack.pollEvent(); event !== undefined; event = party.stack.pollEvent()) {
      this.note(party, event);
      count++;
      assert(count < MAX_STEP_WORK, 'a step leads to a bounded number of packets and events');
    }
    return count;
  }

  private note(party: Party, event: StackEvent): void {
    if (event.type === 'acceptable') {
      const socket = event.listener.accept();
      if (socket !== undefined) party.sockets.push(socket);
    } else if (event.type === 'path') {
      const { notice } = event;
      this.seen.add(notice.type);
      if (notice.type === 'fallback') this.seen.add(notice.cause);
      if (notice.type === 'subflow-closed') this.seen.add(notice.reason);
    } else {
      this.seen.add(event.type);
      if (event.type === 'closed') this.seen.add(event.error?.code ?? 'in order');
    }
  }

  /** Puts the packet in the buffer on its way, once it was found to be one. */
  private send(party: Party): void {
    const { buffer } = this;
    const bytes = buffer.packet.slice();
    const isPartial = buffer.checksumStart >= 0;
    this.checkSent(bytes, isPartial);
    const flight = { bytes, meta: { segmentSize: buffer.segmentSize, checksumValid: isPartial } };
    const peer = this.other(party);
    if (peer.inbox.length < MAX_INBOX) peer.inbox.push(flight);
    peer.history.push(flight);
    if (peer.history.length > MAX_HISTORY) peer.history.shift();
  }

  /** `isPartial`: the device is to finish the checksum. */
  private checkSent(bytes: Uint8Array, isPartial: boolean): void {
    const { ip, segment, buffer } = this;
    assert(parseIp(bytes, 0, bytes.length, ip) === undefined, 'a packet sent parses');
    assert(ip.totalLength === bytes.length, 'a packet sent has the length it says');
    const { payloadOffset, payloadLength, sourceOffset, family } = ip;
    const headerBytes = payloadOffset + buffer.tcpHeaderLength;
    const largest = buffer.segmentSize === 0 ? bytes.length : headerBytes + buffer.segmentSize;
    assert(largest <= MTU, 'a packet sent fits the link, cut up by the device or not');
    assert(
      bytes.length <= MAX_OFFLOAD_BYTES + MAX_HEADER_BYTES,
      'a super-segment is as large as the device takes',
    );
    if (ip.protocol !== IpProtocol.TCP) return;
    assert(parseTcp(bytes, payloadOffset, payloadLength, segment) === undefined, 'a segment sent parses');
    assert(!segment.malformedOption, 'a segment sent has well-formed options');
    const addressBytes = family === 4 ? 8 : 32;
    const sum = pseudoHeaderSumAt(bytes, sourceOffset, addressBytes, IpProtocol.TCP, payloadLength);
    const isRight = isPartial || verifyTcpChecksum(bytes, payloadOffset, payloadLength, sum);
    assert(isRight, 'a segment sent has the right checksum');
  }
}

/** What a host holds is within what its settings allow. */
function checkLimits({ stack }: Party): void {
  assert(stack.connectionCount <= MAX_CONNECTIONS, 'connections are limited');
  assert(stack.timeWaitCount <= MAX_TIME_WAIT, 'TIME-WAIT records are limited');
  for (const { connection } of stack.sockets) {
    assert(connection.readableBytes <= BUFFER_BYTES + WINDOW_UNIT_BYTES, 'what waits to be read is limited');
    // The last write may go over the mark by its own size: the script writes at most as much again.
    assert(connection.bufferedSendBytes <= 2 * BUFFER_BYTES, 'what waits to be sent is limited');
    assert(connection.subflows.length <= 16, 'subflows are limited');
  }
}
