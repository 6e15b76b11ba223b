/**
 * Fast Open for sockets of Node: what a program may ask for, checked for both transports. The data that goes with the
 * SYN is what is written right after `connect`. Read first: RFC 7413 §6 (what it is good for, and what not).
 */
import { SubflowError } from '../base/index.js';
import {
  acceptFastOpen,
  awaitsThirdPacket,
  connectFastOpen,
  mayServeFastOpen,
  setNoDelay,
} from '../linux/index.js';
import type { FastOpenListenOptions, FastOpenMode } from '../stack/index.js';
import { codeOf } from './net-error.js';

/** The option of `connect`. */
export interface FastOpenClientOptions {
  /**
   * Whether the first write may go with the SYN (RFC 7413): true where the server gave a cookie before, and asks for one
   * where not; 'without-cookie' always. The server may get that data twice, in two connections. Default false.
   */
  readonly fastOpen?: FastOpenMode;
}

/** The option of `createServer`. */
export interface FastOpenServerOptions {
  /** Whether data in SYNs is taken, and how. Default false. */
  readonly fastOpen?: boolean | FastOpenListenOptions;
}

/** Connections that a SYN alone made, at a time, for the kernel's listeners. */
const KERNEL_MAX_PENDING = 256;

/** Throws `ERR_INVALID_ARG_TYPE` unless `fastOpen` is what `connect` takes. */
export function checkFastOpenMode(fastOpen: unknown): void {
  if (fastOpen === undefined || typeof fastOpen === 'boolean' || fastOpen === 'without-cookie') return;
  throw new SubflowError('ERR_INVALID_ARG_TYPE', "fastOpen should be a boolean or 'without-cookie'");
}

/** Throws `ERR_INVALID_ARG_TYPE` unless `fastOpen` is what `createServer` takes. */
export function checkFastOpenServer(fastOpen: unknown): void {
  if (fastOpen === undefined || typeof fastOpen === 'boolean') return;
  if (typeof fastOpen === 'object' && fastOpen !== null) return;
  throw new SubflowError('ERR_INVALID_ARG_TYPE', 'fastOpen should be a boolean or an object');
}

/** Sets a descriptor of the kernel's up that is to connect. Throws `ERR_SUBFLOW_UNSUPPORTED` where it may not. */
export function prepareKernelClient(fd: number, fastOpen: FastOpenMode | undefined): void {
  if (fastOpen === undefined || fastOpen === false) return;
  withHint(() => connectFastOpen(fd, fastOpen !== 'without-cookie'));
}

/** Sets a descriptor of the kernel's up that is to listen. Throws `ERR_SUBFLOW_UNSUPPORTED` where it may not. */
export function prepareKernelServer(fd: number, fastOpen: boolean | FastOpenListenOptions | undefined): void {
  if (fastOpen === undefined || fastOpen === false) return;
  const { maxPending = KERNEL_MAX_PENDING, requireCookie = true } = fastOpen === true ? {} : fastOpen;
  if (!mayServeFastOpen()) throw switchedOff(undefined);
  withHint(() => acceptFastOpen(fd, maxPending, requireCookie));
}

/** Longest time between two looks at a connection whose third packet has yet to come, in ms. */
const MAX_LOOK_MS = 32;

/**
 * Sees to it that what is written on a connection right after it was accepted leaves. Over Multipath TCP, Linux holds it back
 * until the third packet of a connection that a SYN with data made (RFC 8684 appendix B.3), and may hold it on when that packet
 * has come, until a DATA_ACK: a client that waits for an answer has none to send. `fdOf` gives the descriptor for as long as it
 * is open. Nothing is looked at twice of a connection that no SYN alone made.
 */
export function pushEarlyAnswers(fdOf: () => number | undefined): void {
  const first = fdOf();
  if (first === undefined || !awaitsThirdPacket(first)) return;
  const look = (waitMs: number): void => {
    const timer = setTimeout(() => {
      const fd = fdOf();
      if (fd === undefined) return;
      if (awaitsThirdPacket(fd)) look(Math.min(2 * waitMs, MAX_LOOK_MS));
      else setNoDelay(fd);
    }, waitMs);
    timer.unref();
  };
  look(1);
}

function withHint(action: () => void): void {
  try {
    action();
  } catch (cause) {
    const code = codeOf(cause);
    if (code !== 'EOPNOTSUPP' && code !== 'ENOTSUP' && code !== 'ENOPROTOOPT') throw cause;
    throw switchedOff(cause);
  }
}

function switchedOff(cause: unknown): SubflowError {
  return new SubflowError('ERR_SUBFLOW_UNSUPPORTED', 'the kernel has Fast Open switched off', {
    cause,
    hint: 'Switch it on: sysctl -w net.ipv4.tcp_fastopen=3 (1 for clients, 2 for servers). Or use the userspace transport.',
  });
}
