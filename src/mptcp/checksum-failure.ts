/**
 * What follows when a DSS checksum does not match: something on the path changes the payload. With other subflows the
 * bad one is reset and its data comes again elsewhere; the only subflow goes on as plain TCP.
 * Read first: RFC 8684 §3.7.
 */
import { uint64Add, uint64ToBigInt } from '../base/index.js';
import type { ConnectionCore } from './core.js';
import { fallBackAloud, mayFallBack } from './fallback.js';
import type { Mapping } from './receive-mapping.js';
import { ResetReason } from './reset-reason.js';
import type { Subflow } from './subflow.js';
import { resetSubflow } from './subflow-end.js';

/** The checksum of `mapping` did not match; its bytes are held by it. */
export function failChecksum(core: ConnectionCore, now: number, subflow: Subflow, mapping: Mapping): void {
  core.counters.checksumFailures++;
  if (!mayFallBack(core, subflow)) {
    mapping.held = undefined;
    subflow.failedSeq = dataSeqOf(core, mapping.dataStart);
    resetSubflow(core, now, subflow, ResetReason.MIDDLEBOX);
    return;
  }
  revert(core, now, subflow, mapping.dataStart, 'checksum');
}

/**
 * The peer sent MP_FAIL. On a subflow that it resets, the reset does the rest; on the only subflow both sides go on as
 * plain TCP, and it is told the same (RFC 8684 §3.7: the answer is an MP_FAIL in the other direction).
 */
export function handleFail(core: ConnectionCore, now: number, subflow: Subflow): void {
  if (subflow.tcp.state === 'closed') return;
  if (!mayFallBack(core, subflow)) {
    resetSubflow(core, now, subflow, ResetReason.MIDDLEBOX);
    return;
  }
  revert(core, now, subflow, core.receiver.next, 'peer-failed');
}

/** The peer's data sequence number of data offset `offset`. */
function dataSeqOf(core: ConnectionCore, offset: number): bigint {
  return uint64ToBigInt(uint64Add(core.remoteKeys!.initialSeq, offset));
}

/**
 * Falls back in the middle of the stream, at data offset `offset`: says so, and announces the infinite mapping with the
 * next data.
 */
function revert(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  offset: number,
  cause: 'checksum' | 'peer-failed',
): void {
  fallBackAloud(core, subflow, cause);
  core.pendingFail = dataSeqOf(core, offset);
  if (!core.rules.hasResetReason) core.farewellAck = offset;
  subflow.tcp.requestAck(now);
}
