/**
 * Tells the service manager how a command is: that it is ready, reads its configuration anew, ends, and still lives. Does nothing where
 * nobody asked for it, and lets no service manager that does not listen hold the command up.
 *
 * Read first: sd_notify(3), systemd.service(5) (Type=notify, WatchdogSec=).
 */
import { sendUnixDatagram } from '../../linux/index.js';

/** Attempts for a socket that is full, and the time between two, in ms. */
const maxAttempts = 100;
const retryMs = 100;
const EAGAIN = 11;
/** Most characters of what is said in words. */
const maxSaid = 500;

/** Everything is there that clients need; also after reading a configuration anew. False where nobody is told. */
export function notifyReady(said = ''): boolean {
  return tell('READY=1', said);
}

/** A configuration is read anew; {@link notifyReady} follows. False where nobody is told. */
export function notifyReloading(said = ''): boolean {
  // Type=notify-reload tells one reload from another by the clock that the whole machine has.
  return tell(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, said);
}

/** It ends. False where nobody is told. */
export function notifyStopping(said = ''): boolean {
  return tell('STOPPING=1', said);
}

/** A sentence for `systemctl status`. False where nobody is told. */
export function notifyStatus(said: string): boolean {
  return tell('', said);
}

/** A watchdog that is fed, until closed. */
export interface Watchdog {
  close(): void;
}

/**
 * Says twice in each interval of the service manager's watchdog that the command lives, for as long as its event loop turns and `isAlive`
 * says so; undefined where there is no watchdog, or another process has it.
 */
export function startWatchdog(isAlive: () => boolean = () => true): Watchdog | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec = '', WATCHDOG_PID: pid } = process.env;
  if (socket === undefined || !/^[1-9]\d{0,12}$/.test(usec)) return undefined;
  if (pid !== undefined && Number(pid) !== process.pid) return undefined;
  const everyMs = Math.max(1, Math.min(Number(usec) / 2000, 2 ** 30));
  const timer = setInterval(() => {
    if (isAlive()) send(socket, Buffer.from('WATCHDOG=1'), maxAttempts);
  }, everyMs).unref();
  return { close: () => clearInterval(timer) };
}

function tell(state: string, said: string): boolean {
  const socket = process.env['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '') return false;
  const status = said === '' ? '' : `STATUS=${said.replace(/\p{Cc}+/gu, ' ').slice(0, maxSaid)}`;
  return send(socket, Buffer.from([state, status].filter(Boolean).join('\n')), 0);
}

/** Sends; tries again later where there is no room. A socket that is not there is nobody's concern but the one's who named it. */
function send(socket: string, message: Uint8Array, attempts: number): boolean {
  // Other kinds of address (vsock) are those of virtual machines as a whole.
  if (!/^[/@]/.test(socket)) return false;
  let result: number;
  try {
    result = sendUnixDatagram(socket, message);
  } catch {
    return false;
  }
  if (result === -EAGAIN && attempts < maxAttempts) {
    setTimeout(() => send(socket, message, attempts + 1), retryMs).unref();
    return true;
  }
  return result === 0;
}
