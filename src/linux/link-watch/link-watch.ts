/**
 * A live picture of a namespace's interfaces: which there are, whether packets can pass, their addresses and default routes. One socket
 * of rtnetlink serves all watches of a namespace, and lives while one of them does.
 *
 * What the kernel announces about interfaces and addresses is taken in as it says; default routes are asked for anew when it says
 * something of one, and when an interface goes down or loses an address, since it drops IPv4 routes then without a word. What came
 * together is told together; a change that was undone meanwhile is not told. Where more was announced than the kernel could hold,
 * everything is asked anew. The kernel announces a lost carrier up to a second late; for links that somebody attends to, it is asked
 * for ten times a second as well.
 *
 * Read first: rtnetlink(7), netdevice(7).
 */
import { closeSync, readlinkSync } from 'node:fs';
import { ENOBUFS } from '../constants.js';
import { NativeBuffer, readInto, type ReadableWatch, watchReadable } from '../libc.js';
import type { LinkKind } from '../../policy/index.js';
import type { NetworkNamespace } from '../namespace.js';
import { NetlinkError, openRouteListener, routeMessagesOf, RouteSocket } from '../netlink/index.js';
import { openTogether } from '../opening.js';
import { kindByNews, kindBySysfs } from './link-kind.js';
import { decodeNews, type LinkNews, type News } from './link-news.js';
import { type LinkChange, LinkTable, type WatchedLink } from './link-table.js';
import { Wireless } from './wireless.js';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
/** RTMGRP_LINK, _IPV4_IFADDR, _IPV6_IFADDR, _IPV4_ROUTE, _IPV6_ROUTE (linux/rtnetlink.h). */
const GROUPS = 0x1 | 0x10 | 0x100 | 0x40 | 0x400;
const LINK_HEADER_BYTES = 16;
const ADDRESS_HEADER_BYTES = 8;
const ROUTE_HEADER_BYTES = 12;
const BUFFER_BYTES = 32 << 10;
/** How often the carrier of links that are attended to is asked for, in ms. */
const ATTEND_MS = 100;
/** Messages taken in before the event loop goes on to others. */
const MAX_READS = 256;

/** By the identity of the namespace. */
const pictures = new Map<string, Picture>();

export interface LinkWatchOptions {
  /** Where the interfaces are; the calling thread's namespace when left out. */
  readonly namespace?: NetworkNamespace;
  /** Called from the event loop with what changed; not with what there is at first, which `links` has. */
  readonly onChange?: (changes: readonly LinkChange[]) => void;
}

/** See the module. Holds no process alive. */
export class LinkWatch {
  private readonly picture: Picture;
  private readonly onChange: (changes: readonly LinkChange[]) => void;
  private attended: ReadonlySet<number> = new Set();
  private isClosed = false;

