/** The answer in one line, from what the scenarios came to. */
import type { MptcpVersion } from '../wire/index.js';
import { cameToThePoint, type ScenarioResult } from './outcome.js';
import { errorText, reactionText } from './words.js';

/** Whether Multipath TCP works between here and the target. */
export type Support =
  /** Handshake, data and joins work, in one version at least. */
  | 'full'
  /** The handshake works, and data or joins do not. */
  | 'partial'
  /** No handshake comes about. */
  | 'none'
  /** The target cannot be reached, or the port is closed. */
  | 'unknown';

export interface Verdict {
  readonly support: Support;
  /** Versions that work fully. */
  readonly versions: readonly MptcpVersion[];
  /** One line. */
  readonly sentence: string;
  /** What else is worth knowing; sentences. */
  readonly remarks: readonly string[];
}

/** Judges the results about one target. The scenario `compliant` decides; the others add remarks. */
export function judge(results: readonly ScenarioResult[]): Verdict {
  const decisive = results.filter(({ scenario }) => scenario === 'compliant');
  const considered = decisive.length > 0 ? decisive : results;
  const versions = considered
    .filter(({ reaction }) => reaction === 'accepted' || reaction === 'ignored')
    .map(({ version }) => version);
  const remarks = results.flatMap(remarksOf);
  const unique = [...new Set(versions)].sort((a, b) => b - a);
  const isFull = decisive.length > 0 && unique.length > 0;
  if (isFull) {
    const list = unique.join(' and ');
    const noun = unique.length > 1 ? 'versions' : 'version';
    return { support: 'full', versions: unique, sentence: `Full support, ${noun} ${list}.`, remarks };
  }
  return { ...withoutFullSupport(considered), versions: [], remarks };
}

function withoutFullSupport(results: readonly ScenarioResult[]): Pick<Verdict, 'support' | 'sentence'> {
  const begun = results.find(({ reaction }) => cameToThePoint(reaction));
  if (begun !== undefined) return partial(begun);
  const has = (reaction: ScenarioResult['reaction']): boolean =>
    results.some((result) => result.reaction === reaction);
  if (has('syn-dropped'))
    return {
      support: 'none',
      sentence: 'No: SYNs with MPTCP options are swallowed, SYNs without are answered.',
    };
  if (results.some(({ opening }) => opening?.kind === 'plain' && opening.echoed))
    return { support: 'none', sentence: 'No: a box on the path sends unknown options back.' };
  if (has('plain-tcp'))
    return { support: 'none', sentence: 'No: the target answers as plain TCP, or a box removes the option.' };
  if (has('port-closed'))
    return { support: 'unknown', sentence: 'Cannot tell: the port is closed; a RST answers.' };
  if (has('unreachable'))
    return { support: 'unknown', sentence: `Cannot tell: ${unreachableText(results)}.` };
  if (has('unfinished'))
    return {
      support: 'unknown',
      sentence: 'Cannot tell: the bounds of the run ended it before there was an answer.',
    };
  return { support: 'unknown', sentence: 'Cannot tell: no scenario came to its point.' };
}

function unreachableText(results: readonly ScenarioResult[]): string {
  for (const { opening } of results) {
    if (opening?.kind === 'unreachable')
      return `${opening.by.toString()} says that the target cannot be reached (${errorText(opening.error)})`;
  }
  return 'no answer comes, to a SYN without MPTCP either';
}

function partial(result: ScenarioResult): Pick<Verdict, 'support' | 'sentence'> {
  const { reaction, scenario } = result;
  if (scenario !== 'compliant')
    return { support: 'partial', sentence: `The handshake works; ${scenario}: ${reactionText(reaction)}.` };
  switch (reaction) {
    case 'join-refused':
      return {
        support: 'partial',
        sentence: `Partly: the handshake and data work, joins do not (${why(result)}).`,
      };
    case 'fell-back':
      return {
        support: 'partial',
        sentence: 'Partly: the handshake works, then the connection falls back to plain TCP.',
      };
    case 'subflow-closed':
    case 'connection-closed':
      return {
        support: 'partial',
        sentence: 'Partly: the handshake works, and the first data is answered by a RST.',
      };
    case 'no-answer':
      return {
        support: 'partial',
        sentence: 'Partly: the handshake works, data with mappings is not answered.',
      };
    default:
      return {
        support: 'partial',
        sentence: `Partly: the handshake works; then: ${reactionText(reaction)}.`,
      };
  }
}

function why({ join, opening }: ScenarioResult): string {
  if (opening?.kind === 'mptcp' && opening.refusesJoins)
    return 'the target wants none to this address: it announces others';
  switch (join?.kind) {
    case 'silent':
      return 'no answer: something drops them';
    case 'plain':
      return 'MP_JOIN is removed, or the target takes it for a new connection';
    case 'wrong-proof':
      return 'the proof is wrong: another host answers, as behind a balancer';
    case 'refused':
    case 'reset-after-proof':
      return 'a RST answers: another server behind a balancer, or a limit';
    default:
      return 'data on the joined subflow is not taken';
  }
}

/** What a scenario other than the compliant one says about the path or the target. */
function remarksOf(result: ScenarioResult): string[] {
  const { reaction, scenario, version } = result;
  const of = `version ${version}`;
  if (scenario === 'add-address' && version === 1 && reaction === 'no-answer')
    return [`ADD_ADDR is not sent back (${of}): a box removes it, or the target ignores it.`];
  if (scenario === 'unknown-option' && (reaction === 'syn-dropped' || reaction === 'unreachable'))
    return ['SYNs with unknown options are swallowed.'];
  if (scenario === 'bad-join-hmac' && reaction === 'accepted')
    return [`The target takes joins without a right proof (${of}): anybody who sees a token can join.`];
  if (scenario === 'bad-dss-checksum' && (reaction === 'ignored' || reaction === 'accepted'))
    return [`The target does not verify DSS checksums (${of}).`];
  return [];
}

/** Whether the scenario `compliant` is among what was asked: without it there is no verdict on support. */
export function canJudge(names: readonly string[]): boolean {
  return names.includes('compliant');
}
