/**
 * What the analyser has to say to a person: rules that read the finished report and give sentences. A rule looks at one
 * connection, or at the capture as a whole; it keeps nothing. New ones are entered in the list here, their codes in codes.ts.
 */
import { addressRule } from './addresses.js';
import { backupRule } from './backup.js';
import { captureRule } from './capture-making.js';
import { fallbackRule } from './fallback.js';
import { flowRule } from './flow.js';
import { handshakeRule } from './handshakes.js';
import { joinRule } from './joins.js';
import { middleboxRule } from './middleboxes.js';
import { pathRule } from './paths.js';
import type { FindingRule } from './rule.js';
import { signalRule } from './signals.js';

export { type FindingCode, findingCodes } from './codes.js';
export type { FindingRule } from './rule.js';

/** All rules, in the order in which their findings are given. */
export const findingRules: readonly FindingRule[] = [
  fallbackRule,
  handshakeRule,
  joinRule,
  addressRule,
  backupRule,
  signalRule,
  flowRule,
  pathRule,
  middleboxRule,
  captureRule,
];