  /** Looks at once. @throws SystemError where the system allows no such sockets. */
  constructor(options: LinkWatchOptions = {}) {
    this.onChange = options.onChange ?? (() => undefined);
    this.picture = pictureOf(options.namespace);
    this.picture.watches.add(this);
    try {
      this.picture.refresh();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The interfaces. */
  get links(): readonly WatchedLink[] {
    return this.picture.table.links;
  }

  /** The interface of this name; undefined when there is none. */
  find(name: string): WatchedLink | undefined {
    return this.links.find((link) => link.name === name);
  }

  /** Times that announcements were lost and everything was asked anew. */
  get overruns(): number {
    return this.picture.overruns;
  }

  /** Takes in what was announced up to now, without waiting for the event loop, in which `onChange` hears of it as ever. */
  refresh(): void {
    if (!this.isClosed) this.picture.refresh();
  }

  /** Attends to the links with these numbers from now on, and to no others: a lost carrier shows within 100 ms. */
  attend(indices: ReadonlySet<number>): void {
    if (this.isClosed) return;
    for (const index of indices) if (!this.attended.has(index)) this.picture.attend(index, 1);
    for (const index of this.attended) if (!indices.has(index)) this.picture.attend(index, -1);
    this.attended = indices;
  }

  /** Stops watching. Closing twice does nothing. */
  close(): void {
    if (this.isClosed) return;
    this.attend(new Set());
    this.isClosed = true;
    this.picture.watches.delete(this);
    if (this.picture.watches.size === 0) this.picture.close();
  }

  /** Called by what is shared. */
  tell(changes: readonly LinkChange[]): void {
    if (!this.isClosed) this.onChange(changes);
  }
}

function pictureOf(namespace: NetworkNamespace | undefined): Picture {
  const look = (): Picture => {
    const identity = readlinkSync('/proc/thread-self/ns/net');
    const known = pictures.get(identity);
    if (known !== undefined) return known;
    const made = new Picture(namespace, () => pictures.delete(identity));
    pictures.set(identity, made);
    return made;
  };
  return namespace === undefined ? look() : namespace.run(look);
}

/** What the watches of one namespace share. */
class Picture {
  readonly watches = new Set<LinkWatch>();
  readonly table: LinkTable;
  overruns = 0;
  private readonly fd: number;
  private readonly questions: RouteSocket;
  private readonly wireless: Wireless;
  private readonly buffer = new NativeBuffer(BUFFER_BYTES);
  private readonly readable: ReadableWatch;
  private readonly onIdle: () => void;
  /** How many watches attend to a link, by its number. */
  private readonly attended = new Map<number, number>();
  private attention: NodeJS.Timeout | undefined;

  /** Made in the namespace. */
  constructor(namespace: NetworkNamespace | undefined, onIdle: () => void) {
    this.onIdle = onIdle;
    this.table = new LinkTable((news) => this.kindOf(news));
    const { fd, questions, wireless, readable } = openTogether((keep) => {
      // First to listen, then to ask: what changes in between is heard.
      const listener = openRouteListener(GROUPS);
      keep({ close: () => closeSync(listener) });
      return {
        ...{ fd: listener, questions: keep(new RouteSocket()), wireless: keep(new Wireless(namespace)) },
        readable: watchReadable(listener, () => tell([...this.watches], this.takeIn()), false),
      };
    });
    this.fd = fd;
    this.questions = questions;
    this.wireless = wireless;
    this.readable = readable;
    try {
      this.askAll();
    } catch (error) {
      this.close();
      throw error;
    }
    this.table.takeChanges();
  }

  /** One watch more, or one less, attends to a link. */
  attend(index: number, by: 1 | -1): void {
    const count = (this.attended.get(index) ?? 0) + by;
    if (count > 0) this.attended.set(index, count);
    else this.attended.delete(index);
    if (this.attended.size > 0)
      this.attention ??= setInterval(() => this.lookAtAttended(), ATTEND_MS).unref();
    else {
      clearInterval(this.attention);
      this.attention = undefined;
    }
  }

  close(): void {
    this.onIdle();
    this.readable.close();
    closeSync(this.fd);
    this.questions.close();
    this.wireless.close();
  }

  /** What was announced up to now shows from now on, and is told to those who watch by now. */
  refresh(): void {
    const changes = this.takeIn();
    const watches = [...this.watches];
    if (changes.length > 0) setImmediate(() => tell(watches, changes));
  }

  /** Takes in what was announced; returns what changed by it. */
  private takeIn(): LinkChange[] {
    let isLost = false;
    let areRoutesOld = false;
    for (let i = 0; i < MAX_READS; i++) {
      const length = readInto(this.fd, this.buffer.address, BUFFER_BYTES);
      if (length === -ENOBUFS) isLost = true;
      else if (length <= 0) break;
      else
        for (const message of routeMessagesOf(this.buffer.bytes.slice(0, length)))
          areRoutesOld = this.take(decodeNews(message)) || areRoutesOld;
    }
    if (isLost) {
      this.overruns++;
      this.askAll();
    } else if (areRoutesOld) this.askRoutes();
    return this.table.takeChanges();
  }

  /** Takes one message in; returns whether default routes may be others by it. */
  private take(news: News | undefined): boolean {
    if (news === undefined) return false;
    if (news.kind === 'route') return true;
    const isLoss = news.isGone || (news.kind === 'link' && !news.isUp);
    const areRoutesOld = isLoss && this.table.hasRoutes(news.index);
    this.table.apply(news);
    return areRoutesOld;
  }

  private askAll(): void {
    this.table.clear();
    for (const news of this.ask('interfaces', RTM_GETLINK, LINK_HEADER_BYTES)) this.take(news);
    for (const news of this.ask('addresses', RTM_GETADDR, ADDRESS_HEADER_BYTES)) this.take(news);
    this.askRoutes();
  }

  /** Asks for the state of the links that are attended to. */
  private lookAtAttended(): void {
    for (const index of this.attended.keys()) {
      const body = this.askLink(index);
      const news = body && decodeNews({ type: RTM_NEWLINK, sequence: 0, body });
      if (news?.kind === 'link') this.table.apply(news);
    }
    tell([...this.watches], this.table.takeChanges());
  }

  /** What the kernel says of one link; undefined where it is gone, which is announced at once. */
  private askLink(index: number): Uint8Array | undefined {
    const header = new Uint8Array(LINK_HEADER_BYTES);
    new DataView(header.buffer).setInt32(4, index, true);
    try {
      return this.questions.request('an interface', { type: RTM_GETLINK, header, attributes: [] });
    } catch (error) {
      if (error instanceof NetlinkError) return undefined;
      throw error;
    }
  }

  private askRoutes(): void {
    const news = this.ask('routes', RTM_GETROUTE, ROUTE_HEADER_BYTES);
    this.table.replaceRoutes(news.flatMap((one) => (one.kind === 'route' ? one.hops : [])));
  }

  private ask(label: string, type: number, headerBytes: number): News[] {
    const request = { type, header: new Uint8Array(headerBytes), attributes: [] };
    return this.questions.dump(label, request, decodeNews);
  }

  private kindOf(news: LinkNews): LinkKind {
    if (this.wireless.isWireless(news.index)) return 'wifi';
    return kindBySysfs(news) ?? kindByNews(news);
  }
}

/** Every watch hears, also when the function of one throws; that is thrown after. */
function tell(watches: readonly LinkWatch[], changes: readonly LinkChange[]): void {
  if (changes.length === 0) return;
  const failures: unknown[] = [];
  for (const watch of watches) {
    try {
      watch.tell(changes);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
