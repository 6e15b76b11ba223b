/** Scenarios about mappings: the compliant one, and those in which one thing is wrong with the data. */
import { MpCapableFlag } from '../../wire/index.js';
import type { Conversation } from '../conversation.js';
import { sendData } from '../data.js';
import { join } from '../joining.js';
import { reactionTo, type ScenarioOutcome } from '../outcome.js';
import {
  begin,
  beginAsked,
  beginConfirmed,
  establish,
  isConfirmed,
  mappingScenario,
  piecesOf,
  type Scenario,
  subflowOf,
} from '../scenario.js';
import type { Script } from '../script.js';

const both = [0, 1] as const;
/** Bytes that a mapping claims beyond those that are sent. */
const EXCESS_BYTES = 100;

/** Handshake, a request with mappings, a join, the end of the request on the joined subflow. */
function* compliant(talk: Conversation): Script<ScenarioOutcome> {
  const asked = yield* beginAsked(talk);
  if ('outcome' in asked) return asked.outcome;
  const { begun, common } = asked;
  const { checksum } = begun;
  const joined = yield* join(talk);
  const subflow = subflowOf(joined);
  const { tail } = talk.setup.request;
  const joinData =
    subflow === undefined || tail.length === 0
      ? undefined
      : yield* sendData(talk, subflow, { payload: tail, checksum });
  const isJoined = subflow !== undefined && (joinData === undefined || joinData.kind === 'data-acked');
  const reaction = reactionTo(common.data, joined);
  return {
    reaction: reaction === 'accepted' && !isJoined ? 'join-refused' : whole(reaction, joined.kind),
    ...{ ...common, join: joined },
    ...(joinData !== undefined && { joinData }),
  };
}

/** Data that was taken and a join that was not is no fall-back here: nothing was wrong with the data. */
function whole(reaction: ScenarioOutcome['reaction'], join: string): ScenarioOutcome['reaction'] {
  const isJoined = join === 'accepted' || join === 'answered';
  return reaction === 'fell-back' && !isJoined ? 'join-refused' : reaction;
}

/** The third packet, and what carries MP_CAPABLE behind it, give the target a key that is not its own. */
function* invalidKey(talk: Conversation): Script<ScenarioOutcome> {
  const start = yield* begin(talk);
  if ('outcome' in start) return start.outcome;
  const { begun } = start;
  const { wrongKey } = talk.setup.secrets;
  const wrong = (BigInt(wrongKey.hi) << 32n) | BigInt(wrongKey.lo);
  const firstData = yield* establish(talk, begun, wrong);
  const common = { opening: begun.opening, ...(firstData !== undefined && { firstData }) };
  if (!isConfirmed(firstData)) {
    const joined = yield* join(talk);
    return { reaction: reactionTo(firstData!, joined), ...common, join: joined };
  }
  const data = yield* sendData(talk, begun.flow, {
    payload: piecesOf(talk).rest,
    checksum: begun.checksum,
  });
  const joined = yield* join(talk);
  return { reaction: tolerated(reactionTo(data, joined)), ...common, data, join: joined };
}

/** Mappings without the checksum that was agreed on. */
function* noChecksum(talk: Conversation): Script<ScenarioOutcome> {
  // In version 0 the probe does not ask itself, so that the target's wish alone counts.
  const flags = talk.version === 0 ? MpCapableFlag.HMAC : MpCapableFlag.HMAC | MpCapableFlag.CHECKSUM;
  const outcome = yield* mappingScenario(talk, () => ({ checksum: 'none' }), { flags });
  const { opening } = outcome;
  if (opening?.kind === 'mptcp' && !opening.checksum)
    return { ...outcome, reaction: 'not-applicable', notes: ['The target asks for no DSS checksums.'] };
  return { ...outcome, reaction: tolerated(outcome.reaction) };
}

/** A reaction to something wrong: taking it means that it was ignored. */
export function tolerated(reaction: ScenarioOutcome['reaction']): ScenarioOutcome['reaction'] {
  return reaction === 'accepted' ? 'ignored' : reaction;
}

/** A mapping with a checksum that is wrong. */
function* badChecksum(talk: Conversation): Script<ScenarioOutcome> {
  const outcome = yield* mappingScenario(talk, () => ({ checksum: 'wrong' }));
  return { ...outcome, reaction: tolerated(outcome.reaction) };
}

/** A mapping of length 0. */
function* infiniteMapping(talk: Conversation): Script<ScenarioOutcome> {
  return yield* mappingScenario(talk, () => ({ claimedLength: 0 }));
}

/** A mapping that claims more bytes than come with it, and then those bytes without an option. */
function* longMapping(talk: Conversation): Script<ScenarioOutcome> {
  const start = yield* beginConfirmed(talk);
  if ('outcome' in start) return start.outcome;
  const { begun, firstData } = start;
  const payload = piecesOf(talk).rest;
  const rest = new Uint8Array(EXCESS_BYTES).fill(0x20);
  const claimedLength = payload.length + rest.length;
  const data = yield* sendData(talk, begun.flow, {
    ...{ payload, claimedLength, checksum: begun.checksum, checksumOver: [payload, rest] },
  });
  const completed = yield* sendData(talk, begun.flow, { payload: rest, checksum: 'none', unmapped: true });
  const joined = yield* join(talk);
  return {
    ...{ reaction: reactionTo(completed, joined), opening: begun.opening, data, join: joined },
    ...(firstData !== undefined && { firstData }),
    notes: [
      data.kind === 'data-acked'
        ? 'The first part was acknowledged before the rest came.'
        : 'Nothing was acknowledged before the mapping was whole.',
    ],
  };
}

export const dataScenarios: readonly Scenario[] = [
  {
    name: 'compliant',
    title: 'a handshake, a request with mappings, a join, the rest of the request on the joined subflow',
    shows: 'Whether Multipath TCP works from end to end: with this the question of support is answered.',
    versions: both,
    script: compliant,
  },
  {
    name: 'invalid-key',
    title: 'a third packet that gives the target another key than its own',
    shows: 'Whether the target checks the key that is given back to it (RFC 8684 §3.1).',
    versions: both,
    script: invalidKey,
  },
  {
    name: 'no-dss-checksum',
    title: 'a mapping without the checksum that was agreed on',
    shows: 'What the target makes of a mapping that it cannot verify (RFC 8684 §3.3.1).',
    versions: both,
    script: noChecksum,
  },
  {
    name: 'bad-dss-checksum',
    title: 'a mapping whose checksum is wrong',
    shows: 'Whether the target finds payload that a box changed, and what it does then (RFC 8684 §3.7).',
    versions: both,
    script: badChecksum,
  },
  {
    name: 'infinite-mapping',
    title: 'a mapping of length 0',
    shows: 'Whether the target follows a peer that falls back (RFC 8684 §3.7).',
    versions: both,
    script: infiniteMapping,
  },
  {
    name: 'long-mapping',
    title: 'a mapping longer than the segment that carries it, the rest behind it without an option',
    shows: 'Whether a mapping may span segments (RFC 8684 §3.3.1).',
    versions: both,
    script: longMapping,
  },
];
