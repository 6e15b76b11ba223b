/**
 * Answers SYNs in the server's place and connects to the server only once the client has proved that it is there:
 * protection against SYN floods (RFC 4987 §3.7, Linux's SYNPROXY). From then on it moves the server's numbers and
 * scales its windows. It answers without options that it does not know, so the connection is plain TCP.
 *
 * ```
 * client              box                server
 *   SYN      -->       answered
 *            <--       SYN+ACK
 *   ACK      -->       connecting
 *                      SYN      -->
 *                      open     <--       SYN+ACK
 *                      ACK      -->
 * ```
 */

import { NEVER, type RandomSource, SECOND, seq32, seqAt } from '../../base/index.js';
import { TcpFlag, TcpOptionKind } from '../../wire/index.js';
import { Packet } from '../device.js';
import { type Direction, type MiddleboxOutput, opposite } from '../middlebox.js';
import { FlowTable } from './flow-table.js';
import { type OpenedSegment, optionPlaces, ownSegment, paddedOptions, rewritten } from './segment.js';
import { SegmentBox } from './segment-box.js';
import { movedSack } from './sequence-rewriting.js';

/** Segments of the client that wait for the server; further ones are dropped and come again. */
const maxWaiting = 32;
/** How long the server's answer is waited for before its SYN is sent again, in ns, and how often. */
const synTimeoutNs = SECOND;
const maxSyns = 5;

/** A flow, seen from the side that sent the SYN. */
interface ProxiedFlow {
  state: 'answered' | 'connecting' | 'open';
  /** The way of the SYN. */
  readonly direction: Direction;
  /** The client's initial number. */
  readonly clientInitial: number;
  /** The box's initial number, which the client takes for the server's. */
  readonly ownInitial: number;
  /** What the server's numbers are above those that the client sees. */
  shift: number;
  /** By how much the server scales its windows; the client was told 0. */
  serverScale: number;
  /** The SYN for the server. */
  syn: Packet;
  synsSent: number;
  dueAt: number;
  /** Segments of the client that came before the server answered. */
  readonly waiting: Packet[];
}

/** See the module. Clients may be on either side of it. */
export class SynProxying extends SegmentBox {
  /** Handshakes answered. */
  answered = 0;
  private readonly random: RandomSource;
  private readonly flows = new FlowTable<ProxiedFlow>();

  constructor(random: RandomSource) {
    super('whole');
    this.random = random;
  }

  override pollTimeout(): number {
    let next = NEVER;
    for (const { dueAt } of this.flows.values()) next = Math.min(next, dueAt);
    return next;
  }

  override handleTimeout(now: number, out: MiddleboxOutput): void {
    for (const flow of this.flows.values()) if (flow.dueAt <= now) this.sendSyn(now, flow, out);
  }

  protected handleSegment(
    now: number,
    segment: OpenedSegment,
    direction: Direction,
    out: MiddleboxOutput,
  ): void {
    if (segment.has(TcpFlag.SYN) && !segment.has(TcpFlag.ACK)) {
      this.answerSyn(segment, direction, out);
      return;
    }
    const flow = this.flows.find(segment, direction);
    if (flow === undefined) out.pass(segment.packet, direction);
    else if (direction === flow.direction) this.handleClient(now, flow, segment, out);
    else this.handleServer(flow, segment, out);
  }

  private answerSyn(segment: OpenedSegment, direction: Direction, out: MiddleboxOutput): void {
    let flow = this.flows.find(segment, direction);
    if (flow?.clientInitial !== segment.tcp.seq) {
      flow = this.flows.set(segment, direction, this.newFlow(segment, direction));
      this.answered++;
    }
    const seq = flow.ownInitial;
    const ack = (flow.clientInitial + 1) >>> 0;
    const flags = TcpFlag.SYN | TcpFlag.ACK;
    const options = keptOptions(segment.options, true);
    out.pass(ownSegment(segment, 'back', { seq, ack, flags, window: 65_535, options }), opposite(direction));
  }

  private newFlow(segment: OpenedSegment, direction: Direction): ProxiedFlow {
    return {
      state: 'answered',
      direction,
      clientInitial: segment.tcp.seq,
      ownInitial: this.random.nextUint32(),
      shift: 0,
      serverScale: 0,
      syn: rewritten(segment, { options: keptOptions(segment.options, false), payload: new Uint8Array(0) }),
      synsSent: 0,
      dueAt: NEVER,
      waiting: [],
    };
  }

