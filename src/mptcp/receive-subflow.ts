/**
 * From a subflow's stream to data: takes mappings as they are declared and bytes as TCP delivers them, and brings the
 * two together. Bytes whose mapping is not known are held for a while; bytes under a checksum until it is verified.
 * Read first: RFC 8684 §3.3.1, §3.3.3 and §3.7.
 */
import { uint64Add } from '../base/index.js';
import { verifyDssChecksum } from '../wire/index.js';
import { failChecksum } from './checksum-failure.js';
import type { ConnectionCore } from './core.js';
import { fallBackAloud, mayFallBack, receiveStream } from './fallback.js';
import type { Mapping, MappingTable } from './receive-mapping.js';
import { ResetReason } from './reset-reason.js';
import type { Subflow } from './subflow.js';
import { resetSubflow } from './subflow-end.js';

/** Most separate runs held until a mapping covers them. */
const MAX_UNMAPPED_RUNS = 256;

/** Takes a mapping of `subflow`; one that contradicts what is known resets the subflow. */
export function declareMapping(core: ConnectionCore, now: number, subflow: Subflow, mapping: Mapping): void {
  if (mapping.dataFin && !noteDataFin(core, now, subflow, mapping.dataStart + mapping.length)) return;
  const waiting = subflow.mappings?.unmappedBytes ?? 0;
  if (mapping.start + mapping.length <= subflow.tcp.rcvDelivered && waiting === 0) return;
  // RFC 8684 §3.3: no checksum where one was agreed on breaks the subflow.
  if (core.usesChecksum && mapping.checksum < 0) {
    resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
    return;
  }
  const table = subflow.mappingTable();
  const result = table.declare(mapping, core.settings.maxMappings);
  if (result === 'conflict') resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
  else if (result === 'full') resetSubflow(core, now, subflow, ResetReason.LACK_OF_RESOURCES);
  else if (result === 'added' && waiting > 0) {
    for (const run of table.takeUnmapped(mapping)) receiveMapped(core, now, subflow, run.start, run.bytes);
  }
}

/** Takes the peer's DATA_FIN at data offset `at`; false when it contradicts what came before. */
export function noteDataFin(core: ConnectionCore, now: number, subflow: Subflow, at: number): boolean {
  if (!core.receiver.noteFin(at)) {
    resetSubflow(core, now, subflow, ResetReason.MPTCP_ERROR);
    return false;
  }
  // Acknowledged at once, also when it comes again because the acknowledgment was lost.
  if (core.receiver.isFinished) subflow.tcp.requestAck(now);
  return true;
}

/** Takes everything that TCP has in order. */
export function receiveBytes(core: ConnectionCore, now: number, subflow: Subflow): void {
  const { tcp } = subflow;
  core.hasWindowMoved = true;
  let at = tcp.rcvDelivered;
  for (let bytes = tcp.pollReceive(); bytes !== undefined; bytes = tcp.pollReceive()) {
    if (core.isFallback) receiveStream(core, subflow, at, bytes);
    else receiveMapped(core, now, subflow, at, bytes);
    at = tcp.rcvDelivered;
  }
}

/** Takes a run of the subflow's stream: each part of it goes where its mapping says. */
function receiveMapped(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  start: number,
  bytes: Uint8Array,
): void {
  const end = start + bytes.length;
  for (let at = start; at < end;) {
    if (subflow.tcp.state === 'closed') return;
    if (core.isFallback) {
      receiveStream(core, subflow, at, bytes.subarray(at - start));
      return;
    }
    const table = subflow.mappingTable();
    const mapping = table.find(at);
    const to = Math.min(end, mapping === undefined ? table.nextStart(at) : mapping.start + mapping.length);
    const part = at === start && to === end ? bytes : bytes.subarray(at - start, to - start);
    if (mapping === undefined) hold(core, now, subflow, table, at, part);
    else if (mapping.checksum >= 0) receiveChecked(core, now, subflow, mapping, part);
    else deliver(core, subflow, mapping.dataStart + (at - mapping.start), part);
    at = to;
  }
  subflow.mappings?.release(end);
}

/**
 * Holds bytes that no mapping covers. Before any data came with a DSS they mean that the path strips it
 * (RFC 8684 §3.7), even if it lets one pass where there is no data.
 */
function hold(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  table: MappingTable,
  start: number,
  bytes: Uint8Array,
): void {
  table.unmapped.push({ start, bytes });
  table.unmappedBytes += bytes.length;
  if (!core.hadSignalWithData && mayFallBack(core, subflow)) {
    fallBackAloud(core, subflow, 'no-data-sequence-signal');
  } else if (
    table.unmappedBytes > core.settings.maxUnmappedBytes ||
    table.unmapped.length > MAX_UNMAPPED_RUNS
  ) {
    // RFC 8684 §3.7: a subflow whose mappings do not come is broken: something on the path strips them.
    resetSubflow(core, now, subflow, ResetReason.MIDDLEBOX);
  }
}

/** Holds bytes until all of their mapping has come, then verifies its checksum (RFC 8684 §3.3.1). */
function receiveChecked(
  core: ConnectionCore,
  now: number,
  subflow: Subflow,
  mapping: Mapping,
  bytes: Uint8Array,
): void {
  const held = (mapping.held ??= []);
  held.push(bytes);
  mapping.heldBytes += bytes.length;
  if (mapping.heldBytes < mapping.length) return;
  const seq = uint64Add(core.remoteKeys!.initialSeq, mapping.dataStart);
  const declared = mapping.dataFin ? mapping.length + 1 : mapping.length;
  const subflowSeq = (mapping.start - subflow.synBytesReceived) >>> 0;
  if (!verifyDssChecksum(seq, subflowSeq, declared, held, mapping.checksum)) {
    failChecksum(core, now, subflow, mapping);
    return;
  }
  mapping.held = undefined;
  let at = mapping.dataStart;
  for (const piece of held) {
    deliver(core, subflow, at, piece);
    at += piece.length;
  }
}

function deliver(core: ConnectionCore, subflow: Subflow, dataAt: number, bytes: Uint8Array): void {
  const { receiver, counters } = core;
  receiver.deliver(dataAt, bytes);
  const { fresh, dropped } = receiver.delivery;
  subflow.bytesReceived += fresh;
  counters.bytesReceived += fresh;
  counters.droppedBytes += dropped;
  counters.duplicateBytes += bytes.length - fresh - dropped;
}
