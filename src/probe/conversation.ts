/**
 * What a script speaks through: flows, packets out, packets in, and the record of both. Owns the acknowledgment of what
 * the target sends, so that a script only says what is worth saying; knows nothing of what a script wants to show.
 */
import { assert, seq32, uint64, uint64Add, uint64ToBigInt, type Uint64 } from '../base/index.js';
import {
  deriveKeyMaterial,
  type Dss,
  type Endpoint,
  type IcmpMessage,
  type IpAddress,
  type KeyMaterial,
  type MptcpOption,
  type MptcpVersion,
  TcpFlag,
  type TcpOption,
} from '../wire/index.js';
import { icmpDatagram, segmentDatagram } from './datagram.js';
import { Flow } from './flow.js';
import { type Heard, hear, type HeardSegment } from './heard.js';
import { PeerStream } from './peer-stream.js';
import { sequenceLength } from './script.js';
import { PORTS_OF_A_RUN, type ProbeSecrets } from './secrets.js';
import type { ProbeSettings } from './settings.js';

/** Whom to speak to, from where, and how. */
export interface ConversationSetup {
  readonly target: Endpoint;
  /** Own address of the first flow. */
  readonly local: IpAddress;
  /** Own address of joins; the first one when absent, and then another port makes the difference. */
  readonly joinLocal?: IpAddress;
  readonly version: MptcpVersion;
  readonly secrets: ProbeSecrets;
  readonly settings: ProbeSettings;
  /** What is asked of the server: `head` on the first flow, `tail` where a script goes on to the end of the request. */
  readonly request: ProbeRequest;
}

/** A request in two pieces. An unfinished one keeps a server waiting, and the connection open. */
export interface ProbeRequest {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** A segment to send; what is left out follows from the flow. */
export interface SegmentToSend {
  /** `TcpFlag` bits; ACK when left out. */
  readonly flags?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly options?: readonly TcpOption[];
  readonly payload?: Uint8Array;
  /** Time to live; 64 when left out. */
  readonly hopLimit?: number;
  /** IPv4's identification; the next of the run's own when left out. */
  readonly identification?: number;
}

/** One packet of the record. */
export interface RecordedPacket {
  /** When, ns. */
  readonly atNs: number;
  readonly direction: 'sent' | 'heard';
  /** Name of the flow; empty where it belongs to none. */
  readonly flow: string;
  readonly bytes: Uint8Array;
}

const DEFAULT_HOP_LIMIT = 64;
/** How far the identifications of two packets in a row lie apart. */
export const IDENTIFICATION_STEP = 61;
/** What the end of a run takes at most: an MP_FASTCLOSE, a RST for each flow, and one more for the flow that has a hole. */
const CLOSING_PACKETS = PORTS_OF_A_RUN + 2;
const noBytes = new Uint8Array(0);

export class Conversation {
  readonly setup: ConversationSetup;
  /** The instant of the input being handled, ns. */
  now = 0;
  readonly flows: Flow[] = [];
  readonly record: RecordedPacket[] = [];
  /** Every segment and error heard, in order. */
  readonly heard: Heard[] = [];
  /** Token and initial data sequence number of the probe's key. */
  readonly own: KeyMaterial;
  /** Next data sequence number of the probe's own, as an offset from the initial one. */
  ownNext = 1;
  /** The peer's key and its stream, once they are known. */
  peer: PeerStream | undefined;
  /** Whether options are still sent with acknowledgments: not before the handshake and not after a fall-back. */
  isMultipath = false;
  /** Flags of the MP_CAPABLE that the probe sent, which its third packet repeats. */
  ownFlags = 0;
  /** Whether what is open is being closed: packets are kept back for that. */
  isClosing = false;
  /** Packets that came beyond those looked at. */
  unheard = 0;
  private readonly outbox: Uint8Array[] = [];
  private sent = 0;
  private nextIdentification: number;

  constructor(setup: ConversationSetup) {
    this.setup = setup;
    this.own = deriveKeyMaterial(setup.secrets.key, setup.version);
    this.nextIdentification = (setup.secrets.nonce & 0x7fff) + 1;
  }

  get version(): MptcpVersion {
    return this.setup.version;
  }

  /** Whether a run has sent as much as it may, but for what closes its flows. */
  get isSpent(): boolean {
    return this.sent >= this.setup.settings.maxPacketsSent - CLOSING_PACKETS;
  }

  /** A flow on a port of its own; `address` is the first local one when left out. */
  openFlow(name: string, address = this.setup.local): Flow {
    const index = this.flows.length;
    assert(index < PORTS_OF_A_RUN, 'a run opens more flows than it has ports');
    const { port, initialSequence } = this.setup.secrets;
    const initial = seq32(initialSequence + index * 0x10_0000);
    const flow = new Flow(name, { address, port: port + index }, this.setup.target, initial);
    this.flows.push(flow);
    return flow;
  }

