/** What happened to subflows and addresses between looks, by the path manager's events. Bounded: the oldest are let go. */

import type { KernelPathEvent } from '../../linux/index.js';
import { pathEndText } from '../../netlink/index.js';

/** Most events between two looks that are told one by one. */
const maxEvents = 1000;
/** Lines on a terminal. */
const maxLines = 4;

/** An event as JSON. */
export interface MonitorEvent {
  readonly type: KernelPathEvent['type'];
  readonly token: string;
  readonly local?: string;
  readonly remote?: string;
  readonly backup?: boolean;
  /** Positive error number, for a subflow that was closed. */
  readonly errno?: number;
  /** Reason of a reset (RFC 8684 §3.6). */
  readonly resetReason?: number;
}

/** See the module. */
export class News {
  private events: MonitorEvent[] = [];
  private lost = 0;
  private shown: string[] = [];

  take(event: KernelPathEvent): void {
    if (this.events.length >= maxEvents) this.lost++;
    else this.events.push(eventOf(event));
    this.shown = [...this.shown.slice(1 - maxLines), lineOf(event)];
  }

  /** There were more than the kernel could hold. */
  lose(): void {
    this.lost++;
  }

  /** The latest ones, newest last. */
  get lines(): readonly string[] {
    return this.shown;
  }

  /** Those since this was called last; `lostEvents` says of how many at least nothing is known. */
  takeAll(): { readonly events: readonly MonitorEvent[]; readonly lostEvents: number } {
    const { events, lost } = this;
    this.events = [];
    this.lost = 0;
    return { events, lostEvents: lost };
  }
}

function eventOf({ type, token, local, remote, backup, errno, resetReason }: KernelPathEvent): MonitorEvent {
  return {
    ...{ type, token: tokenText(token) },
    ...(local !== undefined && { local: pathEndText(local) }),
    ...(remote !== undefined && { remote: pathEndText(remote) }),
    ...(backup !== undefined && { backup }),
    ...(errno !== undefined && { errno }),
    ...(resetReason !== undefined && { resetReason }),
  };
}

function lineOf({ type, token, local, remote, errno, resetReason }: KernelPathEvent): string {
  const ends = [local, remote].map((end) => (end === undefined ? '' : pathEndText(end))).filter(Boolean);
  const why = [
    ...(errno ? [`error ${errno}`] : []),
    ...(resetReason === undefined ? [] : [`reset, reason ${resetReason}`]),
  ];
  return [tokenText(token), type, ends.join(' to '), why.join(', ')].filter(Boolean).join('  ');
}

function tokenText(token: number): string {
  return token.toString(16).padStart(8, '0');
}
