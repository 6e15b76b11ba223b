/**
 * The calls by which a program has its say in the subflows of one kernel socket: carried out by the kernel where its
 * path manager is the userspace one, refused with the way to have them where it is not.
 */
import {
  commandKernelPaths,
  connectionInfo,
  subflowsOf,
  type KernelPath,
  type KernelSubflow,
  type PathEnd,
} from '../linux/index.js';
import { argumentType } from './option-error.js';
import { netError } from './net-error.js';
import type { OpenSubflowOptions } from './socket.js';
import { checkAddressId, checkSubflowOptions, fellBack, noSuchSubflow } from './userspace-subflow-control.js';

/** How often the kernel is asked whether a subflow is open yet, in ms. */
const ASK_EVERY_MS = 10;
/** How long a subflow may take, in ms: what a SYN is given by Linux's defaults. */
const OPEN_TIMEOUT_MS = 130_000;
const TCP_ESTABLISHED = 1;

/** The subflows and the token of a connection. Throws `ERR_SUBFLOW_FALLBACK` for one that is plain TCP. */
function connectionOf(fd: number): { readonly token: number; readonly subflows: readonly KernelSubflow[] } {
  const info = connectionInfo(fd);
  const subflows = subflowsOf(fd);
  if (info === undefined || info.fallback || subflows === undefined) throw fellBack();
  return { token: info.token, subflows };
}

function pathOf(fd: number, id: number): KernelPath {
  const { token, subflows } = connectionOf(fd);
  const subflow = subflows.find((each) => each.id === id);
  if (subflow === undefined) throw noSuchSubflow(id);
  return { token, local: subflow.local, remote: subflow.remote };
}

/** Closes the subflow number `id`. */
export function closeSubflow(fd: number, id: number): void {
  const path = pathOf(fd, id);
  commandKernelPaths((commands) => commands.destroy(path));
}

/** The token of a connection. Throws `ERR_SUBFLOW_FALLBACK` for one that is plain TCP. */
export function tokenOf(fd: number): number {
  return connectionOf(fd).token;
}

/** Announces an address; see `Socket.announceAddress`. */
export function announceAddress(fd: number, id: number, address: string, port: number): boolean {
  checkSubflowOptions({ localAddress: address, localPort: port });
  checkAddressId(id);
  const token = tokenOf(fd);
  return commandKernelPaths((commands) => commands.announce(token, id, { address, port }));
}

/** Withdraws an address; see `Socket.withdrawAddress`. */
export function withdrawAddress(fd: number, id: number): void {
  checkAddressId(id);
  const token = tokenOf(fd);
  commandKernelPaths((commands) => commands.withdraw(token, id));
}

/** Makes the subflow number `id` a backup, or a regular one. */
export function setBackup(fd: number, id: number, backup: boolean): void {
  if (typeof backup !== 'boolean') throw argumentType('backup', 'a boolean');
  const path = pathOf(fd, id);
  commandKernelPaths((commands) => commands.setBackup(path, backup));
}

/**
 * Opens a subflow; gives it once it is established. `descriptor` gives the socket's, and undefined when it is closed.
 * What the kernel refuses is thrown.
 */
export function openSubflow(
  descriptor: () => number | undefined,
  ends: { readonly local: PathEnd; readonly remote: PathEnd },
  options: OpenSubflowOptions,
): Promise<KernelSubflow> {
  checkSubflowOptions(options);
  const fd = descriptor();
  if (fd === undefined) throw netError('ENOTCONN', 'openSubflow');
  const local = { address: options.localAddress ?? ends.local.address, port: options.localPort ?? 0 };
  const remote = {
    address: options.remoteAddress ?? ends.remote.address,
    port: options.remotePort ?? ends.remote.port,
  };
  const { token, subflows } = connectionOf(fd);
  const known = new Set(subflows.map(({ id }) => id));
  const { backup = false } = options;
  commandKernelPaths((commands) => commands.create({ token, local, remote }, { backup }));
  // Its number is the highest there is, whatever comes of it.
  const opened = connectionOf(fd).subflows.find(({ id }) => !known.has(id));
  if (opened === undefined) throw netError('ECONNREFUSED', 'openSubflow', remote);
  return untilOpen(descriptor, opened.id, remote);
}

async function untilOpen(
  descriptor: () => number | undefined,
  id: number,
  remote: PathEnd,
): Promise<KernelSubflow> {
  for (let waitedMs = 0; waitedMs < OPEN_TIMEOUT_MS; waitedMs += ASK_EVERY_MS) {
    const fd = descriptor();
    if (fd === undefined) throw netError('ECONNABORTED', 'openSubflow', remote);
    const subflow = subflowsOf(fd)?.find((each) => each.id === id);
    // The kernel forgets a subflow that failed, and does not say how it did.
    if (subflow === undefined) throw netError('ECONNREFUSED', 'openSubflow', remote);
    if (subflow.tcp.state === TCP_ESTABLISHED) return subflow;
    await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
  }
  throw netError('ETIMEDOUT', 'openSubflow', remote);
}
