/**
 * One kind of packet sent again and again with a rising time to live: which hop quotes it back, and how it looked there.
 * Read first: RFC 792 and RFC 4443 §3.3 (time exceeded), RFC 5508 §4 (how translators handle quotations).
 */
import { seq32, seqDistance } from '../../base/index.js';
import { type IcmpExtension, type IpAddress, IpPacket, parseIp, TcpFlag } from '../../wire/index.js';
import { type Conversation, IDENTIFICATION_STEP, type SegmentToSend } from '../conversation.js';
import type { Flow } from '../flow.js';
import type { Heard, HeardError, HeardSegment } from '../heard.js';
import type { Script } from '../script.js';
import { noExtensions, quotationOf } from './extensions.js';
import { type Change, changesIn, reachesEndOfHeader } from './quote.js';

/** What is sent with a rising time to live. */
export type TraceKind =
  /** A SYN with MP_CAPABLE and the usual options. */
  | 'syn'
  /** A SYN without MPTCP. */
  | 'plain-syn'
  /** ICMP echo requests, which no TCP proxy answers. */
  | 'echo'
  /** A SYN+ACK with MP_CAPABLE that nobody asked for. */
  | 'syn-ack'
  /** The first data, with MP_CAPABLE or a DSS. */
  | 'data'
  /** Data with a DSS, of nearly a full segment. */
  | 'large'
  /** Small data behind it. */
  | 'later'
  /** Small data after a pause. */
  | 'idle'
  /** Data behind a hole. */
  | 'hole'
  /** Small data with the same behind it at once. */
  | 'pair'
  /** An ACK with ADD_ADDR. */
  | 'add-address'
  /** A SYN with MP_JOIN. */
  | 'join';

/** What came back for one time to live. */
export interface HopAnswer {
  readonly ttl: number;
  /** The router, where an ICMP error came; or the target. */
  readonly from: IpAddress | undefined;
  /** Time until it came, ns. */
  readonly delayNs: number;
  readonly answer: 'quoted' | 'prohibited' | 'segment' | 'echo' | 'nothing';
  /** What differs in the quotation. */
  readonly changes: readonly Change[];
  /** Whether the quotation reaches to the end of TCP's header, so that options are compared. */
  readonly isDeep: boolean;
  /** Flags of the segment that came in place of an error. */
  readonly flags: number;
  /** Bytes of RFC 4884 extensions behind the quotation. */
  readonly extensionBytes: number;
  /** What the router says of itself there. */
  readonly extensions: readonly IcmpExtension[];
  /** Why there are extensions and none of them can be read; undefined where all is well. */
  readonly extensionFlaw: string | undefined;
}

/** All that came back. */
export interface Trace {
  readonly kind: TraceKind;
  readonly answers: readonly HopAnswer[];
}

/** What a trace needs besides what is sent. */
export interface TraceOptions {
  readonly kind: TraceKind;
  /** Times to live, in the order in which they are tried. */
  readonly ttls: readonly number[];
  /** Ends the trace behind the first answer that is not a router's. */
  readonly endsWithTarget: boolean;
  /** Hops in a row without an answer that end the trace; Infinity for none. */
  readonly maxSilent: number;
  /** Which segments of the flow count as an answer; all when left out. */
  readonly isAnswer?: (heard: HeardSegment) => boolean;
  /**
   * Time that is left to segments behind a router's answer, ns; 0 when left out. What a packet causes far away must not
   * count for the next one.
   */
  readonly settleNs?: number;
  /** Flags of the segments sent; none when left out. */
  readonly flags?: number;
  /** A segment that follows each one at once; what routers quote of it does not count. */
  readonly follower?: SegmentToSend & { readonly seq: number };
}

/** Share of what a target has that a router has to answer the first packet; each further one has as much more. */
const HOP_REPLY_SHARE = 0.5;
/** Routers make errors at a bounded rate, some one a second only (RFC 1812 §4.3.2.8): the last attempt waits longer. */
const ATTEMPTS = 3;
/** Packets back to which a late error is recognised. */
const EARLIER_PACKETS = 30;

/** Sends one packet with each time to live; `send` puts it out and says whether that was possible. */
export function* traceWith(
  talk: Conversation,
  flow: Flow | undefined,
  options: TraceOptions,
  send: (ttl: number, identification: number) => boolean,
): Script<Trace> {
  const answers: HopAnswer[] = [];
  let silent = 0;
  for (const ttl of options.ttls) {
    const nearer = answers.flatMap(({ from }) => (from === undefined ? [] : [from]));
    const { isAnswer, settleNs = 0 } = options;
    const awaited = { flow, isAnswer, nearer, flags: options.flags ?? 0, notSeq: options.follower?.seq };
    const first = yield* askHop(talk, awaited, ttl, send);
    const answer = yield* settled(first, awaited, settleNs);
    answers.push(answer);
    silent = answer.answer === 'nothing' ? silent + 1 : 0;
    const isTarget =
      answer.answer === 'segment' || answer.answer === 'echo' || answer.answer === 'prohibited';
    if ((isTarget && options.endsWithTarget) || silent >= options.maxSilent) break;
  }
  return { kind: options.kind, answers };
}

