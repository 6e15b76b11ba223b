/** Scenarios about options beside the data: announcements, priorities, fast close, and options that nobody knows. */
import { addAddrHmac, type AddAddr, type MptcpOption, TcpFlag, type TcpOption } from '../../wire/index.js';
import { sendFastClose } from '../closing.js';
import { type Conversation, mptcpOptions } from '../conversation.js';
import { sendData } from '../data.js';
import type { Flow } from '../flow.js';
import { join } from '../joining.js';
import { reactionTo, type ScenarioOutcome } from '../outcome.js';
import { type Asked, beginAsked, type Scenario, subflowOf } from '../scenario.js';
import { ask, isReset, listen, type Script } from '../script.js';
import { tolerated } from './data.js';

const both = [0, 1] as const;
/** ID of the address that is announced; joins have another. */
const ANNOUNCED_ID = 3;
/** A subtype without a meaning (RFC 8684 §7.2). */
const UNKNOWN_SUBTYPE = 0xb;
/** An option kind that is not assigned (IANA, TCP option kinds). */
const UNKNOWN_KIND = 173;

/** The announcement of the probe's own address under another ID. */
export function announcement(talk: Conversation): AddAddr {
  const { local, joinLocal, secrets } = talk.setup;
  const announced = { addressId: ANNOUNCED_ID, address: joinLocal ?? local, port: 0 };
  const { addressId, address } = announced;
  const base = { subtype: 'ADD_ADDR', echo: false, addressId, address } as const;
  if (talk.version === 0) return { ...base, version: 0 };
  return { ...base, version: 1, hmac: addAddrHmac(secrets.key, talk.peer!.key, announced) };
}

/** Whether an option brings the announcement back. */
export function isEchoOfAnnouncement(option: MptcpOption): boolean {
  return option.subtype === 'ADD_ADDR' && option.echo && option.addressId === ANNOUNCED_ID;
}

/** ADD_ADDR, and whether its echo comes back; version 0 has none. */
function* addAddress(talk: Conversation): Script<ScenarioOutcome> {
  const asked = yield* beginAsked(talk);
  if ('outcome' in asked) return asked.outcome;
  const { begun, common } = asked;
  const { flow } = begun;
  const mark = talk.heard.length;
  const segment = { options: mptcpOptions(announcement(talk)) };
  const echo = yield* ask(talk, flow, segment, ({ options }) => options.some(isEchoOfAnnouncement));
  const notes = [...(wasJoinedByTarget(talk, mark) ? ['The target opened a subflow to the address.'] : [])];
  if (echo !== undefined) return { reaction: 'accepted', ...common, notes };
  if (talk.version === 1) return { reaction: 'no-answer', ...common, notes };
  return { reaction: 'ignored', ...common, notes: [...notes, 'Version 0 has no echo of announcements.'] };
}

