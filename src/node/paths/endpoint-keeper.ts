/**
 * The kernel's endpoints for the uplinks: makes those that the roles of the links ask for, changes them, takes them away when no
 * connection would lose its last subflow by it, and makes lost subflows come back.
 *
 * What Linux does, and what follows from it (docs/decisions/0029-kernel-paths.md):
 *
 * - An endpoint that is made gives connections that are there a subflow at once. Its removal ends the subflows from its address, the
 *   first one of a connection among them: also where that was the last.
 * - So the link of the default route, where connections begin, has no endpoint until a connection lacks a subflow there.
 * - A subflow that was lost does not come back by itself: the endpoint counts as used up for that connection until it is removed.
 */
import { SECOND } from '../../base/index.js';
import type { KernelEndpoint, ListedSubflow } from '../../linux/index.js';
import { MAX_KERNEL_ENDPOINTS } from '../../netlink/index.js';
import type { LinkId } from '../../policy/index.js';
import { IpAddress } from '../../wire/index.js';
import { CommandedConnections } from './commanded.js';
import type { Connections, MissingSubflow } from './connections.js';
import type { Ledger, OwnEndpoint } from './ledger.js';
import type { Machine } from './machine.js';
import type { Step } from './steps.js';
import type { UplinkCandidate, UplinkWay } from './uplinks.js';

/** How long an endpoint is left alone after it was made anew: where others have subflows on it, and where none has. */
const DISTURBING_NS = 30 * SECOND;
const QUIET_NS = SECOND;

/** What a link is for. */
export interface LinkRole {
  readonly isBackup: boolean;
}

/** How steps are done: false where the kernel refused. */
export type Act = (step: Step) => boolean;

/** One endpoint that should be there. */
interface Wanted {
  readonly link: UplinkCandidate['link'];
  readonly way: UplinkWay;
  readonly isBackup: boolean;
}

export class EndpointKeeper {
  private readonly machine: Machine;
  private readonly ledger: Ledger | undefined;
  private readonly connections: Connections;
  private readonly act: Act;
  private readonly commanded: CommandedConnections;
  /** When an endpoint was made last, in ns, by address. */
  private readonly madeAt = new Map<string, number>();
  /** Ways of default routes on which a connection lacks a subflow: they have an endpoint from then on. */
  private readonly needed = new Set<string>();

  /** Without a ledger nothing is done to stay: a rehearsal. */
  constructor(machine: Machine, ledger: Ledger | undefined, connections: Connections, act: Act) {
    this.machine = machine;
    this.ledger = ledger;
    this.connections = connections;
    this.act = act;
    this.commanded = new CommandedConnections(machine.connections, connections);
  }

  /**
   * Brings endpoints in line with the roles at `now`. `isGood` says which links may be relied on; `strays` are addresses of former uplinks
   * that no interface has any more. On `closed` links nothing stays, not even what a connection stands on alone.
   */
  keep(
    now: number,
    uplinks: readonly UplinkCandidate[],
    roles: ReadonlyMap<LinkId, LinkRole>,
    isGood: (link: LinkId) => boolean,
    strays: readonly IpAddress[] = [],
    closed: ReadonlySet<LinkId> = new Set(),
  ): void {
    if (this.machine.rehearsed === undefined) this.commanded.follow(uplinks, roles, isGood, closed);
    const there = this.machine.endpoints.list();
    this.forgetStrangers(there);
    const ways = uplinks.flatMap(({ link, ways }) => ways.map((way) => ({ link, way })));
    this.forgetAddresses(new Set(ways.map(({ way }) => keyOf(way))));
    const wanted = ways.flatMap(({ link, way }): Wanted[] => {
      const role = roles.get(link.index);
      const isSpared = way.isDefault && !this.needed.has(keyOf(way)) && !this.isOwn(way, link.index);
      return role === undefined || isSpared ? [] : [{ link, way, isBackup: role.isBackup }];
    });
    let room = MAX_KERNEL_ENDPOINTS - there.length;
    for (const each of wanted) {
      const found = there.find((one) => isAt(one, each.way) && !one.flags.includes('implicit'));
      if (found === undefined) room -= room > 0 && this.make(now, each) ? 1 : 0;
      else this.correct(found, each);
    }
    for (const own of this.owned()) {
      const isClosed = closed.has(own.interfaceIndex);
      if (!wanted.some(({ link, way }) => isFor(own, way, link.index)))
        this.dismiss(own, there, isGood, isClosed);
    }
    for (const { link, way } of ways) {
      const isClosed = closed.has(link.index);
      if ((roles.size > 0 || isClosed) && !roles.has(link.index))
        this.endInitial(way.address, isGood, isClosed);
    }
    for (const address of strays) this.endInitial(address, isGood);
  }

  /** Has subflows that connections lack made anew at `now`; gives those that were asked for. */
  recreate(
    now: number,
    due: readonly MissingSubflow[],
    uplinks: readonly UplinkCandidate[],
    isBackup: (link: LinkId) => boolean,
    isGood: (link: LinkId) => boolean,
  ): MissingSubflow[] {
    const made: MissingSubflow[] = [];
    const left = due.filter((entry) => {
      const isDone =
        this.machine.rehearsed === undefined && this.commanded.open(entry, uplinks, isBackup(entry.link));
      if (isDone) made.push(entry);
      return !isDone;
    });
    for (const { link, ways } of uplinks) {
      for (const way of ways) {
        const entries = left.filter(
          (entry) => entry.link === link.index && entry.connection.family === way.family,
        );
        if (entries.length > 0 && this.renew(now, { link, way, isBackup: isBackup(link.index) }, isGood))
          made.push(...entries);
      }
    }
    for (const entry of made) this.connections.noteAttempt(now, entry);
    return made;
  }

