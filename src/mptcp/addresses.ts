/**
 * Addresses that the two hosts tell each other about: ADD_ADDR with its proof, echo and repetition, REMOVE_ADDR, and
 * MP_PRIO. Which addresses to tell and what to do with those heard is the path manager's matter.
 * Read first: RFC 8684 §3.3.8 and §3.4.
 */
import { constantTimeEqual } from '../wire/index.js';
import type { AddAddr, Endpoint, IpAddress, MpPrio } from '../wire/index.js';
import type { ConnectionCore } from './core.js';
import type { RemoteAddress } from './path-manager/path-manager.js';
import type { Subflow } from './subflow.js';
import { resetSubflow } from './subflow-end.js';

/** An address of this host that was announced. */
interface Announcement {
  readonly id: number;
  readonly address: IpAddress;
  /** 0 when none was announced. */
  readonly port: number;
  /** How often it was sent. */
  sent: number;
  /** When it is sent again, in ns; Infinity once it was echoed or given up. */
  nextAt: number;
}

/** What both sides announced, for one connection. */
export class AddressBook {
  /** Own addresses, announced and not withdrawn. */
  readonly local: Announcement[] = [];
  /** Addresses of the peer, announced and not withdrawn. */
  readonly remote: RemoteAddress[] = [];
  /** Own address IDs to withdraw as soon as a subflow can carry it. */
  readonly removals: number[] = [];

  /** When the next announcement is due to be repeated, in ns. */
  get nextAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const announcement of this.local) at = Math.min(at, announcement.nextAt);
    return at;
  }
}

/** Announces an address; false when the state or a limit forbids it, or the ID stands for another one. */
export function announce(core: ConnectionCore, now: number, endpoint: Endpoint, id: number): boolean {
  if (!core.isConfirmed || core.isFallback || core.phase === 'closed') return false;
  if (id < 1 || id > 255) return false;
  const book = (core.addresses ??= new AddressBook());
  if (book.local.some((known) => known.id === id)) return false;
  if (book.local.length >= core.settings.maxAnnouncedAddresses) return false;
  const { address, port } = endpoint;
  const announcement = { id, address, port, sent: 0, nextAt: now };
  book.local.push(announcement);
  const withdrawn = book.removals.indexOf(id);
  if (withdrawn >= 0) book.removals.splice(withdrawn, 1);
  sendAnnouncement(core, now, announcement);
  return true;
}

function sendAnnouncement(core: ConnectionCore, now: number, announcement: Announcement): void {
  const subflow = core.carrier();
  announcement.nextAt = now + core.settings.addAddrTimeoutNs * 2 ** announcement.sent;
  if (subflow === undefined) return;
  announcement.sent++;
  const { id, address, port } = announcement;
  const hmac = core.rules.announcementProof(core.localKeys!.key, core.remoteKeys!.key, {
    addressId: id,
    address,
    port,
  });
  subflow.enqueueOption(now, {
    subtype: 'ADD_ADDR',
    version: core.rules.number,
    echo: false,
    addressId: id,
    address,
    ...(port !== 0 && { port }),
    ...(hmac !== undefined && { hmac }),
  });
}

/** The peer joined at `endpoint`: where announcements are not echoed, that is how one is known to have arrived. */
export function noteJoinedAt(core: ConnectionCore, endpoint: Endpoint): void {
  if (core.addresses === undefined || core.rules.echoesAnnouncements) return;
  for (const announcement of core.addresses.local) {
    if (announcement.address.equals(endpoint.address)) announcement.nextAt = Number.POSITIVE_INFINITY;
  }
}

/**
 * Sends again what was not echoed in time, or in version 0, which has no echo, what no join answered; after the last try
 * the announcement rests, still in force.
 */
export function repeatAnnouncements(core: ConnectionCore, now: number): void {
  const book = core.addresses;
  if (book === undefined) return;
  for (const announcement of book.local) {
    if (now < announcement.nextAt) continue;
    if (announcement.sent > core.settings.addAddrRetries) announcement.nextAt = Number.POSITIVE_INFINITY;
    else sendAnnouncement(core, now, announcement);
  }
}

/** Withdraws an own address ID, announced or only used by subflows; {@link sendRemovals} tells the peer. */
export function withdraw(core: ConnectionCore, id: number): void {
  if (!core.isConfirmed || core.isFallback || core.phase === 'closed') return;
  const book = (core.addresses ??= new AddressBook());
  const index = book.local.findIndex((known) => known.id === id);
  if (index >= 0) book.local.splice(index, 1);
  if (!book.removals.includes(id)) book.removals.push(id);
}

