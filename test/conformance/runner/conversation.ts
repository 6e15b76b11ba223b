/**
 * What the runner knows of one connection while it plays the peer: addresses, initial sequence numbers, keys, nonces,
 * mappings. Values that the host under test chooses are learned from its packets, so that scripts name them only.
 */
import { uint64, uint64ToBigInt } from '../../../src/base/index.js';
import {
  IpAddress,
  TcpFlag,
  deriveKeyMaterial,
  joinHmac,
  type Dss,
  type Endpoint,
  type KeyMaterial,
  type MptcpOption,
  type MptcpVersion,
  type TcpPacket,
} from '../../../src/wire/index.js';

/** A packet of the host under test, taken apart. */
export interface Captured {
  readonly timeNs: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly bytes: Uint8Array;
  readonly tcp: TcpPacket;
  /** What is wrong with it whatever the script says: its checksum, its options. */
  readonly flaw: string | undefined;
}

/** A piece of the host's subflow stream and its place in the data stream. */
interface MappedRun {
  readonly subflowSeq: number;
  readonly length: number;
  readonly position: number;
}

/** One subflow as the runner sees it. Positions count from the SYN, which is 0. */
export class FlowState {
  readonly number: number;
  host: Endpoint;
  peer: Endpoint;
  /** Whether the tuple is settled: by a packet in, or by the host's SYN. */
  isBound = false;
  hostIsn: number | undefined = undefined;
  readonly peerIsn: number;
  /** Next position expected of the host, the highest seen in order. */
  hostNext = 0;
  /** Next position of the peer's own. */
  peerNext = 0;
  hostNonce: number | undefined = undefined;
  peerNonce: number;
  /** Timestamp of the host that came last, for echoes. */
  lastTsVal = 0;
  /** The host's last packet, which ICMP messages quote. */
  lastBytes: Uint8Array | undefined = undefined;
  readonly runs: MappedRun[] = [];

  constructor(number: number, host: Endpoint, peer: Endpoint, peerIsn: number) {
    this.number = number;
    this.host = host;
    this.peer = peer;
    this.peerIsn = peerIsn;
    this.peerNonce = (0x1000_0000 * number + 0x0abc_def1) >>> 0;
  }

  /** Place in the data stream of the byte at `seq`, if a mapping has been seen for it. */
  positionOf(seq: number): number | undefined {
    for (let i = this.runs.length - 1; i >= 0; i--) {
      const run = this.runs[i]!;
      if (seq >= run.subflowSeq && seq < run.subflowSeq + run.length)
        return run.position + seq - run.subflowSeq;
    }
    return undefined;
  }
}

/** Addresses of the two hosts, by number. */
export function addressOf(family: 4 | 6, side: 'host' | 'peer', number: number): IpAddress {
  const last = side === 'host' ? 1 : 2;
  const text = family === 4 ? `10.0.${number}.${last}` : `fd00:${number}::${last}`;
  return IpAddress.parse(text)!;
}

export interface ConversationOptions {
  readonly family: 4 | 6;
  readonly hostIsClient: boolean;
  readonly peerKey: bigint;
  readonly peerIsn: number;
}

/** Port of the side that listens. */
export const SERVICE_PORT = 80;

export class Conversation {
  readonly family: 4 | 6;
  readonly hostIsClient: boolean;
  readonly peerKey: bigint;
  hostKey: bigint | undefined = undefined;
  version: MptcpVersion = 1;
  /** Who asked for checksums. */
  hostWantsChecksum = false;
  peerWantsChecksum = false;
  /** Next data of the host in order, 1 before any. */
  hostDataNext = 1;
  /** The last cookie that the host gave. */
  cookie: Uint8Array | undefined = undefined;
  readonly flows = new Map<number, FlowState>();
  private readonly peerIsn: number;
  private hostMaterial: KeyMaterial | undefined;
  private peerMaterial: KeyMaterial | undefined;

  constructor(options: ConversationOptions) {
    this.family = options.family;
    this.hostIsClient = options.hostIsClient;
    this.peerKey = options.peerKey;
    this.peerIsn = options.peerIsn;
  }

  get usesChecksum(): boolean {
    return this.hostWantsChecksum || this.peerWantsChecksum;
  }

  /** The subflow with this number, made when it is first spoken of: the peer's side of number N is `peerN`. */
  flow(number: number): FlowState {
    let flow = this.flows.get(number);
    if (flow === undefined) {
      const hostBegins = this.hostIsClient;
      const host = { address: addressOf(this.family, 'host', 1), port: hostBegins ? 0 : SERVICE_PORT };
      const peerPort = hostBegins ? SERVICE_PORT : 40_000 + number;
      const peer = { address: addressOf(this.family, 'peer', hostBegins ? 1 : number), port: peerPort };
      const isn = (this.peerIsn + (number - 1) * 1_000_000) >>> 0;
      flow = new FlowState(number, host, peer, isn);
      this.flows.set(number, flow);
    }
    return flow;
  }

  /** The subflow whose tuple `packet` has. */
  flowOf(packet: Captured): FlowState | undefined {
    for (const flow of this.flows.values()) {
      if (
        flow.isBound &&
        flow.host.port === packet.tcp.sourcePort &&
        flow.peer.port === packet.tcp.destinationPort &&
        flow.host.address.equals(packet.source) &&
        flow.peer.address.equals(packet.destination)
      )
        return flow;
    }
    return undefined;
  }

  /** Makes the packet's tuple that of a subflow which the host has just begun. */
  bind(flow: FlowState, packet: Captured): void {
    flow.host = { address: packet.source, port: packet.tcp.sourcePort };
    flow.peer = { address: packet.destination, port: packet.tcp.destinationPort };
    flow.isBound = true;
  }

