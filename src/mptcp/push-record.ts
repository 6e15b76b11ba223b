/**
 * Hands one run of the stream to one subflow: how long it may be, and the mapping it gets. Who gets which is decided
 * elsewhere: send-push.ts, send-copies.ts, send-unblock.ts.
 * Read first: RFC 8684 §3.3.1.
 */
import { dssChecksum } from '../wire/index.js';
import type { ConnectionCore } from './core.js';
import { noteUse } from './metering.js';
import { isFirstRecord } from './options-out.js';
import { DataRecord } from './send-record.js';
import type { Subflow } from './subflow.js';

/** Most data a mapping can cover, a DATA_FIN counted as one: its length field has 16 bits, and 0 means infinite. */
const MAX_MAPPING_BYTES = 65_535;

/** Most bytes of one record on `subflow`: a super-segment when the device cuts them, else some segments; whole ones. */
export function recordLimit(core: ConnectionCore, subflow: Subflow): number {
  const mss = subflow.tcp.mss;
  // One less, so that a DATA_FIN fits on any record.
  const most = Math.min(
    subflow.maxOffloadBytes > 0 ? subflow.maxOffloadBytes : core.settings.maxMappingBytes,
    MAX_MAPPING_BYTES - 1,
  );
  return most > mss ? most - (most % mss) : most;
}

/** Makes the record of the `length` bytes at data offset `dataStart` and hands it to `subflow`. */
export function pushRecord(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  dataStart: number,
  length: number,
): void {
  const { sender } = core;
  const { tcp } = subflow;
  // Without offload the segments will be copied one by one.
  const unitBytes = subflow.maxOffloadBytes > 0 ? length : tcp.mss;
  const pieces = sender.queue.views(dataStart, length, unitBytes);
  const start = tcp.pushEnd;
  if (tcp.sndUna === start) subflow.outstandingSince = now;
  if (subflow.meter !== undefined) noteUse(core, subflow, length);
  if (core.isFallback) {
    tcp.push(now, new DataRecord(start, dataStart, pieces, length, plainInitial, false));
    return;
  }
  // MP_CAPABLE, which maps the first data, has no room to say that it is also the last (RFC 8684 §3.1).
  const isFirst = isFirstRecord(core, subflow, start);
  const hasFin = sender.isEnded && !isFirst && dataStart + length === sender.finAt;
  const record = new DataRecord(start, dataStart, pieces, length, core.localKeys!.initialSeq, hasFin);
  if (core.usesChecksum) {
    record.checksum = dssChecksum(
      { hi: record.seqHi, lo: record.seqLo },
      start - subflow.synBytesSent,
      record.mappingLength,
      pieces,
    );
  }
  tcp.push(now, record);
  subflow.keepRecord(record);
  if (hasFin) sender.isFinSent = true;
}

/** Records of plain TCP have no data sequence numbers. */
const plainInitial = { hi: 0, lo: 0 };
