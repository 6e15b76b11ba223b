/**
 * A transparent proxy: it takes the client's connection as if it were the server, opens one to the server as if it were
 * the client, and copies bytes. Both are plain TCP, so nothing of MPTCP gets past it: performance proxies of mobile
 * networks, and many that inspect content (Honda et al., IMC 2011, §4.5; Hesmans et al. 2013, §4.5).
 */

import { Deque, type RandomSource, SECOND } from '../../base/index.js';
import { defaultMptcpSettings } from '../../mptcp/index.js';
import { MAX_HEADER_BYTES, type Socket, Stack, type StackEvent, TransmitBuffer } from '../../stack/index.js';
import { defaultTcpSettings } from '../../tcp/index.js';
import { type IpAddress, TcpFlag } from '../../wire/index.js';
import { Packet } from '../device.js';
import { type Direction, type Middlebox, type MiddleboxOutput, opposite } from '../middlebox.js';
import { OpenedSegment } from './segment.js';

/** Addresses that one side speaks for at most; connections of further ones pass untouched. */
const maxAddresses = 64;
/** Ports that are listened on at most. */
const maxListeners = 256;
/** Turns of both sides without the clock moving on; more is a loop. */
const maxTurns = 10_000;
const mtu = 1500;
/**
 * A proxy asks those who are silent for long whether they are still there: its answers keep the other end waiting, which
 * could not find out by itself (RFC 9293 §3.8.4).
 */
const tcpSettings = {
  ...defaultTcpSettings,
  ...{ keepAliveIdleNs: 60 * SECOND, keepAliveIntervalNs: 10 * SECOND, keepAliveCount: 6 },
};

/** What a socket of one side remembers. */
interface Leg {
  /** The connection that the bytes go to. */
  readonly other: Socket;
  /** Bytes that `other` had no room for; nothing more is read until they are gone. */
  isBlocked: boolean;
  /** Whether the stream of this side has come to its end. */
  isPeerFinished: boolean;
  /** Whether the end of the stream was passed on. */
  hasEnded: boolean;
}

/** The stack that speaks with those in one direction. */
class ProxySide {
  readonly stack: Stack;
  /** Where its packets go. */
  readonly direction: Direction;
  readonly events = new Deque<StackEvent>();
  private readonly out = new TransmitBuffer(new Uint8Array(MAX_HEADER_BYTES + mtu));

  constructor(random: RandomSource, direction: Direction) {
    const mptcp = { ...defaultMptcpSettings, enabled: false };
    this.stack = new Stack({ random, settings: { tcp: tcpSettings, mptcp } });
    this.direction = direction;
    const capabilities = { checksumOffload: false, maxOffloadBytes: 0 };
    this.stack.addInterface(0, { name: direction, addresses: [], mtu, capabilities });
  }

  /** Makes `address` one of its own; false when it has too many. */
  speakFor(now: number, address: IpAddress): boolean {
    const { addresses } = this.stack.interfaces[0]!;
    if (addresses.some((entry) => entry.address.equals(address))) return true;
    if (addresses.length >= maxAddresses) return false;
    this.stack.addAddress(now, 0, { address, prefixLength: address.family === 4 ? 32 : 128 });
    return true;
  }

  /** Listens where a client wants to go to; false when it listens in too many places. */
  listen(now: number, address: IpAddress, port: number): boolean {
    const { listeners } = this.stack;
    const isOpen = listeners.some((one) => one.port === port && one.address?.equals(address) === true);
    if (isOpen) return true;
    if (listeners.length >= maxListeners || !this.speakFor(now, address)) return false;
    this.stack.listen(now, { local: { address, port } });
    return true;
  }

  /** Lets out what the stack has to send; whether that was anything. */
  transmit(now: number, out: MiddleboxOutput): boolean {
    const buffer = this.out;
    let isBusy = false;
    for (;;) {
      buffer.offset = 0;
      if (!this.stack.pollTransmit(now, buffer)) return isBusy;
      isBusy = true;
      out.pass(new Packet(buffer.bytes.slice(0, buffer.length)), this.direction);
    }
  }
}

/** See the module. */
export class DataProxying implements Middlebox {
  /** Connections that it took over. */
  proxied = 0;
  private readonly sides: Record<Direction, ProxySide>;
  private readonly segment = new OpenedSegment();