  private handleClient(now: number, flow: ProxiedFlow, segment: OpenedSegment, out: MiddleboxOutput): void {
    if (segment.has(TcpFlag.RST)) this.flows.delete(segment, flow.direction);
    if (flow.state === 'open') {
      out.pass(this.towardsServer(flow, segment), flow.direction);
      return;
    }
    if (segment.has(TcpFlag.RST) || segment.tcp.ack !== (flow.ownInitial + 1) >>> 0) return;
    if (flow.waiting.length < maxWaiting) flow.waiting.push(segment.packet);
    if (flow.state === 'answered') {
      flow.state = 'connecting';
      this.sendSyn(now, flow, out);
    }
  }

  private sendSyn(now: number, flow: ProxiedFlow, out: MiddleboxOutput): void {
    flow.synsSent++;
    flow.dueAt = flow.synsSent < maxSyns ? now + synTimeoutNs * 2 ** (flow.synsSent - 1) : NEVER;
    const { bytes, needsChecksum, segmentSize } = flow.syn;
    out.pass(new Packet(bytes.slice(), segmentSize, needsChecksum), flow.direction);
  }

  private handleServer(flow: ProxiedFlow, segment: OpenedSegment, out: MiddleboxOutput): void {
    const { ack, seq } = segment.tcp;
    const way = opposite(flow.direction);
    if (flow.state === 'open' && !segment.has(TcpFlag.SYN)) {
      const window = Math.min(65_535, segment.tcp.window * 2 ** flow.serverScale);
      out.pass(rewritten(segment, { seq: seqAt(seq32(seq), -flow.shift), window }), way);
      if (segment.has(TcpFlag.RST)) this.flows.delete(segment, way);
      return;
    }
    if (segment.has(TcpFlag.RST)) {
      // The server refuses: the client, which believes to be connected, is reset.
      const flags = TcpFlag.RST | TcpFlag.ACK;
      const refusal = { seq: (flow.ownInitial + 1) >>> 0, ack, flags, window: 0 };
      out.pass(ownSegment(segment, 'same', refusal), way);
      this.flows.delete(segment, way);
      return;
    }
    if (segment.has(TcpFlag.SYN)) this.open(flow, segment, out);
  }

  /** The server answered: what the client sent meanwhile may go on, its ACK included. */
  private open(flow: ProxiedFlow, segment: OpenedSegment, out: MiddleboxOutput): void {
    const isFirst = flow.state === 'connecting';
    flow.state = 'open';
    flow.dueAt = NEVER;
    flow.shift = (segment.tcp.seq - flow.ownInitial) >>> 0;
    flow.serverScale = Math.min(14, Math.max(0, segment.tcp.windowScale));
    const own = {
      seq: segment.tcp.ack,
      ack: (segment.tcp.seq + 1) >>> 0,
      flags: TcpFlag.ACK,
      window: 65_535,
    };
    if (!isFirst || flow.waiting.length === 0) {
      out.pass(ownSegment(segment, 'back', own), flow.direction);
      return;
    }
    for (const packet of flow.waiting.splice(0)) {
      if (segment.open(packet)) out.pass(this.towardsServer(flow, segment), flow.direction);
    }
  }

  private towardsServer(flow: ProxiedFlow, segment: OpenedSegment): Packet {
    const move = (edge: number): number => seqAt(seq32(edge), flow.shift);
    return rewritten(segment, {
      ack: segment.has(TcpFlag.ACK) ? move(segment.tcp.ack) : segment.tcp.ack,
      options: movedSack(segment.options, move),
    });
  }
}

/** The options of a SYN that the box knows; its own answer says that windows are not scaled. */
function keptOptions(options: Uint8Array, isAnswer: boolean): Uint8Array {
  const kept: number[] = [];
  for (const { at, kind, length } of optionPlaces(options)) {
    const isKnown =
      kind === TcpOptionKind.MSS ||
      kind === TcpOptionKind.SACK_PERMITTED ||
      kind === TcpOptionKind.WINDOW_SCALE;
    if (!isKnown) continue;
    const copy = options.slice(at, at + length);
    if (isAnswer && kind === TcpOptionKind.WINDOW_SCALE) copy[2] = 0;
    kept.push(...copy);
  }
  return paddedOptions(Uint8Array.from(kept));
}