/** Whether the target sent a SYN with MP_JOIN since `mark`. */
function wasJoinedByTarget(talk: Conversation, mark: number): boolean {
  return talk.heard
    .slice(mark)
    .some(
      (heard) =>
        heard.kind === 'segment' &&
        (heard.tcp.flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN &&
        heard.options.some(({ subtype }) => subtype === 'MP_JOIN'),
    );
}

/** MP_PRIO makes the first subflow a backup: the answer to the request must come by the other one. */
function* priority(talk: Conversation): Script<ScenarioOutcome> {
  const asked = yield* beginAsked(talk);
  if ('outcome' in asked) return asked.outcome;
  const { flow, checksum } = asked.begun;
  const joined = yield* join(talk);
  const common = { ...asked.common, join: joined };
  const subflow = subflowOf(joined);
  if (subflow === undefined)
    return { reaction: 'not-applicable', ...common, notes: ['There was no second subflow to prefer.'] };
  talk.send(flow, { options: mptcpOptions({ subtype: 'MP_PRIO', backup: true }) });
  const mark = talk.heard.length;
  const joinData = yield* sendData(talk, subflow, { payload: talk.setup.request.tail, checksum });
  if (!hasPayload(talk, mark))
    yield* listen(subflow, talk.setup.settings.replyNs, ({ tcp }) => tcp.payload.length > 0);
  const answer = { ...common, joinData };
  if (isPayloadOn(talk, mark, flow))
    return { reaction: 'ignored', ...answer, notes: ['The answer came by the subflow made a backup.'] };
  if (isPayloadOn(talk, mark, subflow))
    return { reaction: 'accepted', ...answer, notes: ['The answer came by the other subflow only.'] };
  return { reaction: 'no-answer', ...answer, notes: ['The target sent no data, so that nothing shows.'] };
}

function hasPayload(talk: Conversation, mark: number): boolean {
  return talk.flows.some((flow) => isPayloadOn(talk, mark, flow));
}

function isPayloadOn(talk: Conversation, mark: number, flow: Flow): boolean {
  return talk.heard
    .slice(mark)
    .some((heard) => heard.kind === 'segment' && heard.flow === flow && heard.tcp.payload.length > 0);
}

/** MP_FASTCLOSE, and whether the connection can still be joined. */
function* fastClose(talk: Conversation): Script<ScenarioOutcome> {
  const asked = yield* beginAsked(talk);
  if ('outcome' in asked) return asked.outcome;
  const { flow } = asked.begun;
  sendFastClose(talk, flow);
  const answer = yield* listen(flow, talk.setup.settings.replyNs, ({ tcp }) => isReset(tcp));
  const joined = yield* join(talk);
  const lives = subflowOf(joined) !== undefined;
  const notes = answer === undefined ? [] : ['A RST answered it.'];
  return { reaction: lives ? 'ignored' : 'connection-closed', ...asked.common, join: joined, notes };
}

/** An option of a subtype without a meaning, beside the mapping of the data. */
function* unknownSubtype(talk: Conversation): Script<ScenarioOutcome> {
  const unknown = { subtype: 'UNKNOWN', code: UNKNOWN_SUBTYPE, nibble: 0, body: new Uint8Array(5) } as const;
  return yield* passedOver(talk, yield* beginAsked(talk, {}, [unknown]));
}

/** An option of a kind that is not assigned, in the SYN. */
function* unknownOption(talk: Conversation): Script<ScenarioOutcome> {
  const more: readonly TcpOption[] = [
    { kind: 'unknown', number: UNKNOWN_KIND, body: Uint8Array.of(0x53, 0x46) },
  ];
  return yield* passedOver(talk, yield* beginAsked(talk, { more }));
}

/** Joins a connection that was shown something nobody knows: did all go on as if it had not been there? */
function* passedOver(
  talk: Conversation,
  asked: Asked | { readonly outcome: ScenarioOutcome },
): Script<ScenarioOutcome> {
  if ('outcome' in asked) return asked.outcome;
  const { common } = asked;
  const joined = yield* join(talk);
  return { reaction: tolerated(reactionTo(common.data, joined)), ...common, join: joined };
}

export const optionScenarios: readonly Scenario[] = [
  {
    name: 'add-address',
    title: 'an announcement of an address, with its proof in version 1',
    shows: 'Whether ADD_ADDR arrives: version 1 sends it back (RFC 8684 §3.4.1).',
    versions: both,
    script: addAddress,
  },
  {
    name: 'mp-prio',
    title: 'MP_PRIO that makes the first of two subflows a backup',
    shows:
      'Whether the target heeds priorities: its answer must come by the other subflow (RFC 8684 §3.3.8).',
    versions: both,
    script: priority,
  },
  {
    name: 'fast-close',
    title: 'MP_FASTCLOSE, and a join behind it',
    shows: 'Whether the target ends the whole connection (RFC 8684 §3.5).',
    versions: both,
    script: fastClose,
  },
  {
    name: 'unknown-subtype',
    title: 'an MPTCP option of a subtype without a meaning beside a mapping',
    shows: 'Whether the target passes over what it does not know.',
    versions: both,
    script: unknownSubtype,
  },
  {
    name: 'unknown-option',
    title: 'a TCP option of a kind that is not assigned in the SYN',
    shows: 'Whether the path and the target pass over unknown options (RFC 9293 §3.2).',
    versions: both,
    script: unknownOption,
  },
];
