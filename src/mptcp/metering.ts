/**
 * Counts what goes over metered links, and ends the subflows there when the limit is reached. New data is handed out only as
 * far as the limit reaches, so that what still leaves is nothing; one segment that is sent again may go beyond it, and so
 * does what the peer had sent by then. Payload is counted, in both directions, as often as it passes.
 */
import { MeteredAccount, type MeteredLimit } from '../policy/index.js';
import type { ConnectionCore } from './core.js';
import { ResetReason } from './reset-reason.js';
import type { Subflow } from './subflow.js';
import { resetSubflow } from './subflow-end.js';

/** The smallest segment size that a peer may insist on without saying so (RFC 9293 §3.7.1). */
const LEAST_SEGMENT_BYTES = 536;

/** The account of one connection, and whether what is left of it is still worth a segment. */
export class Meter extends MeteredAccount {
  isSpent: boolean;

  constructor(limit: MeteredLimit) {
    super(limit);
    this.isSpent = this.leftBytes < LEAST_SEGMENT_BYTES;
  }
}

/** Says which subflows the limit holds for: those from addresses on metered links. A subflow whose address is gone stays as it is. */
export function assignMeters(core: ConnectionCore): void {
  const { meter, paths } = core;
  if (meter === undefined || paths === undefined) return;
  for (const subflow of core.subflows) {
    const local = paths.localAddresses.find(({ address }) => address.equals(subflow.local.address));
    if (local === undefined) continue;
    subflow.meter = local.link?.facts.isMetered === true ? meter : undefined;
    if (subflow.meter !== undefined) noteUse(core, subflow, 0);
  }
}

/** Counts `bytes` that went over a subflow that has a meter. */
export function noteUse(core: ConnectionCore, subflow: Subflow, bytes: number): void {
  const meter = subflow.meter!;
  meter.usedBytes += bytes;
  if (meter.isSpent || meter.leftBytes >= subflow.tcp.mss) return;
  meter.isSpent = true;
  core.notePath({ type: 'metered-spent' });
}

/** Ends the subflows on metered links once the limit is reached. */
export function enforceLimit(core: ConnectionCore, now: number): void {
  if (core.meter?.isSpent !== true) return;
  for (const subflow of core.subflows) {
    if (subflow.meter === undefined || subflow.state === 'closed') continue;
    subflow.isRelinquished = true;
    // Not in order: that would still send what waits. The reason keeps the peer from taking it for the connection's end.
    resetSubflow(core, now, subflow, ResetReason.PROHIBITED, true);
  }
}
