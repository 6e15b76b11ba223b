/**
 * Shows the path manager how things stand and carries out what it decides: asks the owner for subflows, lets pairs of
 * addresses rest that failed, announces and withdraws. Makes no decision of its own but the limits.
 */
import { MILLISECOND, NEVER, RateLimiter, SECOND } from '../base/index.js';
import type { Endpoint, IpAddress } from '../wire/index.js';
import { isSameEndpoint } from '../wire/index.js';
import { withdraw } from './address-removal.js';
import { announce } from './addresses.js';
import type { ConnectionCore } from './core.js';
import { localIdOf } from './local-id.js';
import { Meter, assignMeters, enforceLimit } from './metering.js';
import type {
  LocalAddress,
  PathAction,
  PathManager,
  PathState,
  PathView,
  RemoteAddress,
} from './path-manager/path-manager.js';
import { setPriority } from './priority.js';
import { ResetReason } from './reset-reason.js';
import type { MptcpSettings } from './settings.js';
import type { Subflow } from './subflow.js';
import { closeSubflow, resetSubflow } from './subflow-end.js';
import { restFactor } from './subflow-retry.js';

/** Most doublings of the rest that a failed pair gets. */
const MAX_BACKOFF = 6;
/** Least time between two questions to a path manager that nothing but the time led to, in ns. */
const MIN_WAKE_NS = MILLISECOND;
/** Most pairs of addresses remembered; a further one takes the place of one that failed and does not rest. */
const MAX_PAIRS = 64;

/** A pair of addresses that was asked for or failed. */
interface PathAttempt {
  readonly local: IpAddress;
  readonly remote: Endpoint;
  /**
   * `asked`: the owner was asked for it; `open`: there is a subflow; `resting`: it failed; `barred`: it failed for good,
   * unless the peer announces the address again.
   */
  state: 'asked' | 'open' | 'resting' | 'barred';
  /** When the pair may be tried again, in ns; without meaning while it is open or barred. */
  until: number;
  /** Failures in a row. */
  failures: number;
}

/** The path manager of one connection and what is kept for it. */
export class PathKeeper {
  readonly manager: PathManager;
  /** Addresses of this host, as the owner told them last. */
  localAddresses: readonly LocalAddress[];
  /** At most one for each pair of addresses, and {@link MAX_PAIRS} in all. */
  attempts: PathAttempt[] = [];
  /** How often the owner may be asked for a subflow to an address that the peer announced. */
  readonly announcedJoins: RateLimiter;
  /** When the manager was last asked, in ns. */
  askedAt = Number.NEGATIVE_INFINITY;
  /** Bytes of the stream that had moved by then. */
  movedBytes = 0;

  constructor(
    manager: PathManager,
    localAddresses: readonly LocalAddress[],
    { announcedJoinBurst, announcedJoinIntervalNs }: MptcpSettings,
  ) {
    this.manager = manager;
    this.announcedJoins = new RateLimiter(SECOND / announcedJoinIntervalNs, announcedJoinBurst);
    this.localAddresses = localAddresses;
  }

  /** When the next pair may be tried again, in ns. */
  get nextAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { state, until } of this.attempts) {
      if (state === 'asked' || state === 'resting') at = Math.min(at, until);
    }
    return at;
  }
}

/** Notes which addresses this host has now. */
export function setLocalAddresses(core: ConnectionCore, addresses: readonly LocalAddress[]): void {
  if (core.isFallback || core.phase === 'closed') return;
  const paths = (core.paths ??= new PathKeeper(core.settings.pathManager(), addresses, core.settings));
  paths.localAddresses = addresses;
  if (core.settings.metered !== undefined) core.meter ??= new Meter(core.settings.metered);
  assignMeters(core);
  // An address that comes back is a new chance for its pairs.
  paths.attempts = paths.attempts.filter((attempt) =>
    addresses.some((local) => local.address.equals(attempt.local)),
  );
  core.notePath({ type: 'local-addresses' });
}

