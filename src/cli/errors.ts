/**
 * How a command ends: its exit status, and one clear line where something went wrong. A stack trace is for bugs of
 * ours only.
 */

import { SubflowError } from '../base/index.js';

/** Exit statuses that scripts may rely on. */
export const ExitStatus = {
  /** The command did what was asked; also when whoever read its output had enough of it, as in `subflow ... | head`. */
  done: 0,
  /** The answer is no: a check failed, a download broke, a path is blocked. */
  no: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The environment lacks something that the command needs. */
  environment: 3,
} as const;

/** The command line asks for something that makes no sense. */
export class UsageError extends SubflowError {
  constructor(message: string, hint = '') {
    super('ERR_SUBFLOW_USAGE', message, { hint });
    this.name = 'UsageError';
  }
}

/** The command could not do what was asked, through no fault of the command line: exit status 1. */
export class FailureError extends SubflowError {
  constructor(message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super('ERR_SUBFLOW_FAILED', message, options);
    this.name = 'FailureError';
  }
}

/** This machine or this user lacks something that the command needs: exit status 3. */
export class EnvironmentError extends SubflowError {
  constructor(message: string, hint: string) {
    super('ERR_SUBFLOW_ENVIRONMENT', message, { hint });
    this.name = 'EnvironmentError';
  }
}

/** Codes of errors that mean: this machine or this user lacks something. */
const environmentCodes = new Set([
  'EPERM',
  'ENODEV',
  'EACCES',
  'ENOSYS',
  'EPROTONOSUPPORT',
  'ENOPROTOOPT',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EBUSY',
  'ERR_SUBFLOW_BUSY',
  'ERR_SUBFLOW_BAD_SOCKET',
  'ERR_SUBFLOW_NOT_ROOT',
  'ERR_SUBFLOW_UNKNOWN_USER',
  'ERR_SUBFLOW_NO_BALANCER',
  'ERR_SUBFLOW_NEEDS_KERNEL',
  'ERR_SUBFLOW_NO_LAB',
  'ERR_SUBFLOW_STORE_UNAVAILABLE',
  'ERR_SUBFLOW_MISSING_TOOL',
  'ERR_SUBFLOW_NOT_LINUX',
  'ERR_SUBFLOW_NO_KERNEL_MPTCP',
  'ERR_SUBFLOW_NO_TRANSPORT',
  'ERR_SUBFLOW_NO_USERSPACE_HOST',
  'ERR_SUBFLOW_UNSUPPORTED',
]);

/** One line for a person, and the exit status, for anything that a command threw. */
export function explain(error: unknown): { readonly line: string; readonly status: number } {
  if (!(error instanceof Error)) return { line: String(error), status: ExitStatus.no };
  const code = (error as { code?: unknown }).code;
  const line = withHint(error.message, error instanceof SubflowError ? error.hint : '');
  if (error instanceof UsageError) return { line, status: ExitStatus.usage };
  if (error instanceof FailureError) return { line, status: ExitStatus.no };
  const missing =
    error instanceof EnvironmentError || (typeof code === 'string' && environmentCodes.has(code));
  return { line, status: missing ? ExitStatus.environment : ExitStatus.no };
}

/** A hint goes on in the sentence of the message, unless it is one of its own. */
function withHint(message: string, hint: string): string {
  if (hint === '') return message;
  return /^[A-Z][a-z]/.test(hint) ? `${message}. ${hint}` : `${message}; ${hint}`;
}

/** Whether the error is one of ours or of the operating system, so that a stack trace would tell a user nothing. */
export function isExpected(error: unknown): boolean {
  return (
    error instanceof SubflowError ||
    (error instanceof Error && typeof (error as { code?: unknown }).code === 'string')
  );
}
