/** Errors that look as those of `node:net` do: message, code, errno, syscall, address and port. */
import { constants } from 'node:os';

/** An error of a socket call. */
export interface NetError extends NodeJS.ErrnoException {
  address?: string;
  port?: number;
}

/** Where the call went, where that is known. */
export interface NetErrorPlace {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** Makes one: `connect ECONNREFUSED 192.0.2.1:80`. */
export function netError(code: string, syscall: string, place: NetErrorPlace = {}, detail = ''): NetError {
  const { address } = place;
  // Where the system was to choose one, `net` names none.
  const port = place.port === 0 ? undefined : place.port;
  const where = address === undefined ? '' : ` ${address}${port === undefined ? '' : `:${port}`}`;
  const error: NetError = new Error(`${syscall} ${code}${detail === '' ? '' : `: ${detail}`}${where}`);
  error.code = code;
  const errno = (constants.errno as Record<string, number | undefined>)[code];
  if (errno !== undefined) error.errno = -errno;
  error.syscall = syscall;
  if (address !== undefined) error.address = address;
  if (port !== undefined) error.port = port;
  return error;
}

/** What something that was thrown says. */
export function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

/** What was thrown, as an error. */
export function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The code of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
