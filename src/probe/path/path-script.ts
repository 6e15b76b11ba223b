/**
 * The trace of a path: a SYN with a rising time to live, and then every other kind of packet that Multipath TCP sends, on
 * a real connection with the target, each first to the hops and then to the target itself. What it shows is judged in
 * findings.ts.
 *
 * A change can be located where a router behind it quotes what it got. What a box does on the way back, or behind the last
 * router, shows in what the target answers, or not at all; so packets of the way back are sent forward too, to hops only.
 */
import { seq32, seqDistance } from '../../base/index.js';
import { TcpFlag, type IpAddress } from '../../wire/index.js';
import { type Conversation, mptcpOptions } from '../conversation.js';
import { type DataOptions, type DataOutcome, mappingOption, sendData } from '../data.js';
import type { Flow } from '../flow.js';
import type { HeardSegment } from '../heard.js';
import { join, type JoinOutcome, joinSyn } from '../joining.js';
import {
  acknowledges,
  answeredOpening,
  capableOfSyn,
  isAnswerToSyn,
  open,
  type Opening,
  confirm,
  usualSynOptions,
} from '../opening.js';
import { announcement, isEchoOfAnnouncement } from '../scenarios/options.js';
import { ask, isReset, listen, pause, type Script } from '../script.js';
import { range, type Trace, type TraceKind, traceSegments, traceWith } from './trace.js';

/** How a path is traced. */
export interface PathOptions {
  /** Most hops looked at, 1 to 64. */
  readonly maxHops: number;
  /** A pause after which data is sent again, ns; 0 for none. Boxes forget flows that are idle. */
  readonly idleNs: number;
}

export const defaultPathOptions: PathOptions = { maxHops: 30, idleNs: 0 };

/** Everything that was seen. */
export interface PathEvidence {
  readonly local: IpAddress;
  readonly target: IpAddress;
  readonly traces: readonly Trace[];
  readonly opening: Opening;
  /** The SYN without MPTCP, where the other was not answered. */
  readonly control: Opening | undefined;
  /** Time to live with which a SYN reached whoever answers it; undefined when only a large one did. */
  readonly reach: number | undefined;
  /** Hops to the target by the time to live of its answer; undefined without an answer. */
  readonly distance: number | undefined;
  /** Least time to live with which a SYN was answered, where routers were silent and it was looked for. */
  readonly needed: number | undefined;
  /** What became of data, by kind of trace. */
  readonly data: Readonly<Partial<Record<TraceKind, DataOutcome>>>;
  /** Whether ADD_ADDR came back; undefined where it was not tried. */
  readonly isEchoed: boolean | undefined;
  readonly join: JoinOutcome | undefined;
  /** What came of a SYN+ACK that nobody asked for, sent all the way; undefined where it was not tried. */
  readonly reply: 'reset' | 'nothing' | undefined;
  /** What came of data behind a hole, sent all the way. */
  readonly hole: 'acknowledged' | 'strange-sack' | 'partial-sack' | 'silent' | undefined;
  /** Kinds of data that TCP acknowledged without a DATA_ACK before the target's own DATA_ACK came. */
  readonly early: readonly TraceKind[];
}

/** Silent hops in a row behind which a trace ends. */
const MAX_SILENT = 4;
/** Bounds of the time that is left to the target after a packet that a router answered, ns. */
const MIN_SETTLE_NS = 20e6;
const MAX_SETTLE_NS = 500e6;
/** How long hosts hold back an acknowledgment of data that is new to them, ns (RFC 9293 §3.8.6.3 allows twice that). */
const DELAYED_ACK_NS = 250e6;
/** Bytes of the data that is to fill a segment nearly. */
const LARGE_BYTES = 1200;
const SMALL_BYTES = 40;
/** Bytes that are missing before the data behind a hole. */
const HOLE_BYTES = SMALL_BYTES;

/** Mutable while it is gathered. */
type Gathered = { -readonly [Key in keyof PathEvidence]: PathEvidence[Key] } & {
  traces: Trace[];
  early: TraceKind[];
  data: Partial<Record<TraceKind, DataOutcome>>;
};

