/**
 * Addresses that go away: REMOVE_ADDR both ways. The peer's word alone closes nothing: a path whose address it withdraws
 * is probed first, and only silence ends it, so that nobody who forges the option can cut a path that works.
 * Read first: RFC 8684 §3.4.2.
 */
import { SubflowError } from '../base/index.js';
import { AddressBook, isAddressId } from './address-book.js';
import type { ConnectionCore } from './core.js';
import { reinjectUnacked } from './send-recovery.js';
import type { Subflow } from './subflow.js';
import { resetSubflow } from './subflow-end.js';

/** Address IDs in one option: as many as leave room for timestamps; the next ones go in another. */
const IDS_PER_OPTION = 16;
/** Unanswered probes after which a path whose address was withdrawn is gone. */
const MAX_PROBES = 3;

/** The probing of one subflow whose remote address was withdrawn. */
export interface RemovalCheck {
  /** When the withdrawal came, in ns: only what is heard after it shows that the path is alive. */
  readonly since: number;
  /** Probes sent. */
  probes: number;
  /** When the next probe, or the end, is due, in ns. */
  nextAt: number;
}

/**
 * Withdraws an own address ID, announced or only used by subflows; {@link sendRemovals} tells the peer. Throws
 * `ERR_SUBFLOW_BAD_ADDRESS_ID` for a number that is none.
 */
export function withdraw(core: ConnectionCore, id: number): void {
  if (!isAddressId(id)) {
    throw new SubflowError('ERR_SUBFLOW_BAD_ADDRESS_ID', `an address ID is 0 to 255, not ${id}`);
  }
  if (!core.isConfirmed || core.isFallback || core.phase === 'closed') return;
  const book = (core.addresses ??= new AddressBook());
  const index = book.local.findIndex((known) => known.id === id);
  if (index >= 0) book.local.splice(index, 1);
  if (!book.removals.includes(id)) book.removals.push(id);
}

/**
 * Sends the withdrawals that wait, as many as fit in one option, as soon as there is a subflow to carry them. They go ahead of
 * changes of priority: a peer that hears first of a subflow to use would fill it with new data, and only then hear what
 * the old one has lost.
 */
export function sendRemovals(core: ConnectionCore, now: number): void {
  const removals = core.addresses?.removals;
  if (removals === undefined || removals.length === 0) return;
  const subflow = core.carrier();
  if (subflow === undefined) return;
  joinWaiting(subflow, removals);
  while (removals.length > 0) {
    const addressIds = removals.slice(0, IDS_PER_OPTION);
    const at = placeIn(subflow);
    if (!subflow.enqueueOption(now, { subtype: 'REMOVE_ADDR', addressIds }, at)) return;
    removals.splice(0, addressIds.length);
  }
}

/** Where a withdrawal goes among the options that wait: behind all but changes of priority. */
function placeIn({ outbox = [] }: Subflow): number {
  let at = outbox.length;
  while (at > 0 && outbox[at - 1]!.subtype === 'MP_PRIO') at--;
  return at;
}

/** Puts withdrawals into the option that waits where they would, if it is one of them and has room. */
function joinWaiting(subflow: Subflow, removals: number[]): void {
  const { outbox } = subflow;
  const at = placeIn(subflow) - 1;
  const last = outbox?.[at];
  if (last?.subtype !== 'REMOVE_ADDR') return;
  const more = removals.splice(0, IDS_PER_OPTION - last.addressIds.length);
  outbox![at] = { ...last, addressIds: [...last.addressIds, ...more] };
}

/**
 * Takes a REMOVE_ADDR: the addresses are used for nothing new, and the subflows that use them are probed. Unknown IDs,
 * and those that were withdrawn already, are ignored (RFC 8684 §3.4.2).
 */
export function handleRemoveAddr(core: ConnectionCore, now: number, ids: readonly number[]): void {
  for (const id of ids) {
    const wasKnown = forget(core, id);
    let hadSubflow = false;
    for (const subflow of core.subflows) {
      if (subflow.remoteId === id && startCheck(core, now, subflow)) hadSubflow = true;
    }
    if (!wasKnown && !hadSubflow) continue;
    if (id === 0) (core.addresses ??= new AddressBook()).isInitialRemoved = true;
    core.tell({ type: 'address-removed', id });
    core.notePath({ type: 'address-removed', id });
  }
}

/** The peer announced an address, so that it may be withdrawn once more. */
export function noteAnnounced(core: ConnectionCore, id: number): void {
  for (const subflow of core.subflows) if (subflow.remoteId === id) subflow.isWithdrawn = false;
}

/** Strikes an announced address of the peer out; false when there is none of this ID. */
function forget(core: ConnectionCore, id: number): boolean {
  const remote = core.addresses?.remote;
  const index = remote?.findIndex((known) => known.id === id) ?? -1;
  if (index >= 0) remote!.splice(index, 1);
  return index >= 0;
}

/**
 * Begins to probe `subflow`, and lets others carry its data meanwhile, the first time at least: whoever repeats announcements
 * and withdrawals must not have everything sent twice. False when the address was withdrawn before, or it is pointless.
 */
function startCheck(core: ConnectionCore, now: number, subflow: Subflow): boolean {
  if (subflow.state === 'closed' || subflow.isWithdrawn) return false;
  subflow.isWithdrawn = true;
  if (subflow.state === 'opening' || subflow.state === 'joining') {
    resetSubflow(core, now, subflow, undefined);
    return true;
  }
  if (subflow.removalCheck !== undefined) return true;
  subflow.removalCheck = { since: now, probes: 0, nextAt: now };
  core.isUnsettled = true;
  if (!subflow.outlivedRemoval) {
    subflow.isSuspect = true;
    reinjectUnacked(core, subflow);
  }
  probe(now, subflow, subflow.removalCheck);
  return true;
}

/** RFC 8684 §3.4.2: a keep-alive first; what answers it is left to the peer to close. */
function probe(now: number, subflow: Subflow, check: RemovalCheck): void {
  check.nextAt = now + subflow.tcp.rtt.rtoNs * 2 ** check.probes;
  check.probes++;
  subflow.tcp.probe(now);
}

/** Probes again when it is time, or ends the check: the path was heard, or it is gone. */
export function continueCheck(core: ConnectionCore, now: number, subflow: Subflow): void {
  const check = subflow.removalCheck;
  if (check === undefined || now < check.nextAt) return;
  if (subflow.tcp.lastReceivedAt > check.since) {
    subflow.removalCheck = undefined;
    subflow.outlivedRemoval = true;
  } else if (check.probes < MAX_PROBES) {
    probe(now, subflow, check);
  } else {
    subflow.removalCheck = undefined;
    resetSubflow(core, now, subflow, undefined);
  }
}