/** Asks the path manager about everything that happened. Nothing before the owner told the local addresses. */
export function runPathManager(core: ConnectionCore, now: number): void {
  for (let event = core.pathEvents?.shift(); event !== undefined; event = core.pathEvents?.shift()) {
    const paths = core.paths;
    if (paths === undefined || !mayManage(core)) continue;
    assignMeters(core);
    enforceLimit(core, now);
    if (event.type === 'subflow-opened') notePair(paths, event.subflow, true, now, 0);
    if (event.type === 'subflow-closed')
      notePair(paths, event.subflow, false, now, restNsAfter(core, event.subflow));
    if (event.type === 'address-announced') unbar(core, paths, now, event.id);
    paths.askedAt = now;
    paths.movedBytes = movedBytes(core);
    const view = viewOf(core, paths, now);
    for (const action of paths.manager.decide(event, view)) perform(core, paths, now, action);
  }
  core.pathEvents = undefined;
}

/** Whether the path manager is asked at all: joins are allowed. */
function mayManage(core: ConnectionCore): boolean {
  return core.mayJoin && !core.isFallback && core.phase === 'open';
}

/** Bytes of the stream that moved so far, in both directions. */
function movedBytes({ counters }: ConnectionCore): number {
  return counters.bytesSent + counters.bytesReceived;
}

/** When the path manager wants to be asked again, in ns; in the past where it waits for data, and data moved. */
function managerDueAt(core: ConnectionCore, paths: PathKeeper): number {
  const { wakeAt, wakesOnProgress } = paths.manager;
  if (wakeAt === undefined || !mayManage(core)) return NEVER;
  const soonest = paths.askedAt + MIN_WAKE_NS;
  if (wakesOnProgress === true && paths.movedBytes !== movedBytes(core)) return soonest;
  return Math.max(soonest, wakeAt);
}

/** When something about paths is due, in ns. */
export function pathsDueAt(core: ConnectionCore): number {
  const { paths } = core;
  return paths === undefined ? NEVER : Math.min(paths.nextAt, managerDueAt(core, paths));
}

/** Asks the path manager when it is time, and ends the rest of pairs that have rested enough. */
export function wakePaths(core: ConnectionCore, now: number): void {
  const { paths } = core;
  if (paths === undefined) return;
  wakePairs(core, paths, now);
  if (now >= managerDueAt(core, paths)) core.notePath({ type: 'time' });
}

function wakePairs(core: ConnectionCore, paths: PathKeeper, now: number): void {
  if (now < paths.nextAt) return;
  for (const attempt of paths.attempts) {
    if (attempt.state === 'open' || attempt.state === 'barred' || now < attempt.until) continue;
    attempt.until = Number.POSITIVE_INFINITY;
    attempt.state = 'resting';
    core.notePath({ type: 'retry' });
  }
}

/** The owner opens a subflow on a pair: it no longer counts as asked for. */
export function takePair(core: ConnectionCore, local: IpAddress, remote: Endpoint): void {
  const attempt = core.paths?.attempts.find((known) => isPair(known, local, remote));
  if (attempt !== undefined) attempt.state = 'open';
}

/** The owner could not open a subflow: its pair rests. */
export function refusePair(core: ConnectionCore, now: number, local: IpAddress, remote: Endpoint): void {
  const attempt = core.paths?.attempts.find((known) => isPair(known, local, remote));
  if (attempt !== undefined) rest(attempt, now, core.settings.retrySubflowNs);
}

function isPair(attempt: PathAttempt, local: IpAddress, remote: Endpoint): boolean {
  return (
    attempt.local.equals(local) &&
    attempt.remote.port === remote.port &&
    attempt.remote.address.equals(remote.address)
  );
}

