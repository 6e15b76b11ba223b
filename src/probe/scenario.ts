/** What a scenario is, and the steps that most of them have in common. */
import type { MptcpVersion } from '../wire/index.js';
import type { Conversation } from './conversation.js';
import { type DataOptions, type DataOutcome, sendData } from './data.js';
import type { Flow } from './flow.js';
import { join, type JoinOutcome } from './joining.js';
import { confirm, open, type Opening, type OpeningOptions } from './opening.js';
import { reactionTo, type Reaction, type ScenarioOutcome } from './outcome.js';
import type { Script } from './script.js';

/** A scripted exchange. */
export interface Scenario {
  /** In kebab-case; stable. */
  readonly name: string;
  /** A line: what is sent. */
  readonly title: string;
  /** A sentence or two: what the answer shows. */
  readonly shows: string;
  readonly versions: readonly MptcpVersion[];
  script(talk: Conversation): Script<ScenarioOutcome>;
}

/** A connection that began as Multipath TCP of the version asked for. */
export interface Begun {
  readonly flow: Flow;
  readonly opening: Extract<Opening, { kind: 'mptcp' }>;
  /** Whether mappings carry checksums. */
  readonly checksum: 'right' | 'none';
}

/** Bytes of the request that go with MP_CAPABLE in version 1; the rest has a DSS. */
const FIRST_PIECE_BYTES = 16;

/** Opens the connection; where that gives no Multipath TCP, the outcome says so. */
export function* begin(
  talk: Conversation,
  options: OpeningOptions = {},
): Script<{ readonly begun: Begun } | { readonly outcome: ScenarioOutcome }> {
  const flow = talk.openFlow('first');
  const opening = yield* open(talk, flow, options);
  if (opening.kind === 'mptcp' && opening.version === talk.version) {
    return { begun: { flow, opening, checksum: opening.checksum ? 'right' : 'none' } };
  }
  if (opening.kind !== 'silent' && opening.kind !== 'unreachable') {
    return { outcome: { reaction: reactionOf(opening), opening } };
  }
  const control = yield* open(talk, talk.openFlow('plain'), { multipath: false });
  const isAnswered = control.kind === 'plain' || control.kind === 'refused';
  const reaction = isAnswered ? (control.kind === 'plain' ? 'syn-dropped' : 'port-closed') : 'unreachable';
  return { outcome: { reaction, opening, control } };
}

function reactionOf(opening: Opening): Reaction {
  switch (opening.kind) {
    case 'mptcp':
      return 'other-version';
    case 'plain':
      return 'plain-tcp';
    case 'refused':
      return 'port-closed';
    case 'silent':
    case 'unreachable':
      return 'unreachable';
  }
}

/** The pieces of the request's head: one in version 0; in version 1 one with MP_CAPABLE and one with a DSS. */
export function piecesOf(talk: Conversation): { readonly first: Uint8Array; readonly rest: Uint8Array } {
  const { head } = talk.setup.request;
  if (talk.version === 0) return { first: head.subarray(0, 0), rest: head };
  const cut = Math.min(FIRST_PIECE_BYTES, head.length >> 1);
  return { first: head.subarray(0, cut), rest: head.subarray(cut) };
}

/** The third packet and, in version 1, the first data: the connection is confirmed. Undefined in version 0. */
export function* establish(
  talk: Conversation,
  { flow, checksum }: Begun,
  receiverKey?: bigint,
): Script<DataOutcome | undefined> {
  confirm(talk, flow, receiverKey);
  if (talk.version === 0) return undefined;
  const key = receiverKey === undefined ? {} : { receiverKey };
  return yield* sendData(talk, flow, {
    ...{ payload: piecesOf(talk).first, checksum, asCapable: true },
    ...key,
  });
}

/** Whether the first data was taken as Multipath TCP; in version 0 there is none to be taken. */
export function isConfirmed(firstData: DataOutcome | undefined): boolean {
  return firstData === undefined || firstData.kind === 'data-acked';
}

/** Begins and confirms a connection; where that fails, the outcome says so. */
export function* beginConfirmed(
  talk: Conversation,
  options: OpeningOptions = {},
): Script<
  | { readonly begun: Begun; readonly firstData: DataOutcome | undefined }
  | { readonly outcome: ScenarioOutcome }
> {
  const start = yield* begin(talk, options);
  if ('outcome' in start) return start;
  const { begun } = start;
  const firstData = yield* establish(talk, begun);
  if (isConfirmed(firstData)) return { begun, firstData };
  const { opening } = begun;
  return { outcome: { reaction: reactionTo(firstData!, undefined), opening, firstData: firstData! } };
}

/** A connection on which a request with right mappings was sent. */
export interface Asked {
  readonly begun: Begun;
  /** What became of the request, and of what came before it, for the outcome. */
  readonly common: Pick<ScenarioOutcome, 'opening' | 'firstData'> & {
    readonly opening: Begun['opening'];
    readonly data: DataOutcome;
  };
}

/** Begins and confirms a connection and sends the rest of the request's head; `more` goes beside its mapping. */
export function* beginAsked(
  talk: Conversation,
  options: OpeningOptions = {},
  more: DataOptions['more'] = [],
): Script<Asked | { readonly outcome: ScenarioOutcome }> {
  const start = yield* beginConfirmed(talk, options);
  if ('outcome' in start) return start;
  const { begun, firstData } = start;
  const { checksum, flow, opening } = begun;
  const data = yield* sendData(talk, flow, { payload: piecesOf(talk).rest, checksum, more });
  return { begun, common: { opening, data, ...(firstData !== undefined && { firstData }) } };
}

/** A scenario about one mapping: the connection is confirmed, the mapping sent as `tweak` wants it, and joined. */
export function* mappingScenario(
  talk: Conversation,
  tweak: (begun: Begun) => Partial<DataOptions>,
  options: OpeningOptions = {},
): Script<ScenarioOutcome> {
  const start = yield* beginConfirmed(talk, options);
  if ('outcome' in start) return start.outcome;
  const { begun, firstData } = start;
  const payload = piecesOf(talk).rest;
  const usual = { payload, checksum: begun.checksum };
  const data = yield* sendData(talk, begun.flow, { ...usual, ...tweak(begun) });
  const joined = yield* join(talk);
  return {
    ...{ reaction: reactionTo(data, joined), opening: begun.opening, data, join: joined },
    ...(firstData !== undefined && { firstData }),
  };
}

/** Whether a join gave a subflow to send on. */
export function subflowOf(outcome: JoinOutcome): Flow | undefined {
  return outcome.kind === 'accepted' || outcome.kind === 'answered' ? outcome.flow : undefined;
}