/** Traces the path. */
export function* pathScript(talk: Conversation, options: PathOptions): Script<PathEvidence> {
  const flow = talk.openFlow('first');
  const gathered: Gathered = {
    ...{ local: talk.setup.local, target: talk.setup.target.address, traces: [], data: {} },
    ...{ opening: { kind: 'silent' }, control: undefined, reach: undefined, distance: undefined },
    ...{ needed: undefined, isEchoed: undefined, join: undefined, reply: undefined, hole: undefined },
    early: [],
  };
  // Before the SYN, so that nobody waits for a third packet meanwhile.
  yield* traceEcho(talk, gathered, options);
  yield* traceSyn(talk, flow, gathered, options);
  const { opening } = gathered;
  if (opening.kind === 'mptcp' || opening.kind === 'plain') yield* traceData(talk, flow, gathered, options);
  if (opening.kind === 'mptcp' && talk.isMultipath && talk.peer !== undefined) {
    yield* traceAnnouncement(talk, flow, gathered);
    yield* traceJoin(talk, gathered);
    if (gathered.data.later?.kind === 'data-acked') yield* tracePair(talk, flow, gathered);
  }
  yield* traceReply(talk, gathered);
  return gathered;
}

/** The SYN: hop by hop up to whoever answers it; with a large time to live where the hops fall silent. */
function* traceSyn(talk: Conversation, flow: Flow, gathered: Gathered, options: PathOptions): Script<void> {
  const capable = capableOfSyn(talk);
  talk.ownFlags = capable.flags;
  flow.next = seq32(flow.initial + 1);
  const segment = {
    ...{ flags: TcpFlag.SYN, seq: flow.initial },
    options: [...usualSynOptions, ...mptcpOptions(capable)],
  };
  const how = { ttls: range(1, options.maxHops), endsWithTarget: true, maxSilent: MAX_SILENT };
  const isAnswer = {
    isAnswer: ({ tcp }: { tcp: Parameters<typeof isAnswerToSyn>[1] }) => isAnswerToSyn(flow, tcp),
  };
  const trace = yield* traceSegments(talk, flow, { kind: 'syn', ...how, ...isAnswer }, segment);
  gathered.traces.push(trace);
  const last = trace.answers.at(-1);
  const heard = talk.heard.findLast((one) => one.kind === 'segment' && one.flow === flow);
  if (last?.answer === 'segment' && heard?.kind === 'segment') {
    gathered.reach = last.ttl;
    gathered.distance = distanceOf(heard.hopLimit);
    gathered.opening = answeredOpening(talk, flow, capable, heard);
    return;
  }
  flow.next = flow.initial;
  gathered.opening = yield* open(talk, flow);
  gathered.distance = distanceOfLast(talk, flow);
  if (gathered.opening.kind === 'silent' || gathered.opening.kind === 'unreachable')
    yield* tracePlainSyn(talk, gathered, how);
  else yield* findNeeded(talk, gathered, options);
}

/** No answer to a SYN with MPTCP: how far does one without come? */
function* tracePlainSyn(
  talk: Conversation,
  gathered: Gathered,
  how: { readonly ttls: number[]; readonly endsWithTarget: boolean; readonly maxSilent: number },
): Script<void> {
  const flow = talk.openFlow('plain');
  flow.next = seq32(flow.initial + 1);
  const segment = { flags: TcpFlag.SYN, seq: flow.initial, options: usualSynOptions };
  gathered.traces.push(yield* traceSegments(talk, flow, { kind: 'plain-syn', ...how }, segment));
  flow.next = flow.initial;
  gathered.control = yield* open(talk, flow, { multipath: false });
  gathered.distance = distanceOfLast(talk, flow);
}

/** Routers fell silent, and the target answers: from which time to live on? */
function* findNeeded(talk: Conversation, gathered: Gathered, options: PathOptions): Script<void> {
  const { distance } = gathered;
  if (distance === undefined) return;
  const flow = talk.openFlow('needed');
  flow.next = seq32(flow.initial + 1);
  const segment = { flags: TcpFlag.SYN, seq: flow.initial, options: usualSynOptions };
  const first = Math.max(1, distance - 1);
  const ttls = range(first, Math.max(first, options.maxHops));
  const how = { kind: 'plain-syn', ttls, endsWithTarget: true, maxSilent: Infinity } as const;
  const trace = yield* traceSegments(talk, flow, how, segment);
  const last = trace.answers.at(-1);
  if (last?.answer !== 'segment') return;
  gathered.needed = last.ttl;
  const heard = talk.heard.findLast((one) => one.kind === 'segment' && one.flow === flow);
  if (heard?.kind === 'segment') flow.open(heard.tcp);
}

