/** Failed system calls as errors: the same `code`, `errno` and `syscall` as Node's own, plus the reader's next step. */
import { getSystemErrorMap } from 'node:util';
import { SubflowError } from '../base/index.js';

/** Errors that Linux has and Node's list has not. */
const unknownToNode = new Map<number, [string, string]>([[77, ['EBADFD', 'file descriptor in bad state']]]);

/** A system call failed. `code` is the POSIX name, as in `EPERM`. */
export class SystemError extends SubflowError {
  /** The error number, negative, as Node gives it. */
  readonly errno: number;
  /** The call that failed, as in `socket`. */
  readonly syscall: string;

  constructor(
    syscall: string,
    errno: number,
    options: { readonly detail?: string; readonly hint?: string } = {},
  ) {
    const [code, message] = getSystemErrorMap().get(-errno) ??
      unknownToNode.get(errno) ?? [`E${errno}`, `error ${errno}`];
    const detail = options.detail === undefined ? '' : ` (${options.detail})`;
    super(code, `${syscall} ${code}: ${message}${detail}`, { hint: options.hint ?? hintFor(code) });
    this.name = 'SystemError';
    this.errno = -errno;
    this.syscall = syscall;
  }
}

function hintFor(code: string): string {
  switch (code) {
    case 'EPERM':
    case 'EACCES':
      return 'Run as root, or give the program the capabilities CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN.';
    case 'ENODEV':
    case 'ENXIO':
      return 'Check that the device exists: ip link show.';
    case 'EADDRINUSE':
      return 'Another program has this address and port: ss -ltn shows which.';
    case 'EADDRNOTAVAIL':
      return 'This address is not configured on this host: ip address show.';
    default:
      return '';
  }
}
