/** Packets as an attacker makes them, and what an attacker on a path can read. */

import { seq32 } from '../../base/index.js';
import { type Direction, Packet, type PacketObserver } from '../../network/index.js';
import {
  emitIpHeader,
  emitTcp,
  type Endpoint,
  ipHeaderLength,
  IpPacket,
  IpProtocol,
  type MptcpOption,
  parseIp,
  parseTcpPacket,
  pseudoHeaderSum,
  TcpFlag,
  type TcpPacket,
  tcpPacketLength,
} from '../../wire/index.js';

/** A segment to forge; what is left out is 0, empty, or as common. */
export interface Forgery {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly flags: number;
  readonly seq: number;
  readonly ack?: number;
  readonly options?: readonly MptcpOption[];
  readonly payload?: Uint8Array;
}

/** The packet, its checksums right. */
export function forge(forgery: Forgery): Packet {
  const { source, destination, flags, seq, ack = 0, options = [], payload = new Uint8Array(0) } = forgery;
  const tcp: TcpPacket = {
    ...{ sourcePort: source.port, destinationPort: destination.port, flags, payload },
    ...{ seq: seq32(seq), ack: seq32(ack), window: 0xffff },
    options: options.map((option) => ({ kind: 'mptcp', option })),
  };
  const payloadLength = tcpPacketLength(tcp);
  const bytes = new Uint8Array(ipHeaderLength(source.address.family) + payloadLength);
  const addresses = { source: source.address, destination: destination.address };
  const protocol = IpProtocol.TCP;
  const at = emitIpHeader(bytes, 0, { ...addresses, protocol, payloadLength, hopLimit: 64 });
  emitTcp(tcp, bytes, at, pseudoHeaderSum(source.address, destination.address, protocol, payloadLength));
  return new Packet(bytes);
}

/** A segment that was overheard. */
export interface Overheard extends TcpPacket {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** Multipath TCP options only. */
  readonly mptcp: readonly MptcpOption[];
}

/** What one direction of a flow has come to. */
export interface FlowView {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** The next sequence number. */
  readonly nextSeq: number;
  /** The last acknowledgment number. */
  readonly lastAck: number;
}

/**
 * Somebody on a path who reads what passes the client's device there: keys, nonces, proofs and sequence numbers. Segments
 * may be answered as they pass, through {@link Spy.onSegment}.
 */
export class Spy implements PacketObserver {
  /** The last segment to (`inward`) and from the client, of any flow on the path. */
  readonly flows: Partial<Record<Direction, FlowView>> = {};
  /** Keys of the connection, as they passed in the clear: the client's, the server's. */
  keys: readonly [bigint, bigint] | undefined = undefined;
  /** Called for each segment. */
  onSegment: (now: number, segment: Overheard, direction: Direction) => void = () => undefined;
  private readonly ip = new IpPacket();

  observe(now: number, packet: Packet, direction: Direction): void {
    const { bytes } = packet;
    const { ip } = this;
    if (parseIp(bytes, 0, bytes.length, ip) !== undefined || ip.protocol !== IpProtocol.TCP) return;
    const parsed = parseTcpPacket(bytes, ip.payloadOffset, ip.payloadLength);
    if (!parsed.ok) return;
    const tcp = parsed.value;
    const segment: Overheard = {
      ...tcp,
      source: { address: ip.source, port: tcp.sourcePort },
      destination: { address: ip.destination, port: tcp.destinationPort },
      mptcp: tcp.options.flatMap((option) => (option.kind === 'mptcp' ? [option.option] : [])),
    };
    this.note(segment, direction);
    this.onSegment(now, segment, direction);
  }

  private note(segment: Overheard, direction: Direction): void {
    const { source, destination, flags, payload } = segment;
    const extra = (flags & (TcpFlag.SYN | TcpFlag.FIN)) !== 0 ? 1 : 0;
    const nextSeq = seq32(segment.seq + payload.length + extra);
    this.flows[direction] = { source, destination, nextSeq, lastAck: segment.ack };
    for (const option of segment.mptcp) {
      if (option.subtype !== 'MP_CAPABLE' || option.senderKey === undefined) continue;
      if (direction === 'outward' && option.receiverKey !== undefined) {
        this.keys = [option.senderKey, option.receiverKey];
      }
    }
  }
}

/**
 * A segment to the client in the name of its peer, as an attacker on the path makes it: at the right place of both
 * sequences. Nothing must have been overheard for it to be undefined.
 */
export function forgeToClient(
  spy: Spy,
  options: readonly MptcpOption[],
  payload?: Uint8Array,
): Packet | undefined {
  return forgeNext(spy.flows.inward, spy.flows.outward, options, payload);
}

/** The same to the server, in the name of the client. */
export function forgeToServer(
  spy: Spy,
  options: readonly MptcpOption[],
  payload?: Uint8Array,
): Packet | undefined {
  return forgeNext(spy.flows.outward, spy.flows.inward, options, payload);
}

/** The segment that would come next in `flow`, whose other direction is `back`. */
function forgeNext(
  flow: FlowView | undefined,
  back: FlowView | undefined,
  options: readonly MptcpOption[],
  payload: Uint8Array | undefined,
): Packet | undefined {
  if (flow === undefined || back === undefined) return undefined;
  return forge({
    ...{ source: flow.source, destination: flow.destination, flags: TcpFlag.ACK, options },
    ...{ seq: flow.nextSeq, ack: back.nextSeq },
    ...(payload !== undefined && { payload }),
  });
}
