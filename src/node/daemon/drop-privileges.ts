/**
 * Has a command that was started as root go on as another user, with what it needs of root's rights and nothing else, for good.
 *
 * The C library changes users and groups for all threads of the process; capabilities the kernel keeps for each thread. So what is kept is
 * kept by the thread that calls this, the main one, on which all foreign calls run, and by those that it starts later; the threads that
 * were there before (of libuv, of V8) keep nothing. In the end every thread is looked at: one that could do more is a reason to stop.
 * docs/decisions/0026-privileges-by-thread.md has the why.
 *
 * Read first: capabilities(7), nptl(7), prctl(2).
 */
import { isMainThread } from 'node:worker_threads';
import { assert, SubflowError } from '../../base/index.js';
import {
  boundCapabilities,
  capabilitySet,
  forbidNewPrivileges,
  type KeepableCapability,
  keepableCapabilities,
  lookUpGroup,
  lookUpUser,
  processCredentials,
  setKeepCapabilities,
  setThreadCapabilities,
  threadCapabilities,
} from '../../linux/index.js';

/** Who to become, and what to keep. */
export interface PrivilegeOptions {
  /** Name or number. */
  readonly user: string;
  /** Name or number; default: the user's own. */
  readonly group?: string | undefined;
  /** Capabilities to keep. Default none. Programs that are started later do not get them. */
  readonly keep?: readonly KeepableCapability[];
}

/** Who the process is now. */
export interface DroppedPrivileges {
  readonly uid: number;
  readonly gid: number;
}

/**
 * See the module. Call it on the main thread, when everything is open that only root may open; it changes nothing where it throws.
 * @throws SubflowError `ERR_SUBFLOW_UNKNOWN_USER` for a user or group that is not there, or is root; `ERR_SUBFLOW_NOT_ROOT` where the
 * process is not root, or lacks what is to be kept.
 */
export function dropPrivileges(options: PrivilegeOptions): DroppedPrivileges {
  const { keep = [] } = options;
  const target = privilegeTarget(options);
  const kept = checkedSet(keep);
  boundCapabilities(kept);
  setKeepCapabilities(true);
  become(options.user, target);
  setThreadCapabilities(kept);
  setKeepCapabilities(false);
  forbidNewPrivileges();
  checkDropped(target, kept);
  return target;
}

/**
 * Who {@link dropPrivileges} makes of the process.
 * @throws as that does for a user or group that is not there, or is root.
 */
export function privilegeTarget({ user, group }: PrivilegeOptions): DroppedPrivileges {
  const isNumber = isId(user);
  const found = lookUpUser(isNumber ? Number(user) : user);
  const uid = found?.uid ?? (isNumber ? Number(user) : undefined);
  if (uid === undefined) throw unknown(`there is no user '${user}'`);
  if (uid === 0) throw unknown(`'${user}' is root, and may do everything`);
  const gid = group === undefined ? found?.gid : isId(group) ? Number(group) : lookUpGroup(group);
  if (gid === undefined)
    throw unknown(group === undefined ? `user ${user} has no group` : `there is no group '${group}'`);
  if (gid === 0) throw unknown(`the group of '${group ?? user}' is root's`);
  return { uid, gid };
}

/** Numbers of users; the highest means "no change" to the kernel. */
function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffff_ffff;
}

function unknown(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_UNKNOWN_USER', message, {
    hint: 'Name a user of this machine, with --group where it is to have another group; make one: useradd --system --no-create-home subflow.',
  });
}

/** What is to be kept, which the process must have; and it must be able to give up the rest. */
function checkedSet(keep: readonly KeepableCapability[]): bigint {
  const strange = keep.find((name) => !Object.hasOwn(keepableCapabilities, name));
  if (strange !== undefined)
    throw new SubflowError('ERR_SUBFLOW_INVALID_ARGUMENT', `'${String(strange)}' is no capability to keep`, {
      hint: `There are: ${Object.keys(keepableCapabilities).join(', ')}.`,
    });
  if (!isMainThread || process.geteuid!() !== 0)
    throw notRoot('only a process that root started can become another user');
  const { permitted } = threadCapabilities();
  const missing = keep.filter((name) => (permitted & capabilitySet([name])) === 0n);
  if (missing.length > 0) throw notRoot(`the process lacks ${missing.join(' and ')}, which it needs`);
  return capabilitySet(keep);
}

function notRoot(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_NOT_ROOT', message, {
    hint: 'Start it as root, or leave out --user where a service manager chose the user.',
  });
}

/** Node's types leave this out. */
type GroupProcess = NodeJS.Process & { initgroups(user: string | number, extraGroup: number): void };

/** Groups first, while the process may. Real, effective and saved ones all change, as root is who asks (setuid(2)). */
function become(user: string, { uid, gid }: DroppedPrivileges): void {
  if (lookUpUser(isId(user) ? Number(user) : user) === undefined) process.setgroups!([gid]);
  else (process as GroupProcess).initgroups(isId(user) ? Number(user) : user, gid);
  process.setgid!(gid);
  process.setuid!(uid);
}

/** Looks at every thread, and tries to be root again. */
function checkDropped({ uid, gid }: DroppedPrivileges, kept: bigint): void {
  const root = new Set(process.getgroups!()).has(0);
  assert(!root, 'the process is in no group of root');
  for (const { id, users, groups, capabilities } of processCredentials()) {
    assert(users.length === 4 && users.every((each) => each === uid), `thread ${id} is the user's`);
    assert(groups.length === 4 && groups.every((each) => each === gid), `thread ${id} is the group's`);
    const own = id === process.pid ? kept : 0n;
    assert((capabilities & ~own) === 0n, `thread ${id} kept nothing else`);
  }
  for (const again of [process.setuid!, process.seteuid!, process.setgid!, process.setegid!])
    assert(!succeeds(() => again.call(process, 0)), 'root cannot be had again');
}

function succeeds(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