/** Sends the withdrawals that wait, all in one option, as soon as there is a subflow to carry it. */
export function sendRemovals(core: ConnectionCore, now: number): void {
  const removals = core.addresses?.removals;
  if (removals === undefined || removals.length === 0) return;
  const subflow = core.carrier();
  if (subflow === undefined) return;
  subflow.enqueueOption(now, { subtype: 'REMOVE_ADDR', addressIds: removals.splice(0, removals.length) });
}

/** Takes an ADD_ADDR: an echo of ours, or an announcement of the peer, believed only with the right proof. */
export function handleAddAddr(core: ConnectionCore, now: number, subflow: Subflow, option: AddAddr): void {
  if (core.remoteKeys === undefined) return;
  if (option.echo) {
    const known = core.addresses?.local.find(
      (own) => own.id === option.addressId && own.address.equals(option.address),
    );
    if (known !== undefined) known.nextAt = Number.POSITIVE_INFINITY;
    return;
  }
  if (!core.settings.heedAnnouncements) return;
  const { addressId, address, port = 0 } = option;
  const proof = core.rules.announcementProof(core.remoteKeys.key, core.localKeys!.key, {
    addressId,
    address,
    port,
  });
  if (proof !== undefined && (option.hmac === undefined || !constantTimeEqual(proof, option.hmac))) {
    // RFC 8684 §3.4.1: without a valid HMAC it is ignored in silence.
    core.counters.hmacFailures++;
    return;
  }
  // What has the layout of another version is no announcement of this connection's.
  if (option.version !== core.rules.number) return;
  // ID 0 is the initial address for good, and nobody can be reached at a group or at no address.
  if (addressId === 0 || address.isMulticast || address.isUnspecified) return;
  const book = (core.addresses ??= new AddressBook());
  const known = book.remote.find((remote) => remote.id === addressId);
  const connectPort = port === 0 ? core.initialRemote.port : port;
  if (known !== undefined && !(known.address.equals(address) && known.port === connectPort)) return;
  if (core.rules.echoesAnnouncements) {
    subflow.enqueueOption(now, {
      subtype: 'ADD_ADDR',
      version: option.version,
      echo: true,
      addressId,
      address,
      ...(option.port !== undefined && { port }),
    });
  }
  if (known !== undefined || book.remote.length >= core.settings.maxAcceptedAddresses) return;
  book.remote.push({ id: addressId, address, port: connectPort });
  core.tell({ type: 'address-announced', id: addressId, address, port });
  core.notePath({ type: 'address-announced', id: addressId });
}

/** Takes a REMOVE_ADDR: forgets the addresses and gives up the subflows that use them (RFC 8684 §3.4.2). */
export function handleRemoveAddr(core: ConnectionCore, now: number, ids: readonly number[]): void {
  for (const id of ids) {
    const remote = core.addresses?.remote;
    const index = remote?.findIndex((known) => known.id === id) ?? -1;
    if (index >= 0) remote!.splice(index, 1);
    let hadSubflow = false;
    for (const subflow of core.subflows) {
      if (subflow.remoteId !== id || subflow.state === 'closed') continue;
      hadSubflow = true;
      resetSubflow(core, now, subflow, undefined);
    }
    if (index < 0 && !hadSubflow) continue;
    core.tell({ type: 'address-removed', id });
    core.notePath({ type: 'address-removed', id });
  }
}

/**
 * Takes an MP_PRIO: it concerns the subflow it came on, and no other (RFC 8684 §3.3.8). In version 0 it may name an
 * address of its sender instead, and then concerns every subflow from there (RFC 6824 §3.3.8); see the setting for why
 * that is ignored unless asked for.
 */
export function handlePriority(core: ConnectionCore, subflow: Subflow, option: MpPrio): void {
  const { backup, addressId } = option;
  if (addressId === undefined) {
    notePriority(core, subflow, backup);
    return;
  }
  if (!core.rules.hasPriorityForAddress || !core.settings.acceptPriorityForAddress) return;
  for (const other of core.subflows) {
    if (other.remoteId === addressId && other.state === 'active') notePriority(core, other, backup);
  }
}

function notePriority(core: ConnectionCore, subflow: Subflow, backup: boolean): void {
  if (subflow.peerBackup === backup) return;
  subflow.peerBackup = backup;
  core.maySchedule = true;
  core.tell({ type: 'subflow-priority', subflow, peerBackup: backup });
}

/** Changes this side's wish for a subflow and tells the peer. */
export function setPriority(core: ConnectionCore, now: number, subflow: Subflow, backup: boolean): void {
  if (subflow.backup === backup) return;
  subflow.backup = backup;
  core.maySchedule = true;
  if (core.isFallback || subflow.state !== 'active') return;
  subflow.enqueueOption(now, { subtype: 'MP_PRIO', backup });
}
