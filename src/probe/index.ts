/**
 * Scripted exchanges with a remote stack, and what its answers show. Start with {@link ProbeRun}; `scenarios` is the list
 * of what can be asked.
 */
export type { ConversationSetup, ProbeRequest, RecordedPacket } from './conversation.js';
export type { DataOutcome } from './data.js';
export { type Comparison, compare, type KnownStack, knownStacks } from './known-reactions.js';
export type { JoinOutcome } from './joining.js';
export type { Opening } from './opening.js';
export { cameToThePoint, type Reaction, type ScenarioOutcome, type ScenarioResult } from './outcome.js';
export { type Finding, type FindingType, findingsOf, type Place, placeText } from './path/findings.js';
export { type Hop, type PathReport, PathRun } from './path/path-run.js';
export { defaultPathOptions, type PathEvidence, type PathOptions } from './path/path-script.js';
export { type Change, type ChangedField, changesIn } from './path/quote.js';
export type { HopAnswer, Trace, TraceKind } from './path/trace.js';
export { ProbeRun } from './run.js';
export type { Scenario } from './scenario.js';
export { findScenario, scenarios } from './scenarios/index.js';
export { ScriptRun } from './script.js';
export { drawSecrets, PORTS_OF_A_RUN, type ProbeSecrets } from './secrets.js';
export { defaultProbeSettings, type ProbeSettings } from './settings.js';
export { canJudge, judge, type Support, type Verdict } from './verdict.js';
export {
  errorText,
  flagsText,
  mptcpText,
  optionText,
  type PacketWords,
  packetWords,
  reactionText,
  resultSentences,
  toHex,
} from './words.js';