/** Hops that a packet has come, by what its sender most likely began with. */
function distanceOf(hopLimit: number): number {
  const start = [32, 64, 128, 255].find((each) => each >= hopLimit) ?? 255;
  return start - hopLimit + 1;
}

function distanceOfLast(talk: Conversation, flow: Flow): number | undefined {
  const heard = talk.heard.findLast((one) => one.kind === 'segment' && one.flow === flow);
  return heard === undefined ? undefined : distanceOf(heard.hopLimit);
}

/** Echo requests show how long the path is for what no box ends. */
function* traceEcho(talk: Conversation, gathered: Gathered, options: PathOptions): Script<void> {
  const identifier = talk.setup.secrets.port;
  const payload = new Uint8Array(16);
  let sequence = 0;
  const how = { kind: 'echo', ttls: range(1, options.maxHops), endsWithTarget: true } as const;
  const trace = yield* traceWith(
    talk,
    undefined,
    { ...how, maxSilent: MAX_SILENT },
    (hopLimit, identification) =>
      talk.sendIcmp(
        { type: 'echo-request', identifier, sequence: ++sequence, payload },
        { hopLimit, identification },
      ),
  );
  gathered.traces.push(trace);
}

/** Times to live of the hops that answer, short of the target. */
function hopsOf({ traces, reach }: Gathered): number[] {
  const echo = traces.find(({ kind }) => kind === 'echo')?.answers ?? [];
  const isSyn = (kind: TraceKind): boolean => kind === 'syn' || kind === 'plain-syn';
  const syn = traces.filter(({ kind }) => isSyn(kind)).flatMap(({ answers }) => answers);
  const quoted = [...echo, ...syn].filter(({ answer }) => answer === 'quoted').map(({ ttl }) => ttl);
  const isBefore = (ttl: number): boolean => reach === undefined || ttl < reach || quoted.includes(ttl);
  return [...new Set(quoted)].filter(isBefore).sort((a, b) => a - b);
}

/** How a trace to the hops alone is done. */
function toHops(kind: TraceKind, gathered: Gathered) {
  const common = { kind, ttls: hopsOf(gathered), endsWithTarget: true, maxSilent: 2 };
  const isFresh = kind === 'data' || kind === 'large';
  return { ...common, settleNs: settleOf(gathered) + (isFresh ? DELAYED_ACK_NS : 0) };
}

/** A bit more than the time to the target and back, ns, as the SYN took it. */
function settleOf({ traces }: Gathered): number {
  const syn = traces.find(({ kind }) => kind === 'syn')?.answers ?? [];
  const last = syn.findLast(({ answer }) => answer === 'segment' || answer === 'quoted');
  return Math.min(MAX_SETTLE_NS, Math.max(MIN_SETTLE_NS, 1.25 * (last?.delayNs ?? 0)));
}

/** A SYN+ACK as the target would send it, forward: what boxes do to those, and whether they let in what nobody asked for. */
function* traceReply(talk: Conversation, gathered: Gathered): Script<void> {
  const flow = talk.openFlow('reply');
  const { wrongKey } = talk.setup.secrets;
  const senderKey = (BigInt(wrongKey.hi) << 32n) | BigInt(wrongKey.lo);
  const segment = {
    flags: TcpFlag.SYN | TcpFlag.ACK,
    ack: talk.setup.secrets.nonce,
    options: [...usualSynOptions, ...mptcpOptions({ ...capableOfSyn(talk), senderKey })],
  };
  gathered.traces.push(yield* traceSegments(talk, flow, toHops('syn-ack', gathered), segment));
  // A host that knows of no such connection answers by a RST (RFC 9293 §3.10.7.1 and §3.10.7.2).
  if (gathered.opening.kind !== 'mptcp' && gathered.opening.kind !== 'plain') return;
  const bare = { ...segment, options: usualSynOptions };
  const answer = yield* ask(talk, flow, bare, ({ tcp }) => isReset(tcp));
  gathered.reply = answer === undefined ? 'nothing' : 'reset';
}