/** How long the pair of `subflow`, which ended, rests the first time, in ns; Infinity when it is not to be tried again. */
function restNsAfter(core: ConnectionCore, subflow: Subflow): number {
  if (subflow.isUnwanted) return Number.POSITIVE_INFINITY;
  const { closeReason = 'normal', resetReason, resetTransient, wasOpened, remote } = subflow;
  const isToAnnounced =
    subflow.join?.isActive === true &&
    core.addresses?.remote.some((announced) => isSameEndpoint(announced, remote)) === true;
  const loss = { closeReason, resetReason, resetTransient, wasOpened, isToAnnounced };
  return core.settings.retrySubflowNs * restFactor(loss);
}

/** The peer announced an address once more: that is a new chance for its pairs, after the rest that they are due. */
function unbar(core: ConnectionCore, paths: PathKeeper, now: number, id: number): void {
  const announced = id === 0 ? core.initialRemote : core.addresses?.remote.find((remote) => remote.id === id);
  if (announced === undefined) return;
  for (const attempt of paths.attempts) {
    const { state, remote } = attempt;
    if (state !== 'barred' || !isSameEndpoint(remote, announced)) continue;
    rest(attempt, now, core.settings.retrySubflowNs);
  }
}

function rest(attempt: PathAttempt, now: number, restNs: number): void {
  attempt.state = restNs === Number.POSITIVE_INFINITY ? 'barred' : 'resting';
  attempt.until = now + restNs * 2 ** Math.min(attempt.failures, MAX_BACKOFF);
  attempt.failures++;
}

/**
 * Whether one more pair can be remembered. Forgotten for it is the oldest that may be tried again at any time, or never:
 * without that, a peer whose addresses change would in the end have none that is tried.
 */
function makeRoom({ attempts }: PathKeeper): boolean {
  if (attempts.length < MAX_PAIRS) return true;
  const index = attempts.findIndex(
    ({ state, until }) => state === 'barred' || (state === 'resting' && until === Number.POSITIVE_INFINITY),
  );
  if (index >= 0) attempts.splice(index, 1);
  return index >= 0;
}

/** Notes that the pair of `subflow` is open, or has to rest because it ended. */
function notePair(paths: PathKeeper, subflow: Subflow, isOpen: boolean, now: number, restNs: number): void {
  const local = subflow.local.address;
  if (!isOpen && subflow.isRelinquished) {
    paths.attempts = paths.attempts.filter((known) => !isPair(known, local, subflow.remote));
    return;
  }
  let attempt = paths.attempts.find((known) => isPair(known, local, subflow.remote));
  if (attempt === undefined) {
    if (!makeRoom(paths)) return;
    attempt = { local, remote: subflow.remote, state: 'open', until: 0, failures: 0 };
    paths.attempts.push(attempt);
  }
  if (!isOpen) {
    rest(attempt, now, restNs);
    return;
  }
  attempt.state = 'open';
  attempt.failures = 0;
}

/** Addresses of the peer that subflows may go to. */
export function remoteAddressesOf(core: ConnectionCore): RemoteAddress[] {
  const initial: RemoteAddress = { id: 0, ...core.tuple.remote };
  const hasInitial = !core.peerForbidsInitial && core.addresses?.isInitialRemoved !== true;
  return [...(hasInitial ? [initial] : []), ...(core.addresses?.remote ?? [])];
}

