/**
 * Robust establishment: the first SYNs of one connection go out on several paths, one after the other or all at once, and
 * the path that answers first carries the initial subflow. The owner has one socket all along; the other attempts are
 * connections of the host's own, which it never hears of.
 *
 * The scheme is RobE_TIMER and RobE_SIM of draft-amend-tcpm-mptcp-robe. Every SYN is that of a connection of its own: to a
 * server two SYNs with MP_CAPABLE are two connections, so the attempts that lost cannot become subflows without a server
 * that knows of the scheme (RobE_eSIM). They are given up while their SYN is on its way: nothing was sent on them, a
 * SYN+ACK that comes late is answered with a reset, and their paths are joined in the ordinary way.
 *
 * ```
 * owner's socket --> runner 1, the best path      SYN --------------->  (lost)
 *                    runner 2, after delayNs      SYN --->  <--- SYN+ACK: becomes the socket's connection
 *                    runner 3, not begun          -
 * ```
 */
import { assert, NEVER, SubflowError } from '../base/index.js';
import type { IpAddress } from '../wire/index.js';
import { Flow } from './flow.js';
import type { Host } from './host.js';
import type { Socket } from './socket.js';
import { choosePaths, reachFrom, type PathChoice } from './source-selection.js';

/** How to begin a connection on several paths. */
export interface RobustEstablishment {
  /**
   * `timeout`: the next path is tried when none answered for `delayNs`, or one failed; costs nothing where the first path
   * works. `simultaneous`: all are tried at once; costs a SYN and a half-open connection of the server's for every path,
   * and begins on the fastest one.
   */
  readonly mode: 'timeout' | 'simultaneous';
  /** Patience of `timeout` with each path, in ns, more than 0. Default 250 ms, as RFC 8305 §5 has it. */
  readonly delayNs?: number;
  /** Addresses of ours to begin from, in this order. Default: one of every interface that leads to the peer, best first. */
  readonly locals?: readonly IpAddress[];
}

/** Most paths tried for one connection. */
export const MAX_RACE_PATHS = 8;

const DEFAULT_DELAY_NS = 250_000_000;

/** Begins one attempt; throws as `Stack.connect` does. */
export type BeginAttempt = (path: PathChoice, now: number) => Socket;

export class EstablishmentRace {
  private readonly host: Host;
  private readonly begin: BeginAttempt;
  private readonly mode: RobustEstablishment['mode'];
  private readonly delayNs: number;
  /** Paths not tried yet, best first. */
  private readonly waiting: PathChoice[];
  /** The owner's socket; undefined until the first attempt began. */
  private main: Socket | undefined = undefined;
  /** Sockets of attempts that run besides that of the main one, oldest first. */
  private readonly runners: Socket[] = [];
  private isOver = false;
  /** When the next path is tried, in ns. */
  private nextAt = NEVER;

  constructor(host: Host, robust: RobustEstablishment, paths: readonly PathChoice[], begin: BeginAttempt) {
    this.host = host;
    this.begin = begin;
    this.mode = robust.mode;
    this.delayNs = robust.delayNs ?? DEFAULT_DELAY_NS;
    this.waiting = paths.slice(0, MAX_RACE_PATHS);
  }

  /** Begins; gives the owner's socket. Throws what the first path failed with when none can be begun at all. */
  start(now: number): Socket {
    let failure: unknown;
    while (this.main === undefined && this.waiting.length > 0) {
      try {
        this.main = this.begin(this.waiting.shift()!, now);
      } catch (error) {
        failure ??= error;
      }
    }
    if (this.main === undefined) throw failure;
    if (this.mode === 'simultaneous') while (this.tryNext(now) !== undefined);
    else this.setTimer(now);
    return this.main;
  }

  /** Whether the owner does not know of `socket`. */
  hides(socket: Socket): boolean {
    return socket !== this.main;
  }

  /** When {@link handleTimeout} is due on behalf of `socket`, in ns. */
  dueAt(socket: Socket): number {
    return socket === this.main ? this.nextAt : NEVER;
  }

  /** Tries the next path if it is time. */
  handleTimeout(now: number): void {
    if (now < this.nextAt) return;
    this.tryNext(now);
    this.setTimer(now);
  }

