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
  const dataSeq = uint64ToBigInt(uint64Add(core.remoteKeys!.initialSeq, mapping.dataStart));
  if (!mayFallBack(core, subflow)) {
    mapping.held = undefined;
    subflow.failedSeq = dataSeq;
    resetSubflow(core, now, subflow, ResetReason.MIDDLEBOX);
    return;
  }
  revert(core, now, subflow, dataSeq, 'checksum');
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
  const own = uint64ToBigInt(uint64Add(core.remoteKeys!.initialSeq, core.receiver.next));
  revert(core, now, subflow, own, 'peer-failed');
}

/** Falls back in the middle of the stream: says so, and announces the infinite mapping with the next data. */
function revert(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  dataSeq: bigint,
  cause: 'checksum' | 'peer-failed',
): void {
  fallBackAloud(core, subflow, cause);
  core.pendingFail = dataSeq;
  subflow.tcp.requestAck(now);
}
