/**
 * The trace of a path: a SYN with a rising time to live, and then every other kind of packet that Multipath TCP sends, on
 * a real connection with the target, each first to the hops and then to the target itself. What it shows is judged in
 * findings.ts.
 *
 * A change can be located where a router behind it quotes what it got. What a box does on the way back, or behind the last
 * router, shows in what the target answers, or not at all; so packets of the way back are sent forward too, to hops only.
 */
import { seq32 } from '../../base/index.js';
import { TcpFlag, type IpAddress } from '../../wire/index.js';
import { type Conversation, mptcpOptions } from '../conversation.js';
import { type DataOptions, type DataOutcome, mappingOption, sendData } from '../data.js';
import type { Flow } from '../flow.js';
import { join, type JoinOutcome, joinSyn } from '../joining.js';
import {
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
  readonly hole: 'acknowledged' | 'strange-sack' | 'silent' | undefined;
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
/** How far behind a hole data lies. */
const HOLE_BYTES = SMALL_BYTES;

/** Mutable while it is gathered. */
type Gathered = { -readonly [Key in keyof PathEvidence]: PathEvidence[Key] } & {
  traces: Trace[];
  data: Partial<Record<TraceKind, DataOutcome>>;
};

/** Traces the path. */
export function* pathScript(talk: Conversation, options: PathOptions): Script<PathEvidence> {
  const flow = talk.openFlow('first');
  const gathered: Gathered = {
    ...{ local: talk.setup.local, target: talk.setup.target.address, traces: [], data: {} },
    ...{ opening: { kind: 'silent' }, control: undefined, reach: undefined, distance: undefined },
    ...{ needed: undefined, isEchoed: undefined, join: undefined, reply: undefined, hole: undefined },
  };
  // Before the SYN, so that nobody waits for a third packet meanwhile.
  yield* traceEcho(talk, gathered, options);
  yield* traceSyn(talk, flow, gathered, options);
  const { opening } = gathered;
  if (opening.kind === 'mptcp' || opening.kind === 'plain') yield* traceData(talk, flow, gathered, options);
  if (opening.kind === 'mptcp' && talk.isMultipath && talk.peer !== undefined) {
    yield* traceAnnouncement(talk, flow, gathered);
    yield* traceJoin(talk, gathered);
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
  yield* stage(talk, flow, gathered, { kind: 'data', payload: filler(SMALL_BYTES), isMultipath, ...first });
  yield* stage(talk, flow, gathered, { kind: 'large', payload: filler(LARGE_BYTES), isMultipath });
  const hole = { payload: filler(HOLE_BYTES), isMultipath };
  if (!flow.isReset) yield* traceHole(talk, flow, gathered, { kind: 'hole', ...hole });
  yield* stage(talk, flow, gathered, { kind: 'later', ...hole });
  // The piece that lay behind the hole, once more: it may have been lost, or held back.
  if (!flow.isReset) yield* sendData(talk, flow, mappedAs(gathered, { kind: 'hole', ...hole }));
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
  gathered.data[kind] = yield* sendData(talk, flow, options);
}

/** How the data of a stage is mapped. */
function mappedAs({ opening }: Gathered, { payload, isMultipath, asCapable = false }: Stage): DataOptions {
  const checksum = opening.kind === 'mptcp' && opening.checksum ? 'right' : 'none';
  return { payload, checksum, asCapable, unmapped: !isMultipath };
}

/** Data behind a hole as long as itself: to the hops, and then to the target, which acknowledges what came before. */
function* traceHole(talk: Conversation, flow: Flow, gathered: Gathered, how: Stage): Script<void> {
  const { payload } = how;
  const { next } = flow;
  flow.next = seq32(next + payload.length);
  talk.ownNext += payload.length;
  const mapping = mptcpOptions(...mappingOption(talk, flow, mappedAs(gathered, how)));
  flow.next = next;
  talk.ownNext -= payload.length;
  const segment = { seq: seq32(next + payload.length), payload, options: mapping };
  gathered.traces.push(yield* traceSegments(talk, flow, toHops('hole', gathered), segment));
  if (flow.isReset) return;
  talk.send(flow, segment);
  const answer = yield* listen(flow, talk.setup.settings.replyNs, ({ tcp }) => seq32(tcp.ack) === next);
  const blocks = answer?.tcp.options.flatMap((option) => (option.kind === 'sack' ? option.blocks : [])) ?? [];
  const isStrange = blocks.some(({ left }) => left !== segment.seq);
  gathered.hole = answer === undefined ? 'silent' : isStrange ? 'strange-sack' : 'acknowledged';
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