/** Data: the first of all, a large piece, a piece behind a hole, a piece behind what came before, one after a pause. */
function* traceData(
  talk: Conversation,
  flow: Flow,
  gathered: Gathered,
  { idleNs }: PathOptions,
): Script<void> {
  const isMultipath = gathered.opening.kind === 'mptcp' && talk.isMultipath;
  if (isMultipath) confirm(talk, flow);
  else talk.send(flow, {});
  // What this packet causes must not count for the next.
  yield* pause(settleOf(gathered));
  const first = { asCapable: isMultipath && talk.version === 1 };
  // A server that is told nonsense hangs up, and then a join fails that no box is to blame for.
  const { head } = talk.setup.request;
  const payload = head.length > 0 ? head : filler(SMALL_BYTES);
  yield* stage(talk, flow, gathered, { kind: 'data', payload, isMultipath, ...first });
  yield* stage(talk, flow, gathered, { kind: 'large', payload: filler(LARGE_BYTES), isMultipath });
  const behind = { kind: 'hole', payload: filler(LARGE_BYTES), isMultipath } as const;
  if (!flow.isReset) yield* traceHole(talk, flow, gathered, behind);
  yield* stage(talk, flow, gathered, { kind: 'later', payload: filler(HOLE_BYTES), isMultipath });
  // The piece that lay behind the hole, once more: it may have been lost, or held back.
  if (!flow.isReset) yield* sendData(talk, flow, mappedAs(gathered, behind));
  if (idleNs === 0 || flow.isReset) return;
  yield* pause(idleNs);
  yield* stage(talk, flow, gathered, { kind: 'idle', payload: filler(SMALL_BYTES), isMultipath });
}

/** `X-Filler: ` */
const FILLER_NAME = [0x58, 0x2d, 0x46, 0x69, 0x6c, 0x6c, 0x65, 0x72, 0x3a, 0x20];

/** A header of HTTP that means nothing, or so many bytes to anybody else. */
function filler(length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(0x61);
  bytes.set(FILLER_NAME);
  bytes.set([0x0d, 0x0a], length - 2);
  return bytes;
}

interface Stage {
  readonly kind: TraceKind;
  readonly payload: Uint8Array;
  readonly isMultipath: boolean;
  readonly asCapable?: boolean;
}

/** Data to the hops, and then to the target. */
function* stage(
  talk: Conversation,
  flow: Flow,
  gathered: Gathered,
  { kind, payload, isMultipath, asCapable = false }: Stage,
): Script<void> {
  if (flow.isReset) return;
  const options = mappedAs(gathered, { kind, payload, isMultipath, asCapable });
  const segment = {
    ...{ flags: TcpFlag.ACK | TcpFlag.PSH, payload },
    options: mptcpOptions(...mappingOption(talk, flow, options)),
  };
  gathered.traces.push(yield* traceSegments(talk, flow, toHops(kind, gathered), segment));
  if (flow.isReset) return;
  const mark = talk.heard.length;
  const outcome = yield* sendData(talk, flow, options);
  gathered.data[kind] = outcome;
  if (outcome.kind === 'data-acked' && isAcknowledgedBare(talk, flow, mark)) gathered.early.push(kind);
}

/** Whether TCP acknowledged all that was sent, since `mark`, in a segment without a DATA_ACK. */
function isAcknowledgedBare(talk: Conversation, flow: Flow, mark: number): boolean {
  return talk.heard
    .slice(mark)
    .some(
      (heard) =>
        heard.kind === 'segment' &&
        heard.flow === flow &&
        acknowledges(flow, heard.tcp) &&
        !isReset(heard.tcp) &&
        heard.tcp.payload.length === 0 &&
        !heard.options.some(({ subtype }) => subtype === 'DSS'),
    );
}

/** How the data of a stage is mapped. */
function mappedAs({ opening }: Gathered, { payload, isMultipath, asCapable = false }: Stage): DataOptions {
  const checksum = opening.kind === 'mptcp' && opening.checksum ? 'right' : 'none';
  return { payload, checksum, asCapable, unmapped: !isMultipath };
}