  /** Takes everything back that no connection stands on alone, or everything at all; gives the addresses of what is left. */
  undo(isForced: boolean): string[] {
    const there = this.machine.endpoints.list();
    this.forgetStrangers(there);
    for (const own of this.owned()) this.dismiss(own, there, () => true, isForced);
    return this.owned().map(({ address }) => address);
  }

  private owned(): readonly OwnEndpoint[] {
    return [...(this.ledger?.endpoints ?? [])];
  }

  private isOwn(way: UplinkWay, index: number): boolean {
    return this.owned().some((own) => isFor(own, way, index));
  }

  /** What was ours and is gone, or somebody else's by now, is forgotten; what was being made when a program ended is recognised. */
  private forgetStrangers(there: readonly KernelEndpoint[]): void {
    const { ledger } = this;
    if (ledger === undefined) return;
    const kept = ledger.endpoints.filter((own) => {
      const found = there.find(
        ({ id, address, interfaceIndex }) =>
          address === own.address && interfaceIndex === own.interfaceIndex && (own.id ?? id) === id,
      );
      own.id ??= found?.id;
      return found !== undefined;
    });
    if (kept.length === ledger.endpoints.length) return;
    ledger.endpoints.splice(0, ledger.endpoints.length, ...kept);
    ledger.save();
  }

  /** What is noted of addresses goes with them: there is no end of new ones. */
  private forgetAddresses(there: ReadonlySet<string>): void {
    for (const notes of [this.madeAt, this.needed])
      for (const address of notes.keys()) if (!there.has(address)) notes.delete(address);
  }

  private make(now: number, { link, way, isBackup }: Wanted): boolean {
    const { ledger } = this;
    const own: OwnEndpoint = { address: way.address.toString(), interfaceIndex: link.index };
    ledger?.endpoints.push(own);
    ledger?.save();
    const { address } = way;
    const isMade = this.act({
      ...{ do: 'add-endpoint', address, interfaceIndex: link.index, device: link.name, isBackup },
    });
    this.madeAt.set(own.address, now);
    if (ledger === undefined) return true;
    if (isMade) own.id = this.machine.endpoints.list().find((one) => isAt(one, way))?.id;
    else ledger.endpoints.splice(ledger.endpoints.indexOf(own), 1);
    ledger.save();
    return isMade;
  }

  /** Sets the priority of an endpoint of ours; that of another's is as it is. */
  private correct(found: KernelEndpoint, { link, way, isBackup }: Wanted): void {
    if (!this.isOwn(way, link.index) || found.flags.includes('backup') === isBackup) return;
    this.act({ do: 'set-backup', id: found.id, address: way.address, isBackup });
  }

  private dismiss(
    own: OwnEndpoint,
    there: readonly KernelEndpoint[],
    isGood: (link: LinkId) => boolean,
    isForced = false,
  ): boolean {
    const found = there.find(({ id }) => id === own.id);
    const address = IpAddress.parse(own.address);
    if (found === undefined || address === undefined) return false;
    if (!isForced && !this.connections.mayEnd(isFrom(own.address), isGood)) return false;
    if (!this.act({ do: 'remove-endpoint', id: found.id, address })) return false;
    const { ledger } = this;
    ledger?.endpoints.splice(ledger.endpoints.indexOf(own), 1);
    ledger?.save();
    this.needed.delete(own.address);
    this.connections.noteEnded(isFrom(own.address));
    return true;
  }

  /** Ends the subflows that connections began with from an address that is not to be used, once all of them have others, or at once. */
  private endInitial(address: IpAddress, isGood: (link: LinkId) => boolean, isForced = false): void {
    const isFromHere = isFrom(address.toString());
    const isThere = this.connections.countOn((subflow) => isFromHere(subflow) && !subflow.isJoin) > 0;
    if (!isThere || !(isForced || this.connections.mayEnd(isFromHere, isGood))) return;
    if (this.act({ do: 'end-initial', address })) this.connections.noteEnded(isFromHere);
  }

  /** By making the endpoint anew, or at all. */
  private renew(now: number, wanted: Wanted, isGood: (link: LinkId) => boolean): boolean {
    const { link, way } = wanted;
    const address = keyOf(way);
    const there = this.machine.endpoints.list();
    const own = this.owned().find((one) => isFor(one, way, link.index));
    if (own === undefined) {
      // Somebody else's is left as it is; a missing one is made with the next look.
      if (there.some((one) => isAt(one, way) && !one.flags.includes('implicit'))) return false;
      this.needed.add(address);
      return this.make(now, wanted);
    }
    const others = this.connections.countOn(isFrom(address));
    const age = now - (this.madeAt.get(address) ?? Number.NEGATIVE_INFINITY);
    if (age < (others > 0 ? DISTURBING_NS : QUIET_NS)) return false;
    return this.dismiss(own, there, isGood) && this.make(now, wanted);
  }
}

function keyOf(way: UplinkWay): string {
  return way.address.toString();
}

function isAt(endpoint: KernelEndpoint, way: UplinkWay): boolean {
  return endpoint.port === 0 && endpoint.address === keyOf(way);
}

function isFor(own: OwnEndpoint, way: UplinkWay, index: number): boolean {
  return own.address === keyOf(way) && own.interfaceIndex === index;
}

/** Whether a subflow is sent from an address. */
function isFrom(address: string): (subflow: ListedSubflow) => boolean {
  return ({ local }) => local.address === address;
}
