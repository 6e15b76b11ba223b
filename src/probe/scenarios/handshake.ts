/** Scenarios about the SYN itself: a version that nobody speaks, and data. */
import type { Conversation } from '../conversation.js';
import { sendData } from '../data.js';
import { confirm, open } from '../opening.js';
import { reactionTo, type ScenarioOutcome } from '../outcome.js';
import { begin, piecesOf, type Scenario } from '../scenario.js';
import type { Script } from '../script.js';

const both = [0, 1] as const;
/** A version that does not exist. */
const NO_VERSION = 2;

/** A SYN for a version that does not exist. */
function* wrongVersion(talk: Conversation): Script<ScenarioOutcome> {
  const opening = yield* open(talk, talk.openFlow('first'), { version: NO_VERSION });
  switch (opening.kind) {
    case 'mptcp':
      return { reaction: 'other-version', opening, notes: [`It offers version ${opening.version}.`] };
    case 'plain':
      return { reaction: 'fell-back', opening };
    case 'refused':
      return { reaction: 'port-closed', opening };
    case 'silent':
    case 'unreachable':
      return { reaction: 'no-answer', opening };
  }
}

/** A SYN with data and without a Fast Open cookie, and the handshake behind it. */
function* synData(talk: Conversation): Script<ScenarioOutcome> {
  const { head } = talk.setup.request;
  const payload = talk.version === 0 ? head.subarray(0, head.length >> 1) : piecesOf(talk).first;
  const start = yield* begin(talk, { payload });
  if ('outcome' in start) return start.outcome;
  const { flow, opening, checksum } = start.begun;
  const isTaken = flow.subflowOffset > 1;
  if (isTaken) talk.ownNext += payload.length;
  confirm(talk, flow);
  const data = yield* sendData(talk, flow, {
    payload: isTaken ? head.subarray(payload.length) : head,
    checksum,
    asCapable: talk.version === 1 && !isTaken,
  });
  const reaction = reactionTo(data, undefined);
  const notes = [isTaken ? 'The data in the SYN was acknowledged.' : 'Only the SYN was acknowledged.'];
  return { reaction: reaction === 'accepted' && !isTaken ? 'ignored' : reaction, opening, data, notes };
}

export const handshakeScenarios: readonly Scenario[] = [
  {
    name: 'wrong-version',
    title: `a SYN for version ${NO_VERSION}, which does not exist`,
    shows: 'Whether the target offers a version of its own, or answers as plain TCP (RFC 8684 §3.1).',
    versions: both,
    script: wrongVersion,
  },
  {
    name: 'syn-data',
    title: 'data in the SYN, without a Fast Open cookie',
    shows: 'Whether the path and the target live with data in a SYN (RFC 9293 §3.10.7.4, RFC 7413 §2).',
    versions: both,
    script: synData,
  },
];
