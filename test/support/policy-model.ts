/** For tests of src/policy: a connection as the policy sees it, in which everything that is decided happens. */
import { NEVER } from '../../src/base/index.js';
import { PathPolicy } from '../../src/policy/index.js';
import type {
  LinkFacts,
  PathSample,
  PolicyAction,
  PolicyLink,
  PolicyPath,
  PolicyView,
  ServiceType,
} from '../../src/policy/index.js';

export const WIFI = 1;
export const CELL = 2;
export const wifi: LinkFacts = { kind: 'wifi', isMetered: false, hasCarrier: true };
export const cell: LinkFacts = { kind: 'cellular', isMetered: true, hasCarrier: true };
const healthy: PathSample = {
  srttNs: 20e6,
  rtoNs: 220e6,
  timeouts: 0,
  bytesSent: 0,
  bytesRetransmitted: 0,
  isSilent: false,
};

/** A connection as the policy sees it: what it decides is done at once, paths open when the test says so. */
export class Model {
  readonly policy: PathPolicy<string>;
  now = 0;
  links: PolicyLink[] = [link(CELL, cell), link(WIFI, wifi, { isInitial: true })];
  paths: PolicyPath<string>[] = [path('wifi-1', WIFI)];
  room = 7;
  isMeteredBarred = false;
  isBehindTarget = false;
  nextAt = NEVER;
  private opened = 1;

  constructor(type: ServiceType) {
    this.policy = new PathPolicy(type);
  }

  /** Decides after `ns` more, and does what was decided; returns it. */
  decide(ns = 0): PolicyAction<string>[] {
    this.now += ns;
    const { links, paths, room, isMeteredBarred, isBehindTarget } = this;
    const view: PolicyView<string> = { links, paths, room, isMeteredBarred, isBehindTarget };
    const { actions, nextAt } = this.policy.decide(this.now, view);
    this.nextAt = nextAt;
    for (const action of actions) this.perform(action);
    return [...actions];
  }

  /** What the paths are by now, in words. */
  get state(): string[] {
    return this.paths.map(
      ({ id, isOpen, isBackup }) => `${id}${isOpen ? '' : ' opening'}${isBackup ? ' backup' : ''}`,
    );
  }

  /** Lets the paths that are being opened open, and decides. */
  open(): PolicyAction<string>[] {
    this.paths = this.paths.map((each) => ({ ...each, isOpen: true }));
    return this.decide();
  }

  /** What the paths of a link look like from now on. */
  look(id: number, sample: Partial<PathSample>): this {
    this.paths = this.paths.map((each) =>
      each.link === id ? { ...each, sample: { ...healthy, ...each.sample, ...sample } } : each,
    );
    return this;
  }

  facts(id: number, facts: Partial<LinkFacts>): this {
    this.links = this.links.map((each) =>
      each.id === id ? { ...each, facts: { ...each.facts, ...facts } } : each,
    );
    return this;
  }

  private perform(action: PolicyAction<string>): void {
    if (action.type === 'open') {
      const name = action.link === WIFI ? 'wifi' : action.link === CELL ? 'cell' : `link${action.link}`;
      this.paths = [
        ...this.paths,
        path(`${name}-${++this.opened}`, action.link, { isOpen: false, isBackup: action.isBackup }),
      ];
    } else if (action.type === 'close') this.paths = this.paths.filter(({ id }) => id !== action.path);
    else
      this.paths = this.paths.map((each) =>
        each.id === action.path ? { ...each, isBackup: action.isBackup } : each,
      );
  }
}

export function link(id: number, facts: LinkFacts, changes: Partial<PolicyLink> = {}): PolicyLink {
  return { id, facts, mayOpen: true, isInitial: false, isSpare: false, ...changes };
}

export function path(id: string, on: number, changes: Partial<PolicyPath<string>> = {}): PolicyPath<string> {
  return { id, link: on, isOpen: true, isBackup: false, sample: healthy, ...changes };
}