/** What counts as an answer. */
interface Awaited {
  readonly flow: Flow | undefined;
  readonly isAnswer: ((heard: HeardSegment) => boolean) | undefined;
  /** Flags of what is sent. */
  readonly flags: number;
  /** Sequence number of a segment that goes beside those asked about. */
  readonly notSeq: number | undefined;
  /** Routers that were nearer: what else comes from them is late. */
  readonly nearer: readonly IpAddress[];
}

function* askHop(
  talk: Conversation,
  awaited: Awaited,
  ttl: number,
  send: (ttl: number, identification: number) => boolean,
): Script<HopAnswer> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const identification = talk.identification();
    const sentAt = talk.now;
    const mark = talk.record.length;
    if (!send(ttl, identification)) break;
    const sent = talk.record[mark]!.bytes;
    const ns = talk.setup.settings.replyNs * HOP_REPLY_SHARE * (attempt + 1);
    const heard = yield { ns, isWanted: (one) => isAbout(one, awaited, identification) };
    if (heard !== undefined) return answerOf(heard, ttl, sent, heard.atNs - sentAt);
  }
  return {
    ...{ ttl, from: undefined, delayNs: 0, answer: 'nothing', changes: [], flags: 0, isDeep: false },
    ...noExtensions,
  };
}

/** A router's answer, unless a segment follows it: then that one counts, with what the router quoted. */
function* settled(answer: HopAnswer, { flow, isAnswer }: Awaited, settleNs: number): Script<HopAnswer> {
  if (settleNs === 0 || answer.answer !== 'quoted' || flow === undefined) return answer;
  const heard = yield {
    ns: settleNs,
    isWanted: (one) => one.kind === 'segment' && one.flow === flow && (isAnswer?.(one) ?? true),
  };
  if (heard?.kind !== 'segment') return answer;
  return { ...answer, answer: 'segment', flags: heard.tcp.flags };
}

/** Whether `heard` is about the packet with this identification, as far as can be told. */
function isAbout(heard: Heard, awaited: Awaited, identification: number): boolean {
  const { flow, isAnswer, nearer } = awaited;
  if (heard.kind === 'echo') return flow === undefined;
  if (heard.kind === 'segment')
    return flow !== undefined && heard.flow === flow && (isAnswer?.(heard) ?? true);
  if (nearer.some((address) => address.equals(heard.source))) return false;
  if (flow === undefined) return heard.flow === undefined && isCurrent(heard, awaited, identification);
  return (heard.flow === flow || heard.flow === undefined) && isCurrent(heard, awaited, identification);
}

/** IPv4 quotations name the packet; a late one about an earlier packet must not count for this one. */
function isCurrent(
  { message }: HeardError,
  { flow, flags, notSeq }: Awaited,
  identification: number,
): boolean {
  if (notSeq !== undefined && message.quoted?.seq === notSeq) return false;
  const ip = new IpPacket();
  const { quotedBytes } = quotationOf(message);
  if (parseIp(quotedBytes, 0, quotedBytes.length, ip, 40 + 0xffff) !== undefined) return false;
  // No box turns data into a SYN: that would be another packet of the flow, by whoever sent it.
  const seen = flow !== undefined && ip.payloadAvailable >= 14 ? quotedBytes[ip.payloadOffset + 13]! : flags;
  if (((seen ^ flags) & (TcpFlag.SYN | TcpFlag.FIN | TcpFlag.RST)) !== 0) return false;
  if (ip.family === 6) return true;
  const behind = (identification - ip.identification) & 0xffff;
  // Numbers just behind the present one were other packets of this run; any other was rewritten on the way.
  return behind === 0 || behind > EARLIER_PACKETS * IDENTIFICATION_STEP;
}

function answerOf(heard: Heard, ttl: number, sent: Uint8Array, delayNs: number): HopAnswer {
  const common = { ttl, from: heard.source, delayNs, changes: [], flags: 0, isDeep: false, ...noExtensions };
  switch (heard.kind) {
    case 'echo':
      return { ...common, answer: 'echo' };
    case 'segment':
      return { ...common, answer: 'segment', flags: heard.tcp.flags };
    case 'error': {
      const { message } = heard;
      const { quotedBytes, ...extensions } = quotationOf(message);
      return {
        ...{ ...common, ...extensions },
        answer: message.type === 'time-exceeded' ? 'quoted' : 'prohibited',
        changes: changesIn(sent, quotedBytes),
        isDeep: reachesEndOfHeader(quotedBytes),
      };
    }
  }
}

/** A trace of segments of one flow; nothing of the flow's sequence moves. */
export function traceSegments(
  talk: Conversation,
  flow: Flow,
  options: TraceOptions,
  segment: SegmentToSend,
): Script<Trace> {
  const seq = segment.seq ?? flow.next;
  const isAnswer = ({ tcp }: HeardSegment): boolean =>
    (tcp.flags & (TcpFlag.RST | TcpFlag.SYN)) !== 0 || seqDistance(seq32(tcp.ack), seq32(seq)) > 0;
  const flags = segment.flags ?? TcpFlag.ACK;
  const { follower } = options;
  return traceWith(talk, flow, { isAnswer, flags, ...options }, (hopLimit, identification) => {
    const isSent = talk.send(flow, { ...segment, seq, hopLimit, identification });
    // Its own number is that of an earlier packet, whose quotations count for nothing any more.
    const earlier = (identification - IDENTIFICATION_STEP) & 0xffff || 1;
    if (isSent && follower !== undefined) talk.send(flow, { ...follower, hopLimit, identification: earlier });
    return isSent;
  });
}

/** Whole numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