/** Data behind a hole: to the hops, and then to the target, which acknowledges what came before. */
function* traceHole(talk: Conversation, flow: Flow, gathered: Gathered, how: Stage): Script<void> {
  const { next } = flow;
  const seq = seq32(next + HOLE_BYTES);
  const segment = { seq, payload: how.payload, options: optionsAhead(talk, flow, HOLE_BYTES, gathered, how) };
  gathered.traces.push(yield* traceSegments(talk, flow, toHops('hole', gathered), segment));
  if (flow.isReset) return;
  const mark = talk.heard.length;
  talk.send(flow, segment);
  const isAnswer = ({ tcp }: HeardSegment): boolean => seq32(tcp.ack) === next;
  const answer = yield* listen(flow, talk.setup.settings.replyNs, isAnswer);
  // A segment that came in pieces is acknowledged piece by piece (RFC 9293 §3.8.6.3, RFC 5681 §4.2).
  if (answer !== undefined) yield* pause(settleOf(gathered));
  const blocks = talk.heard
    .slice(mark)
    .flatMap((heard) => (heard.kind === 'segment' && heard.flow === flow ? heard.tcp.options : []))
    .flatMap((option) => (option.kind === 'sack' ? option.blocks : []));
  gathered.hole = answer === undefined ? 'silent' : holeOf(blocks, seq, seq32(seq + how.payload.length));
}

/** What blocks say of the one segment that lies behind the hole. */
function holeOf(
  blocks: readonly { readonly left: number; readonly right: number }[],
  left: number,
  right: number,
): PathEvidence['hole'] {
  const length = seqDistance(seq32(right), seq32(left));
  const isWithin = (edge: number): boolean => {
    const at = seqDistance(seq32(edge), seq32(left));
    return at >= 0 && at <= length;
  };
  if (blocks.some((block) => !isWithin(block.left) || !isWithin(block.right))) return 'strange-sack';
  const isPart = blocks.some((block) => block.left !== left || block.right !== right);
  return isPart ? 'partial-sack' : 'acknowledged';
}

/** The options of data that lies `bytes` ahead of what was sent; nothing moves. */
function optionsAhead(talk: Conversation, flow: Flow, bytes: number, gathered: Gathered, how: Stage) {
  const { next } = flow;
  flow.next = seq32(next + bytes);
  talk.ownNext += bytes;
  const options = mptcpOptions(...mappingOption(talk, flow, mappedAs(gathered, how)));
  flow.next = next;
  talk.ownNext -= bytes;
  return options;
}

/**
 * Two small segments right behind each other, each with its mapping: to the hops, and then to the target. A box that makes
 * one of two has room for the mapping of one.
 */
function* tracePair(talk: Conversation, flow: Flow, gathered: Gathered): Script<void> {
  if (flow.isReset) return;
  const how = { kind: 'pair', payload: filler(SMALL_BYTES), isMultipath: true } as const;
  const { payload } = how;
  const first = { payload, seq: flow.next, options: optionsAhead(talk, flow, 0, gathered, how) };
  const follower = {
    ...{ payload, seq: seq32(flow.next + SMALL_BYTES) },
    options: optionsAhead(talk, flow, SMALL_BYTES, gathered, how),
  };
  const options = { ...toHops('pair', gathered), follower };
  gathered.traces.push(yield* traceSegments(talk, flow, options, first));
  if (flow.isReset) return;
  talk.send(flow, first);
  flow.next = follower.seq;
  talk.ownNext += SMALL_BYTES;
  gathered.data.pair = yield* sendData(talk, flow, mappedAs(gathered, how));
}

/** ADD_ADDR to the hops, and then to the target. */
function* traceAnnouncement(talk: Conversation, flow: Flow, gathered: Gathered): Script<void> {
  if (flow.isReset) return;
  const segment = { options: mptcpOptions(announcement(talk)) };
  gathered.traces.push(yield* traceSegments(talk, flow, toHops('add-address', gathered), segment));
  if (talk.version === 0 || flow.isReset) return;
  const echo = yield* ask(talk, flow, segment, ({ options }) => options.some(isEchoOfAnnouncement));
  gathered.isEchoed = echo !== undefined;
}

/** The SYN of a join to the hops, and then a join. */
function* traceJoin(talk: Conversation, gathered: Gathered): Script<void> {
  const flow = talk.openFlow('join-path', talk.setup.joinLocal ?? talk.setup.local);
  const segment = {
    ...{ flags: TcpFlag.SYN, seq: flow.initial },
    options: [...usualSynOptions, ...mptcpOptions(joinSyn(talk))],
  };
  flow.next = seq32(flow.initial + 1);
  gathered.traces.push(yield* traceSegments(talk, flow, toHops('join', gathered), segment));
  gathered.join = yield* join(talk);
}
