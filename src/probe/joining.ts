/**
 * A join from a second address or port, right or wrong on purpose.
 * Read first: RFC 8684 §3.2, RFC 6824 §3.2.
 */
import { assert } from '../base/index.js';
import { constantTimeEqual, joinHmac, type MpJoinSyn, type MpJoinSynAck, TcpFlag } from '../wire/index.js';
import { type Conversation, mptcpOptions } from './conversation.js';
import { resetReason } from './data.js';
import type { Flow } from './flow.js';
import { acknowledges, isAnswerToSyn, usualSynOptions } from './opening.js';
import { ask, isReset, isSynAck, type Script } from './script.js';

/** What became of a join. */
export type JoinOutcome =
  /** The target gave its proof and took ours. */
  | { readonly kind: 'accepted'; readonly flow: Flow }
  /** The target gave its proof and said nothing to ours. */
  | { readonly kind: 'answered'; readonly flow: Flow }
  /** The SYN was answered by a RST. */
  | { readonly kind: 'refused'; readonly reason: number | undefined }
  /** Our proof was answered by a RST. */
  | { readonly kind: 'reset-after-proof'; readonly reason: number | undefined }
  /** The SYN+ACK came without MP_JOIN. */
  | { readonly kind: 'plain' }
  /** The proof in the SYN+ACK is wrong. */
  | { readonly kind: 'wrong-proof' }
  | { readonly kind: 'silent' };

/** What is unusual about a join. */
export interface JoinOptions {
  /** Token in the SYN; the connection's when left out. */
  readonly token?: number;
  /** Sends a wrong proof. */
  readonly wrongProof?: boolean;
}

/** Address ID of the probe's joins; that of the first flow is 0 (RFC 8684 §3.2). */
export const JOIN_ADDRESS_ID = 2;

/** MP_JOIN as the SYN has it; the connection's token when another is not given. */
export function joinSyn(talk: Conversation, token = talk.peer?.token ?? 0): MpJoinSyn {
  const { nonce } = talk.setup.secrets;
  return { subtype: 'MP_JOIN', phase: 'syn', backup: false, addressId: JOIN_ADDRESS_ID, token, nonce };
}

/** Joins the connection on a flow of its own. */
export function* join(talk: Conversation, options: JoinOptions = {}): Script<JoinOutcome> {
  const { peer } = talk;
  assert(peer !== undefined, 'a join needs the key of the target');
  const flow = talk.openFlow('join', talk.setup.joinLocal ?? talk.setup.local);
  const { nonce } = talk.setup.secrets;
  const syn = joinSyn(talk, options.token);
  const segment = { flags: TcpFlag.SYN, options: [...usualSynOptions, ...mptcpOptions(syn)] };
  const answer = yield* ask(talk, flow, segment, ({ tcp }) => isAnswerToSyn(flow, tcp));
  if (answer === undefined) return { kind: 'silent' };
  if (isReset(answer.tcp)) return { kind: 'refused', reason: resetReason(answer.options) };
  flow.open(answer.tcp);
  const proof = answer.options.find(
    (option): option is MpJoinSynAck => option.subtype === 'MP_JOIN' && option.phase === 'synack',
  );
  if (proof === undefined) return { kind: 'plain' };
  const { key } = talk.setup.secrets;
  const expected = joinHmac(talk.version, peer.key, key, proof.nonce, nonce).slice(0, 8);
  if (!constantTimeEqual(expected, proof.hmac)) return { kind: 'wrong-proof' };
  return yield* prove(talk, flow, proof.nonce, options.wrongProof === true);
}

/** The third packet of a join and what follows: the target acknowledges it (RFC 8684 §3.2). */
function* prove(talk: Conversation, flow: Flow, peerNonce: number, isWrong: boolean): Script<JoinOutcome> {
  const { key, nonce } = talk.setup.secrets;
  const hmac = joinHmac(talk.version, key, talk.peer!.key, nonce, peerNonce).slice(0, 20);
  if (isWrong) hmac[0]! ^= 0xff;
  const segment = { options: mptcpOptions({ subtype: 'MP_JOIN', phase: 'ack', hmac }) };
  const answer = yield* ask(
    talk,
    flow,
    segment,
    ({ tcp }) => isReset(tcp) || (acknowledges(flow, tcp) && !isSynAck(tcp)),
  );
  if (answer === undefined) return { kind: 'answered', flow };
  if (isReset(answer.tcp)) return { kind: 'reset-after-proof', reason: resetReason(answer.options) };
  return { kind: 'accepted', flow };
}
