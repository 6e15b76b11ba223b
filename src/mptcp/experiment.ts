/**
 * MP_EXPERIMENTAL: options for private use, between owners who agree on what they mean. The connection carries them and
 * reads nothing into them. Not reliable: what is lost is lost.
 * Read first: RFC 8684 §7.2 (the subtype is reserved for private use).
 */
import { SubflowError } from '../base/index.js';
import type { ConnectionCore } from './core.js';
import type { Subflow } from './subflow.js';

/** What an MP_EXPERIMENTAL carries. */
export interface ExperimentContent {
  /** Lower half of the third byte, 0 to 15. */
  readonly nibble: number;
  /** What follows it, at most {@link MAX_EXPERIMENT_BYTES}. */
  readonly body: Uint8Array;
}

/** Longest body that is sent: with it the option fits on an ACK beside TCP's timestamps. */
export const MAX_EXPERIMENT_BYTES = 25;
/** Options that wait for the owner to poll them; further ones are dropped. */
const MAX_WAITING = 16;

/**
 * Sends an MP_EXPERIMENTAL on `subflow` with the next segment that has no payload. False when the subflow cannot carry it
 * now. Throws `ERR_SUBFLOW_BAD_OPTION` when it is too long.
 */
export function sendExperiment(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  { nibble, body }: ExperimentContent,
): boolean {
  if (body.length > MAX_EXPERIMENT_BYTES || !Number.isInteger(nibble) || nibble < 0 || nibble > 15) {
    const message = `an experiment is a number from 0 to 15 and at most ${MAX_EXPERIMENT_BYTES} bytes`;
    throw new SubflowError('ERR_SUBFLOW_BAD_OPTION', message);
  }
  if (core.isFallback || core.phase !== 'open' || subflow.state !== 'active') return false;
  return subflow.enqueueOption(now, { subtype: 'MP_EXPERIMENTAL', nibble, body: body.slice() });
}

/** Hands one that came to the owner, if it wants them. */
export function handleExperiment(core: ConnectionCore, subflow: Subflow, content: ExperimentContent): void {
  if (!core.settings.hearExperiments || core.waitingExperiments >= MAX_WAITING) return;
  core.waitingExperiments++;
  core.tell({ type: 'experiment', subflow, nibble: content.nibble, body: content.body });
}
