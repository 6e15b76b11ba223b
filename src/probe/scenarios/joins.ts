/** Scenarios about joins that are wrong, or too early. */
import type { Conversation } from '../conversation.js';
import { sendData } from '../data.js';
import { join, type JoinOutcome, type JoinOptions } from '../joining.js';
import type { ScenarioOutcome } from '../outcome.js';
import { begin, beginAsked, type Scenario, subflowOf } from '../scenario.js';
import { confirm } from '../opening.js';
import type { Script } from '../script.js';

const both = [0, 1] as const;

/** How a target reacted to a join that was wrong. */
function reactionToJoin(joined: JoinOutcome): ScenarioOutcome['reaction'] {
  switch (joined.kind) {
    case 'accepted':
    case 'answered':
      return 'accepted';
    case 'refused':
    case 'reset-after-proof':
    case 'plain':
    case 'wrong-proof':
      return 'join-refused';
    case 'silent':
      return 'no-answer';
  }
}

function* wrongJoin(talk: Conversation, options: JoinOptions): Script<ScenarioOutcome> {
  const asked = yield* beginAsked(talk);
  if ('outcome' in asked) return asked.outcome;
  const joined = yield* join(talk, options);
  return { reaction: reactionToJoin(joined), ...asked.common, join: joined };
}

/** A join right behind the third packet, before any data. */
function* earlyJoin(talk: Conversation): Script<ScenarioOutcome> {
  const start = yield* begin(talk);
  if ('outcome' in start) return start.outcome;
  const { flow, opening, checksum } = start.begun;
  confirm(talk, flow);
  const joined = yield* join(talk);
  const subflow = subflowOf(joined);
  const first = talk.version === 1;
  const data = yield* sendData(talk, flow, {
    ...{ payload: talk.setup.request.head, checksum, asCapable: first },
  });
  return {
    ...{ reaction: reactionToJoin(joined), opening, join: joined, data },
    ...(subflow === undefined && { notes: ['A join is taken only once data has come, or not at all.'] }),
  };
}

export const joinScenarios: readonly Scenario[] = [
  {
    name: 'bad-join-token',
    title: 'a join with a token that names no connection',
    shows: 'Whether the target refuses joins to nothing (RFC 8684 §3.2): a RST is due.',
    versions: both,
    script: (talk) => wrongJoin(talk, { token: talk.setup.secrets.wrongToken }),
  },
  {
    name: 'bad-join-hmac',
    title: 'a join whose proof in the third packet is wrong',
    shows: 'Whether the target verifies who joins (RFC 8684 §3.2): a RST is due.',
    versions: both,
    script: (talk) => wrongJoin(talk, { wrongProof: true }),
  },
  {
    name: 'join-before-data',
    title: 'a join right behind the handshake, before any data',
    shows: 'Whether the target takes joins to a connection that was not confirmed by data.',
    versions: both,
    script: earlyJoin,
  },
];
