/**
 * Which paths a connection is to have and which of them are backups, for each service type. `choosePaths` is the rules: a
 * pure function of what is shown. `PathPolicy` puts a `LinkQualityMonitor` before it and knows when to ask again. The side
 * that opens the paths decides, so there is one of them for a client's connection.
 *
 * | type          | second path is opened                    | it carries data                      | and is closed              |
 * | ------------- | ---------------------------------------- | ------------------------------------ | -------------------------- |
 * | `none`        | never                                    |                                      |                            |
 * | `handover`    | when the first is poor or dead           | when the first is slow or dead       | when the first is good     |
 * | `interactive` | at once, as a backup                     | when the first is slow or dead       | never                      |
 * | `aggregate`   | at once                                  | always                               | never                      |
 * | `targetBased` | at once, as a backup                     | also when the target would be missed | never                      |
 *
 * A path on a link that stays dead is given up once another one is open; metered links that are barred lose theirs in any case.
 */
import { NEVER } from '../base/index.js';
import { rankOf, type LinkId } from './link-facts.js';
import { LinkQualityMonitor } from './link-quality.js';
import type { AssessedLink, PolicyAction, PolicyDecision, PolicyPath, PolicyView } from './policy-view.js';
import type { ServiceType } from './service-type.js';
import type { QualityThresholds } from './thresholds.js';

/** What the rules decide from. */
export interface AssessedView<P> extends Omit<PolicyView<P>, 'links'> {
  readonly links: readonly AssessedLink[];
}

/** A link with its paths. */
interface Lane<P> {
  readonly link: AssessedLink;
  readonly paths: readonly PolicyPath<P>[];
  /** Whether one of them is open. */
  readonly isOpen: boolean;
  /** Whether it carries data as things stand: an open path of it is no backup. */
  readonly isUsed: boolean;
}

/** How little a link is worth, whatever its kind: 0 does its work, 1 is slow, 2 is dead. */
function tierOf({ link }: Lane<unknown>): number {
  if (link.quality === 'dead') return 2;
  return link.isSlow ? 1 : 0;
}

/** The links that may be used, in the order in which they are to be. */
function lanesOf<P>({ links, paths, isMeteredBarred }: AssessedView<P>): Lane<P>[] {
  const lanes = links
    .filter(({ facts }) => !(isMeteredBarred && facts.isMetered))
    .map((link): Lane<P> => {
      const own = paths.filter((path) => path.link === link.id);
      return {
        link,
        paths: own,
        isOpen: own.some(({ isOpen }) => isOpen),
        isUsed: own.some(({ isOpen, isBackup }) => isOpen && !isBackup),
      };
    });
  return lanes.sort((a, b) => preference(a.link) - preference(b.link));
}

function preference({ facts, isInitial, isSpare }: AssessedLink): number {
  return (isSpare ? 32 : 0) + rankOf(facts) * 2 + (isInitial ? 0 : 1);
}

/** The first of the best; among links that are all bad, the one in use, for a change would gain nothing. */
function bestOf<P>(lanes: readonly Lane<P>[]): Lane<P> | undefined {
  let best: Lane<P> | undefined;
  for (const lane of lanes) {
    if (best === undefined || tierOf(lane) < tierOf(best)) best = lane;
    else if (tierOf(lane) > 0 && tierOf(lane) === tierOf(best) && lane.isUsed && !best.isUsed) best = lane;
  }
  return best;
}

/** What the rules of one service type say about the lanes, given which of them is best and which carries the data. */
interface Situation<P> {
  readonly view: AssessedView<P>;
  readonly lanes: readonly Lane<P>[];
  /** The one that should carry the data: it has a path, or may get one. */
  readonly wanted: Lane<P> | undefined;
  /** The best that is open. */
  readonly main: Lane<P> | undefined;
}

/** What a lane is to be. */
type Role = 'regular' | 'backup' | 'closed' | 'as-it-is';

function roleInHandover<P>(lane: Lane<P>, { lanes, wanted, main }: Situation<P>): Role {
  if (lane === main) return 'regular';
  if (lane === wanted) return 'regular';
  if (main === undefined || main !== wanted) return lane.isOpen ? 'backup' : 'as-it-is';
  // What goes before the one in use is bad now, and watched.
  if (lanes.indexOf(lane) < lanes.indexOf(main)) return lane.paths.length > 0 ? 'backup' : 'as-it-is';
  if (main.link.quality === 'good') return 'closed';
  const spare = lanes.find((other) => other !== main && other.link.quality === 'good');
  return lane === spare || lane.paths.length > 0 ? 'backup' : 'as-it-is';
}

