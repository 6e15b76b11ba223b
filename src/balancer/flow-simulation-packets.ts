/**
 * Packets of simulated connections as designs read them, made up from the number of the connection: nothing is kept for each. All
 * five-tuples differ: addresses of one kind of subflow are a permutation of 32 bits, and its kind stands in the port.
 */
import type { RandomSource } from '../base/index.js';
import { deriveToken, emitMptcpOption, TcpFlag, writeU32 } from '../wire/index.js';
import type { DesignName } from './designs.js';
import { scramble } from './maglev.js';
import { PacketView } from './packet-view.js';
import { defaultJoinPortBase } from './services.js';

/** Most joins of one connection: as many as bits of a byte leave beside the first subflow. */
export const maxSimulatedJoins = 7;
/** Kinds of subflows: the first, and each join. */
const subflowKinds = maxSimulatedJoins + 1;

/** The service: 192.0.2.80, port 80. */
const serviceAddress = 0xc000_0250 | 0;
const servicePort = 80;
/** MP_CAPABLE of a third ACK, and where the server's key stands in it (RFC 8684 §3.1). */
const keyOptionBytes = 20;
const serverKeyOffset = 12;

export class FlowPackets {
  /** The packet at hand. */
  readonly view = new PacketView();
  private readonly random: RandomSource;
  private readonly addressSalt: number;
  private readonly serverMask: number;
  /** Whether the token is that of a key in a third ACK; else a hash like any other will do, for only this design reads keys. */
  private readonly hasKeys: boolean;
  /** Whether servers announce ports of their own. */
  private readonly hasPorts: boolean;
  private readonly key = { hi: 0, lo: 0 };

  /** `random` gives keys; `serverBits` as in the settings of the design. */
  constructor(design: DesignName, seed: number, serverBits: number, random: RandomSource) {
    this.random = random;
    this.addressSalt = scramble(seed);
    this.serverMask = 2 ** serverBits - 1;
    this.hasKeys = design === 'token-map';
    this.hasPorts = design === 'beamer' || design === 'direct-address';
    this.view.serviceD = serviceAddress;
    const { segment } = this.view;
    segment.bytes = new Uint8Array(keyOptionBytes);
    emitMptcpOption(
      { subtype: 'MP_CAPABLE', version: 1, flags: 1, senderKey: 1n, receiverKey: 0n },
      segment.bytes,
      0,
    );
    segment.mptcpOffsets[0] = 0;
    segment.mptcpLengths[0] = keyOptionBytes;
  }

  /** A SYN that begins connection `index`. */
  begin(index: number): void {
    this.setFlow(index, 0);
    this.makeSyn();
    this.view.serverStamp = 0;
  }

  /** The third ACK of the connection at hand, whose server is `home` and draws a key. */
  acknowledge(home: number): void {
    const { view, random, key } = this;
    key.hi = random.nextUint32();
    key.lo = random.nextUint32();
    view.isSyn = false;
    view.flags = TcpFlag.ACK;
    view.serverStamp = this.stampOf(home);
    if (!this.hasKeys) return;
    writeU32(view.segment.bytes, serverKeyOffset, key.hi);
    writeU32(view.segment.bytes, serverKeyOffset + 4, key.lo);
    view.segment.mptcpCount = 1;
  }

  /** The token of the key that {@link acknowledge} drew for server `home`. */
  tokenOf(home: number): number {
    if (this.hasKeys) return deriveToken(this.key, 1);
    // Only one other design reads tokens, and its servers draw keys until the token has their number.
    return ((this.key.hi & ~this.serverMask) | home) >>> 0;
  }

  /** A SYN by which connection `index` of server `home` gets its join number `join`, 1 on. */
  join(index: number, join: number, home: number, token: number): void {
    this.data(index, join, home);
    this.makeSyn();
    this.view.joinToken = token;
  }

  /** An ordinary packet of a connection of server `home`: of its first subflow for `join` 0. */
  data(index: number, join: number, home: number): void {
    const { view } = this;
    this.setFlow(index, join);
    view.serverStamp = this.stampOf(home);
    if (join === 0 || !this.hasPorts) return;
    view.portServer = home;
    view.servicePort = defaultJoinPortBase + home;
  }

  private setFlow(index: number, join: number): void {
    const { view } = this;
    const first = scramble(index ^ this.addressSalt);
    const address = join === 0 ? first : scramble(first ^ Math.imul(join, 0x5555_5555));
    view.clientD = address | 0;
    view.clientPort = 1024 + (scramble(address ^ index) % 8000) * subflowKinds + join;
    view.servicePort = servicePort;
    view.portServer = 0;
    view.flags = TcpFlag.ACK;
    view.isSyn = false;
    view.joinToken = -1;
    view.segment.mptcpCount = 0;
  }

  private makeSyn(): void {
    this.view.isSyn = true;
    this.view.flags = TcpFlag.SYN;
  }

  private stampOf(home: number): number {
    return ((0x1234_5600 & ~this.serverMask) | home) >>> 0;
  }
}