  /** Looks at what became of the connection of `socket`. */
  review(now: number, socket: Socket): void {
    if (this.isOver || this.main === undefined) return;
    if (socket.state === 'open') this.win(now, socket);
    else if (socket.state === 'closed') this.lose(now, socket);
  }

  private setTimer(now: number): void {
    this.nextAt = this.waiting.length > 0 ? now + this.delayNs : NEVER;
  }

  /** Begins on the next path that lets it; undefined when none is left. */
  private tryNext(now: number): Socket | undefined {
    for (let path = this.waiting.shift(); path !== undefined; path = this.waiting.shift()) {
      try {
        const socket = this.begin(path, now);
        this.runners.push(socket);
        return socket;
      } catch (error) {
        // An interface that went down or ran out of ports is a path less.
        if (!(error instanceof SubflowError)) throw error;
      }
    }
    this.setTimer(now);
    return undefined;
  }

  /** The first answer decides. */
  private win(now: number, socket: Socket): void {
    if (socket !== this.main) this.promote(now, socket);
    this.end(now);
  }

  /** An attempt failed: the next one begins at once, and the race is lost when there is no other. */
  private lose(now: number, socket: Socket): void {
    const isOwnersWish = socket === this.main && socket.error === undefined;
    if (isOwnersWish) {
      this.end(now);
      return;
    }
    if (socket !== this.main) {
      const index = this.runners.indexOf(socket);
      // It is looked at again until the host lets go of it.
      if (index < 0) return;
      this.runners.splice(index, 1);
    }
    if (this.waiting.length > 0) {
      this.tryNext(now);
      this.setTimer(now);
    }
    if (socket !== this.main) return;
    const [successor] = this.runners;
    if (successor === undefined) {
      this.end(now);
      return;
    }
    this.promote(now, successor);
    this.runners.shift();
    this.host.touch(now, successor);
  }

  /** Gives the owner's socket the connection of `runner`, and `runner` the one that the owner's socket had. */
  private promote(now: number, runner: Socket): void {
    const { host, main } = this;
    assert(main !== undefined, 'a race has a main socket');
    exchange(host, main, runner);
    main.connection.takeOver(now, runner.connection);
  }

  private end(now: number): void {
    const { host, main, runners } = this;
    assert(main !== undefined, 'a race has a main socket');
    this.isOver = true;
    this.nextAt = NEVER;
    this.waiting.length = 0;
    main.race = undefined;
    const { nagle, keepAliveIdleNs } = main.settings.tcp ?? host.settings.tcp;
    for (const { tcp } of main.connection.subflows) {
      tcp.nagle = nagle;
      if (keepAliveIdleNs !== NEVER) tcp.setKeepAlive(now, keepAliveIdleNs);
    }
    host.tellings.tellPending(main);
    host.touch(now, main);
    // They are closed as if nobody had asked for them: their `race` keeps them silent.
    for (const runner of runners.splice(0)) runner.abort(now);
  }
}

/** Exchanges the connections of two sockets, with all that goes with a connection. */
function exchange(host: Host, a: Socket, b: Socket): void {
  for (const socket of [a, b]) host.noteToken(socket, undefined);
  const ofA = stateOf(a);
  Object.assign(a, stateOf(b));
  Object.assign(b, ofA);
  for (const socket of [a, b]) {
    for (const { owner } of socket.connection.subflows) if (owner instanceof Flow) owner.socket = socket;
    if (socket.state !== 'closed') host.noteToken(socket, socket.connection.localToken);
  }
}

/** What of a socket belongs to its connection. */
function stateOf(socket: Socket) {
  const { connection, local, remote, state, error, pendingEvents, notices, pathAdvice } = socket;
  return { connection, local, remote, state, error, pendingEvents, notices, pathAdvice };
}

/** The paths to race on: those that were asked for, else the best of every interface. */
export function racePaths(
  host: Host,
  remote: IpAddress,
  robust: RobustEstablishment,
  first: IpAddress | undefined,
): PathChoice[] {
  const locals = robust.locals ?? [];
  const named = first === undefined ? locals : [first, ...locals.filter((local) => !local.equals(first))];
  if (named.length > 0) {
    const paths: PathChoice[] = [];
    for (const local of named) {
      const target = reachFrom(host.interfaces, local, remote);
      if (target !== undefined) paths.push({ local, remote: target });
    }
    return paths;
  }
  return choosePaths(host.interfaces, remote);
}
