/**
 * Addresses that the two hosts tell each other about: ADD_ADDR with its proof, echo and repetition. Which addresses to
 * tell and what to do with those heard is the path manager's matter; how they go away stands in address-removal.ts.
 * Read first: RFC 8684 §3.4.1.
 */
import { constantTimeEqual, isSameEndpoint } from '../wire/index.js';
import type { AddAddr, Endpoint, IpAddress } from '../wire/index.js';
import { AddressBook, isAddressId } from './address-book.js';
import type { Announcement } from './address-book.js';
import { noteAnnounced, sendRemovals } from './address-removal.js';
import type { ConnectionCore } from './core.js';
import type { Subflow } from './subflow.js';

/**
 * Announces an address; false when the state or a limit forbids it, or the ID stands for another one. An ID that was
 * announced before may be announced again, to have the peer try it again, and may change its port (RFC 8684 §3.4.1).
 */
export function announce(core: ConnectionCore, now: number, endpoint: Endpoint, id: number): boolean {
  if (!core.isConfirmed || core.isFallback || core.phase === 'closed') return false;
  if (!mayStandFor(core, endpoint.address, id)) return false;
  const book = (core.addresses ??= new AddressBook());
  const announcement = enter(core, book, now, endpoint, id);
  if (announcement === undefined) return false;
  // RFC 8684 §3.4.1: an ID that stood for another address is withdrawn before.
  sendRemovals(core, now);
  sendAnnouncement(core, now, announcement);
  return true;
}

/** Whether `id` is one, and not the one of the initial address for another address. */
function mayStandFor(core: ConnectionCore, address: IpAddress, id: number): boolean {
  if (!isAddressId(id)) return false;
  return id !== 0 || address.equals(core.tuple.local.address);
}

/** The entry of an own address, a new one or that of the same ID and address; undefined when it may not be. */
function enter(
  core: ConnectionCore,
  book: AddressBook,
  now: number,
  { address, port }: Endpoint,
  id: number,
): Announcement | undefined {
  const known = book.local.find((own) => own.id === id);
  if (known !== undefined) {
    if (!known.address.equals(address)) return undefined;
    known.port = port;
    known.sent = 0;
    return known;
  }
  if (book.local.length >= core.settings.maxAnnouncedAddresses) return undefined;
  const announcement = { id, address, port, sent: 0, nextAt: now };
  book.local.push(announcement);
  return announcement;
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

/** Takes an ADD_ADDR: an echo of ours, or an announcement of the peer, believed only with the right proof. */
export function handleAddAddr(core: ConnectionCore, now: number, subflow: Subflow, option: AddAddr): void {
  if (core.remoteKeys === undefined) return;
  if (option.echo) {
    if (core.rules.echoesAnnouncements) noteEcho(core, option);
    return;
  }
  if (!core.settings.heedAnnouncements) return;
  const { addressId, address, port = 0 } = option;
  if (!isProven(core, option)) {
    // RFC 8684 §3.4.1: without a valid HMAC it is ignored in silence.
    core.counters.hmacFailures++;
    return;
  }
  // What has the layout of another version is no announcement of this connection's.
  if (option.version !== core.rules.number) return;
  // Nobody can be reached at a group or at no address.
  if (address.isMulticast || address.isUnspecified) return;
  const endpoint = { address, port: port === 0 ? core.initialRemote.port : port };
  const book = (core.addresses ??= new AddressBook());
  const outcome = learn(core, book, addressId, endpoint);
  // RFC 8684 §3.4.1: an ID is withdrawn before it stands for another address. Without an echo the peer notices.
  if (outcome === 'clash') return;
  echo(core, now, subflow, option);
  if (outcome === 'ignored') return;
  noteAnnounced(core, addressId);
  if (outcome === 'new') core.tell({ type: 'address-announced', id: addressId, address, port });
  core.notePath({ type: 'address-announced', id: addressId });
}

function noteEcho(core: ConnectionCore, { addressId, address, port = 0 }: AddAddr): void {
  const known = core.addresses?.local.find(
    (own) => own.id === addressId && own.port === port && own.address.equals(address),
  );
  if (known !== undefined) known.nextAt = Number.POSITIVE_INFINITY;
}

/** Whether an announcement has the proof that the version asks for. */
function isProven(core: ConnectionCore, { addressId, address, port = 0, hmac }: AddAddr): boolean {
  const announced = { addressId, address, port };
  const proof = core.rules.announcementProof(core.remoteKeys!.key, core.localKeys!.key, announced);
  return proof === undefined || (hmac !== undefined && constantTimeEqual(proof, hmac));
}

/** Confirms an announcement (RFC 8684 §3.4.1: word for word, but for the HMAC); version 0 has no such thing. */
function echo(core: ConnectionCore, now: number, subflow: Subflow, option: AddAddr): void {
  if (!core.rules.echoesAnnouncements) return;
  const { addressId, address, port } = option;
  const repetition = { addressId, address, ...(port !== undefined && { port }) };
  subflow.enqueueOption(now, { subtype: 'ADD_ADDR', version: 1, echo: true, ...repetition });
}

/**
 * Enters an announced address. `new`: it may be connected to from now on; `again`: it was known, and may be tried again;
 * `ignored`: there is no use or no room for it; `clash`: its ID stands for another address.
 */
function learn(
  core: ConnectionCore,
  book: AddressBook,
  id: number,
  endpoint: Endpoint,
): 'new' | 'again' | 'ignored' | 'clash' {
  const isInitial = isSameEndpoint(endpoint, core.initialRemote);
  if (id === 0) {
    if (!endpoint.address.equals(core.initialRemote.address)) return 'clash';
    if (!isInitial || core.peerForbidsInitial) return 'ignored';
    const outcome = book.isInitialRemoved ? 'new' : 'again';
    book.isInitialRemoved = false;
    return outcome;
  }
  const index = book.remote.findIndex((remote) => remote.id === id);
  const known = book.remote[index];
  if (known !== undefined && !known.address.equals(endpoint.address)) return 'clash';
  if (known?.port === endpoint.port) return 'again';
  // The initial address under another ID is no other address; with flag C it stays forbidden (RFC 8684 §3.1).
  const isKnownElsewhere =
    (isInitial && (core.peerForbidsInitial || !book.isInitialRemoved)) ||
    book.remote.some((remote) => isSameEndpoint(remote, endpoint));
  if (isKnownElsewhere) return 'ignored';
  if (known !== undefined) book.remote[index] = { id, ...endpoint };
  else if (book.remote.length < core.settings.maxAcceptedAddresses) book.remote.push({ id, ...endpoint });
  else return 'ignored';
  return 'new';
}