function viewOf(core: ConnectionCore, paths: PathKeeper, now: number): PathView {
  const book = core.addresses;
  const states: PathState[] = [];
  for (const { local, remote, state, until } of paths.attempts) {
    const isWaiting =
      state === 'asked' || state === 'barred' || (state === 'resting' && until !== Number.POSITIVE_INFINITY);
    if (isWaiting) states.push({ local, remote, subflow: undefined, isAsked: state === 'asked' });
  }
  for (const subflow of core.subflows) {
    if (subflow.state === 'closed') continue;
    states.push({ local: subflow.local.address, remote: subflow.remote, subflow, isAsked: false });
  }
  // The peer knows the initial address already, under ID 0.
  const known = paths.localAddresses.filter(
    (local) => local.port === 0 && local.address.equals(core.tuple.local.address),
  );
  const { counters, sender } = core;
  return {
    now,
    isClient: core.isClient,
    localAddresses: paths.localAddresses,
    remoteAddresses: remoteAddressesOf(core),
    announcedIds: [...(book?.local ?? []), ...known].map(({ id }) => id),
    paths: states,
    subflowRoom: subflowRoom(core, paths),
    progress: {
      sentBytes: counters.bytesSent,
      receivedBytes: counters.bytesReceived,
      unsentBytes: sender.unsentBytes,
    },
    isMeteredBarred: core.meter?.isSpent === true,
  };
}

/** How many more subflows there may be, those counted that the owner was asked for. */
function subflowRoom(core: ConnectionCore, paths: PathKeeper): number {
  let asked = 0;
  for (const attempt of paths.attempts) if (attempt.state === 'asked') asked++;
  return Math.max(0, core.settings.maxSubflows - core.countSubflows() - asked);
}

function perform(core: ConnectionCore, paths: PathKeeper, now: number, action: PathAction): void {
  switch (action.type) {
    case 'open':
      ask(core, paths, now, action.local, action.remote, action.backup);
      break;
    case 'announce':
      announce(core, now, action.address, action.address.id);
      break;
    case 'withdraw':
      withdraw(core, action.id);
      break;
    case 'close':
      leave(core, paths, now, action.subflow, action.isLost === true);
      break;
    case 'probe':
      action.subflow.probedAt = now;
      action.subflow.tcp.probe(now);
      break;
    case 'set-backup':
      setPriority(core, now, action.subflow, action.backup);
      break;
  }
}

/** Asks the owner for a subflow, within the limits. */
function ask(
  core: ConnectionCore,
  paths: PathKeeper,
  now: number,
  local: LocalAddress,
  remote: RemoteAddress,
  backup: boolean,
): void {
  if (subflowRoom(core, paths) === 0) return;
  if (core.meter?.isSpent === true && local.link?.facts.isMetered === true) return;
  const endpoint: Endpoint = { address: remote.address, port: remote.port };
  let attempt = paths.attempts.find((known) => isPair(known, local.address, endpoint));
  if (attempt === undefined) {
    if (!makeRoom(paths)) return;
    attempt = { local: local.address, remote: endpoint, state: 'asked', until: now, failures: 0 };
    paths.attempts.push(attempt);
  }
  // The initial address is the peer's own for certain; any other may be that of a victim.
  if (remote.id !== 0 && !paths.announcedJoins.mayPass(now)) {
    attempt.state = 'resting';
    attempt.until = paths.announcedJoins.nextAt(now);
    return;
  }
  attempt.state = 'asked';
  attempt.until = now + core.settings.retrySubflowNs;
  const localId = localIdOf(core, local.address);
  core.tell({
    type: 'subflow-wanted',
    local: local.address,
    localId,
    remote: endpoint,
    remoteId: remote.id,
    backup,
  });
}

/** Ends a subflow: in order while its path lasts, at once when packets can no longer leave by it. */
function leave(
  core: ConnectionCore,
  paths: PathKeeper,
  now: number,
  subflow: Subflow,
  isLost: boolean,
): void {
  const address = paths.localAddresses.find((local) => local.address.equals(subflow.local.address));
  subflow.isRelinquished = true;
  if (address !== undefined && !isLost) {
    closeSubflow(core, now, subflow);
    return;
  }
  // Should the path carry this after all, the peer learns that it is only the path that is given up.
  const reason = address === undefined ? undefined : ResetReason.UNACCEPTABLE_PERFORMANCE;
  resetSubflow(core, now, subflow, reason, true);
  withdraw(core, subflow.localId);
}