  constructor(random: RandomSource) {
    this.sides = { outward: new ProxySide(random, 'outward'), inward: new ProxySide(random, 'inward') };
  }

  handlePacket(now: number, packet: Packet, direction: Direction, out: MiddleboxOutput): void {
    // What came from the host behind the box is answered inward, and the other way round.
    const side = this.sides[opposite(direction)];
    const { segment } = this;
    if (!segment.open(packet)) {
      out.pass(packet, direction);
      return;
    }
    const isFirst = segment.has(TcpFlag.SYN) && !segment.has(TcpFlag.ACK);
    if (isFirst && !side.listen(now, segment.ip.destination, segment.tcp.destinationPort)) {
      out.pass(packet, direction);
      return;
    }
    side.stack.handlePacket(now, 0, packet.bytes, {
      segmentSize: packet.segmentSize,
      checksumValid: true,
      buffer: undefined,
    });
    this.settle(now, out);
  }

  pollTimeout(): number {
    return Math.min(this.sides.outward.stack.pollTimeout(), this.sides.inward.stack.pollTimeout());
  }

  handleTimeout(now: number, out: MiddleboxOutput): void {
    this.sides.outward.stack.handleTimeout(now);
    this.sides.inward.stack.handleTimeout(now);
    this.settle(now, out);
  }

  /** Moves bytes and lets packets out until both sides are quiet. */
  private settle(now: number, out: MiddleboxOutput): void {
    const { inward, outward } = this.sides;
    for (let turn = 0; turn < maxTurns; turn++) {
      let isBusy = this.handleEvents(now, inward, outward);
      isBusy = this.handleEvents(now, outward, inward) || isBusy;
      isBusy = inward.transmit(now, out) || isBusy;
      isBusy = outward.transmit(now, out) || isBusy;
      if (!isBusy) return;
    }
  }

  private handleEvents(now: number, side: ProxySide, otherSide: ProxySide): boolean {
    let isBusy = false;
    for (let event = side.stack.pollEvent(); event !== undefined; event = side.stack.pollEvent()) {
      isBusy = true;
      if (event.type === 'acceptable') {
        for (let near = event.listener.accept(); near !== undefined; near = event.listener.accept()) {
          this.join(now, near, otherSide);
        }
      } else {
        this.handleEvent(now, event);
      }
    }
    return isBusy;
  }

  /** Opens the other half of a connection that a client opened to the proxy. */
  private join(now: number, near: Socket, otherSide: ProxySide): void {
    if (!otherSide.speakFor(now, near.remote.address)) {
      near.abort(now);
      return;
    }
    this.proxied++;
    const far = otherSide.stack.connect(now, { remote: near.local, local: near.remote });
    near.data = { other: far, isBlocked: true, isPeerFinished: false, hasEnded: false } satisfies Leg;
    far.data = { other: near, isBlocked: false, isPeerFinished: false, hasEnded: false } satisfies Leg;
  }

  private handleEvent(now: number, event: Exclude<StackEvent, { type: 'acceptable' }>): void {
    const { socket } = event;
    const leg = socket.data as Leg | undefined;
    if (leg === undefined) return;
    switch (event.type) {
      case 'established':
      case 'writable':
        // There is room on this side: the other side's bytes may come.
        (leg.other.data as Leg).isBlocked = false;
        this.copy(now, leg.other);
        break;
      case 'readable':
        this.copy(now, socket);
        break;
      case 'peer-closed':
        leg.isPeerFinished = true;
        this.copy(now, socket);
        break;
      case 'closed':
        if (event.error === undefined) this.copy(now, socket);
        else leg.other.abort(now);
        break;
      case 'path':
        break;
    }
  }

  /** Copies what `from` has to read to the other side, and the end of its stream after it. */
  private copy(now: number, from: Socket): void {
    const leg = from.data as Leg;
    if (leg.other.state === 'closed') return;
    while (!leg.isBlocked) {
      const bytes = from.read(now);
      if (bytes === undefined) break;
      leg.isBlocked = !leg.other.write(now, bytes);
    }
    if (leg.isBlocked || leg.hasEnded || !leg.isPeerFinished) return;
    leg.hasEnded = true;
    leg.other.shutdown(now);
  }
}
