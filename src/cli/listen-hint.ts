import { EnvironmentError } from './errors.js';

/** What to do about it where the system will not have us listen on `port`. */
export function explainListen(error: NodeJS.ErrnoException, port: number): Error {
  const { code, message } = error;
  if (code === 'EACCES' && port > 0 && port < 1024) {
    return new EnvironmentError(
      message,
      `ports below 1024 are for root and CAP_NET_BIND_SERVICE: choose another, as in --listen 127.0.0.1:${port + 8000}`,
    );
  }
  if (code === 'EADDRINUSE')
    return new EnvironmentError(message, '`ss -ltnp` shows who has it; choose another with --listen');
  if (code === 'EADDRNOTAVAIL')
    return new EnvironmentError(message, '`ip address show` lists the addresses of this host');
  return error;
}