  setVersion(version: number): void {
    this.version = version === 0 ? 0 : 1;
    this.hostMaterial = undefined;
    this.peerMaterial = undefined;
  }

  /** What follows from the host's key; undefined before it is known. */
  get host(): KeyMaterial | undefined {
    if (this.hostKey === undefined) return undefined;
    return (this.hostMaterial ??= deriveKeyMaterial(uint64(this.hostKey), this.version));
  }

  get peer(): KeyMaterial {
    return (this.peerMaterial ??= deriveKeyMaterial(uint64(this.peerKey), this.version));
  }

  /** Data sequence number of a position in the host's stream, modulo 2^64; 0 before its key is known. */
  hostDataSeq(position: number): bigint {
    const base = this.host === undefined ? 0n : uint64ToBigInt(this.host.initialDataSeq);
    return BigInt.asUintN(64, base + BigInt(position));
  }

  /** Data sequence number of a position in the peer's stream. */
  peerDataSeq(position: number): bigint {
    return BigInt.asUintN(64, uint64ToBigInt(this.peer.initialDataSeq) + BigInt(position));
  }

  /** The proof that the peer, or the host, gives on a subflow, whole. */
  joinProof(flow: FlowState, fromHost: boolean): Uint8Array {
    const host = uint64(this.hostKey ?? 0n);
    const peer = uint64(this.peerKey);
    const hostNonce = flow.hostNonce ?? 0;
    return fromHost
      ? joinHmac(this.version, host, peer, hostNonce, flow.peerNonce)
      : joinHmac(this.version, peer, host, flow.peerNonce, hostNonce);
  }

  /** Takes note of what a packet of the host says, once the script has come to it. */
  learn(flow: FlowState, packet: Captured): void {
    const { tcp } = packet;
    const isSyn = (tcp.flags & TcpFlag.SYN) !== 0;
    if (isSyn) {
      if (flow.hostIsn !== tcp.seq) flow.hostNext = 0;
      flow.hostIsn = tcp.seq;
    }
    flow.lastBytes = packet.bytes;
    for (const option of tcp.options) {
      if (option.kind === 'timestamps') flow.lastTsVal = option.tsVal;
      if (option.kind === 'fast-open' && option.cookie.length > 0) this.cookie = option.cookie;
      if (option.kind === 'mptcp') this.learnOption(flow, packet, option.option);
    }
    if ((tcp.flags & TcpFlag.RST) !== 0 || flow.hostIsn === undefined) return;
    const start = this.hostPosition(flow, tcp.seq);
    const fin = (tcp.flags & TcpFlag.FIN) !== 0 ? 1 : 0;
    const end = start + tcp.payload.length + (isSyn ? 1 : 0) + fin;
    if (start <= flow.hostNext && end > flow.hostNext) flow.hostNext = end;
  }

  private learnOption(flow: FlowState, packet: Captured, option: MptcpOption): void {
    if (option.subtype === 'MP_CAPABLE') {
      if (option.senderKey !== undefined && option.senderKey !== this.hostKey) {
        this.hostKey = option.senderKey;
        this.hostMaterial = undefined;
      }
      if ((packet.tcp.flags & TcpFlag.SYN) !== 0) {
        this.hostWantsChecksum = (option.flags & 0x80) !== 0;
        if (!this.hostIsClient) this.setVersion(option.version);
      }
      const { length } = packet.tcp.payload;
      if (length > 0) this.addRun(flow, { subflowSeq: 1, length: option.dataLength ?? length, position: 1 });
    } else if (option.subtype === 'MP_JOIN' && option.phase !== 'ack') {
      flow.hostNonce = option.nonce;
    } else if (option.subtype === 'DSS') {
      this.learnMapping(flow, option);
    }
  }

  private learnMapping(flow: FlowState, option: Dss): void {
    const { mapping } = option;
    if (mapping === undefined) return;
    const position = this.hostDataPosition(mapping.dataSeq.value, mapping.dataSeq.bits);
    if (mapping.dataLength === 0) {
      this.addRun(flow, { subflowSeq: mapping.subflowSeq, length: 2 ** 40, position });
      return;
    }
    const length = mapping.dataLength - (option.dataFin ? 1 : 0);
    this.addRun(flow, { subflowSeq: mapping.subflowSeq, length, position });
    if (position <= this.hostDataNext) {
      this.hostDataNext = Math.max(this.hostDataNext, position + mapping.dataLength);
    }
  }

  private addRun(flow: FlowState, run: MappedRun): void {
    if (run.length === 0) return;
    flow.runs.push(run);
    if (run.position <= this.hostDataNext && run.length < 2 ** 32) {
      this.hostDataNext = Math.max(this.hostDataNext, run.position + run.length);
    }
  }

  /** Position of a wire sequence number in the host's subflow. */
  hostPosition(flow: FlowState, seq: number): number {
    return near(seq - (flow.hostIsn ?? 0), 32, flow.hostNext);
  }

  /** Position of a wire sequence number in the peer's subflow. */
  peerPosition(flow: FlowState, seq: number): number {
    return near(seq - flow.peerIsn, 32, flow.peerNext);
  }

  /** Position of a data sequence number in the host's stream. */
  hostDataPosition(value: bigint, bits: 32 | 64): number {
    return Number(BigInt.asIntN(bits, value - this.hostDataSeq(0)));
  }

  /** Position of a data sequence number in the peer's stream. */
  peerDataPosition(value: bigint, bits: 32 | 64): number {
    return Number(BigInt.asIntN(bits, value - this.peerDataSeq(0)));
  }
}

/** The number congruent to `value` modulo 2^bits that is nearest to `to`. */
function near(value: number, bits: number, to: number): number {
  const space = 2 ** bits;
  return value + space * Math.round((to - value) / space);
}