  /** Puts a segment of `flow` among those to be sent; sequence numbers do not move. False when the run is spent. */
  send(flow: Flow, segment: SegmentToSend): boolean {
    const flags = segment.flags ?? TcpFlag.ACK;
    const hasAck = (flags & TcpFlag.ACK) !== 0;
    const bytes = segmentDatagram(this.header(flow.local.address, segment), {
      sourcePort: flow.local.port,
      destinationPort: flow.remote.port,
      seq: segment.seq ?? flow.next,
      ack: hasAck ? (segment.ack ?? flow.peerNext) : 0,
      flags,
      window: segment.window ?? 0xffff,
      options: segment.options ?? [],
      payload: segment.payload ?? noBytes,
    });
    if ((flags & TcpFlag.RST) !== 0) flow.isReset = true;
    flow.noteSent(seq32((segment.seq ?? flow.next) + sequenceLength(segment)));
    return this.post(flow.name, bytes);
  }

  /** Puts an ICMP message to the target among the packets to be sent. */
  sendIcmp(message: IcmpMessage, segment: Pick<SegmentToSend, 'hopLimit' | 'identification'>): boolean {
    return this.post('echo', icmpDatagram(this.header(this.setup.local, segment), message));
  }

  private header(source: IpAddress, segment: Pick<SegmentToSend, 'hopLimit' | 'identification'>) {
    return {
      source,
      destination: this.setup.target.address,
      hopLimit: segment.hopLimit ?? DEFAULT_HOP_LIMIT,
      identification: segment.identification ?? this.identification(),
    };
  }

  /** A number that no earlier packet of the run has, with room for what a box that cuts packets gives the pieces. */
  identification(): number {
    const number = this.nextIdentification;
    this.nextIdentification = (number + IDENTIFICATION_STEP) & 0xffff || IDENTIFICATION_STEP;
    return number;
  }

  private post(flow: string, bytes: Uint8Array): boolean {
    if (this.isClosing ? this.sent >= this.setup.settings.maxPacketsSent : this.isSpent) return false;
    this.sent++;
    this.outbox.push(bytes);
    this.record.push({ atNs: this.now, direction: 'sent', flow, bytes: bytes.slice() });
    return true;
  }

  /** The next packet to be sent; whoever takes it owns it. */
  pollTransmit(): Uint8Array | undefined {
    return this.outbox.shift();
  }

  /** Takes in a packet; undefined for one that is no business of this run, or is one too many. */
  receive(now: number, bytes: Uint8Array): Heard | undefined {
    this.now = now;
    const { address, port } = this.setup.target;
    const heard = hear({ target: address, port, flows: this.flows }, now, bytes);
    if (heard === undefined) return undefined;
    if (this.heard.length >= this.setup.settings.maxPacketsHeard) {
      this.unheard++;
      return undefined;
    }
    this.heard.push(heard);
    const flow = heard.kind === 'echo' ? 'echo' : (heard.flow?.name ?? '');
    this.record.push({ atNs: now, direction: 'heard', flow, bytes: bytes.slice() });
    if (heard.kind === 'segment' && heard.flow !== undefined) this.absorb(heard, heard.flow);
    return heard;
  }

  /** Notes what a segment carries and acknowledges it, at both levels. */
  private absorb(heard: HeardSegment, flow: Flow): void {
    const { tcp } = heard;
    const before = flow.peerNext;
    flow.noteAcknowledgment(tcp);
    if (!flow.take(tcp)) return;
    if (flow.peerNext !== before) this.peer?.take(flow, heard);
    this.send(flow, { options: this.withDataAck() });
  }

  /** The DATA_ACK that goes with every acknowledgment of a connection that is Multipath TCP. */
  withDataAck(): TcpOption[] {
    const dataAck = this.dataAck();
    if (!this.isMultipath || dataAck === undefined) return [];
    return mptcpOptions({ subtype: 'DSS', dataFin: false, dataAck });
  }

  /** What a DSS acknowledges; undefined before the peer's key is known. */
  dataAck(): Dss['dataAck'] {
    if (this.peer === undefined) return undefined;
    return { value: this.peer.next, bits: this.version === 0 ? 32 : 64 };
  }

  /** The peer's key is known: its token and where its stream begins follow. */
  learnPeerKey(key: bigint): void {
    this.peer = new PeerStream(uint64(key), this.version);
    this.isMultipath = true;
  }

  /** The probe's data sequence number at `offset`. */
  ownSeq(offset: number): Uint64 {
    return uint64Add(this.own.initialDataSeq, offset);
  }

  /** The probe's key as options have it. */
  get ownKey(): bigint {
    return uint64ToBigInt(this.setup.secrets.key);
  }
}

/** MPTCP options as TCP options. */
export function mptcpOptions(...options: readonly MptcpOption[]): TcpOption[] {
  return options.map((option) => ({ kind: 'mptcp', option }));
}