function roleOf<P>(type: ServiceType, lane: Lane<P>, situation: Situation<P>): Role {
  const { main, wanted, view } = situation;
  if (type === 'handover') return roleInHandover(lane, situation);
  const isDead = lane.link.quality === 'dead';
  if (lane.paths.length === 0 && isDead && lane !== wanted) return 'as-it-is';
  if (lane === main || (lane === wanted && !lane.isOpen)) return 'regular';
  if (lane.link.isSpare || type === 'interactive') return 'backup';
  if (type === 'aggregate') return 'regular';
  return view.isBehindTarget && !isDead ? 'regular' : 'backup';
}

/** Actions that give every lane its role: first what carries data, last what ends. */
class Plan<P> {
  private readonly raised: PolicyAction<P>[] = [];
  private readonly lowered: PolicyAction<P>[] = [];
  private readonly opened: PolicyAction<P>[] = [];
  private readonly closed: PolicyAction<P>[] = [];
  private room: number;

  constructor(room: number) {
    this.room = room;
  }

  get actions(): PolicyAction<P>[] {
    return [...this.raised, ...this.lowered, ...this.opened, ...this.closed];
  }

  assign({ link, paths }: Lane<P>, role: Role): void {
    if (role === 'as-it-is') return;
    if (role === 'closed') {
      for (const path of paths) this.close(path, false);
      return;
    }
    const isBackup = role === 'backup';
    if (paths.length === 0) this.open(link, isBackup);
    for (const path of paths) {
      if (!path.isOpen || path.isBackup === isBackup) continue;
      (isBackup ? this.lowered : this.raised).push({ type: 'set-backup', path: path.id, isBackup });
    }
  }

  close(path: PolicyPath<P>, isLost: boolean): void {
    this.closed.push({ type: 'close', path: path.id, isLost });
  }

  private open({ id, mayOpen }: AssessedLink, isBackup: boolean): void {
    if (!mayOpen || this.room <= 0) return;
    this.room--;
    this.opened.push({ type: 'open', link: id, isBackup });
  }
}

/** The rules: what is to be done, and the link that is to carry the data. */
export function choosePaths<P>(
  type: ServiceType,
  view: AssessedView<P>,
): Pick<PolicyDecision<P>, 'actions' | 'main'> {
  const lanes = lanesOf(view);
  const wanted = bestOf(lanes.filter(({ link, paths }) => paths.length > 0 || link.mayOpen));
  const main = bestOf(lanes.filter(({ isOpen }) => isOpen));
  if (type === 'none') return { actions: [], main: main?.link.id };
  const plan = new Plan<P>(view.room);
  const situation = { view, lanes, wanted, main };
  for (const lane of lanes) {
    if (main !== undefined && lane !== main && lane.link.isGivenUp) {
      for (const path of lane.paths) plan.close(path, true);
    } else plan.assign(lane, roleOf(type, lane, situation));
  }
  for (const path of view.paths) {
    if (!lanes.some(({ link }) => link.id === path.link)) plan.close(path, false);
  }
  return { actions: plan.actions, main: main?.link.id };
}

/** The policy of one connection. */
export class PathPolicy<P> {
  readonly type: ServiceType;
  /** How good the links are, by what this connection was shown. */
  readonly monitor: LinkQualityMonitor<P>;

  /** Throws `ERR_SUBFLOW_BAD_SETTING` for thresholds that contradict each other. */
  constructor(type: ServiceType, thresholds?: Partial<QualityThresholds>) {
    this.type = type;
    this.monitor = new LinkQualityMonitor(thresholds);
  }

  /**
   * Takes a look at everything and says what is to be done. To be called when something happened (a path opened, ended, fell
   * silent or timed out; facts changed; addresses came or went), and at `nextAt`. How often else, while data flows, is the
   * owner's to choose: a few times a second shows slow paths in time.
   */
  decide(now: number, view: PolicyView<P>): PolicyDecision<P> {
    const { monitor, type } = this;
    for (const { id, facts } of view.links) monitor.noteFacts(now, id, facts);
    monitor.keepPaths(now, (path) => view.paths.some(({ id }) => id === path));
    for (const { id, link, sample } of view.paths) {
      if (sample !== undefined) monitor.noteSample(now, link, id, sample);
    }
    monitor.review(now);
    const links = view.links.map((link): AssessedLink => ({ ...link, ...monitor.assess(now, link.id) }));
    const { actions, main } = choosePaths(type, { ...view, links });
    return { actions, main, nextAt: type === 'none' ? NEVER : monitor.nextAt(now) };
  }

  /** A link without carrier, which may have left the view: its quality is remembered for when it is back. */
  noteCarrierLoss(now: number, link: LinkId): void {
    this.monitor.noteCarrierLoss(now, link);
  }
}
