import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Model, link } from '../../test/support/policy-model.js';
import { MILLISECOND } from '../base/index.js';
import { rankOf, type LinkFacts, type LinkId } from './link-facts.js';
import type { LinkAssessment } from './link-quality.js';
import { defaultThresholds } from './thresholds.js';
import type { ServiceType } from './service-type.js';

/** What may happen to one of the links. */
type Happening =
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'open' }
  | { readonly kind: 'signal'; readonly link: LinkId; readonly dbm: number }
  | { readonly kind: 'carrier'; readonly link: LinkId; readonly has: boolean }
  | { readonly kind: 'path'; readonly link: LinkId; readonly state: 'fine' | 'timeout' | 'silent' | 'slow' }
  | { readonly kind: 'bar' };

const all: readonly [LinkId, LinkFacts][] = [
  [1, { kind: 'wifi', isMetered: false, hasCarrier: true }],
  [2, { kind: 'cellular', isMetered: true, hasCarrier: true }],
  [3, { kind: 'wired', isMetered: false, hasCarrier: true }],
];
const linkId = fc.constantFrom(1, 2, 3);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'open' as const }) },
  fc.record({ kind: fc.constant('signal' as const), link: linkId, dbm: fc.integer({ min: -90, max: -50 }) }),
  fc.record({ kind: fc.constant('carrier' as const), link: linkId, has: fc.boolean() }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('path' as const),
      link: linkId,
      state: fc.constantFrom('fine' as const, 'timeout' as const, 'silent' as const, 'slow' as const),
    }),
  },
);

/** A connection to which such things happen, with everything that must hold looked at after each. */
class Watched {
  readonly model: Model;
  private readonly type: ServiceType;
  private readonly carriers = new Map<LinkId, boolean>(all.map(([id]) => [id, true]));
  private facts = new Map(all);
  private main: LinkId | undefined;
  private sent = 0;
  private states = new Map<LinkId, 'fine' | 'timeout' | 'silent' | 'slow'>();
  /** When each link last turned good, in ns. */
  private readonly goodAt = new Map<LinkId, number>();
  private before = new Map<LinkId, LinkAssessment>();

  constructor(type: ServiceType) {
    this.type = type;
    this.model = new Model(type);
    this.model.links = all.map(([id, facts]) => link(id, facts, { isInitial: id === 1 }));
    this.decide(0);
  }

  happen(what: Happening): void {
    const { model } = this;
    if (what.kind === 'bar') model.isMeteredBarred = true;
    if (what.kind === 'signal')
      this.facts.set(what.link, { ...this.facts.get(what.link)!, signalDbm: what.dbm });
    if (what.kind === 'path') this.states.set(what.link, what.state);
    if (what.kind === 'carrier') {
      if (!what.has && this.carriers.get(what.link) === true)
        model.policy.noteCarrierLoss(model.now, what.link);
      this.carriers.set(what.link, what.has);
      // The owner closes what was on it.
      if (!what.has) model.paths = model.paths.filter((path) => path.link !== what.link);
    }
    if (what.kind === 'open') model.paths = model.paths.map((path) => ({ ...path, isOpen: true }));
    this.decide(what.kind === 'pass' ? what.ms * MILLISECOND : 0);
  }

  /** Lets everything be fine for so long that no bad memory is left, a second at a time. */
  recover(): void {
    for (const [id] of all) {
      this.carriers.set(id, true);
      this.states.set(id, 'fine');
    }
    this.facts = new Map(all);
    for (let i = 0; i < 60; i++) {
      this.happen({ kind: 'open' });
      this.happen({ kind: 'pass', ms: 1000 });
    }
  }

  private decide(ns: number): void {
    const { model } = this;
    this.sent += 10_000;
    const shown = [...this.facts].filter(([id]) => this.carriers.get(id) === true);
    model.links = shown.map(([id, facts]) => link(id, facts, { isInitial: id === 1 }));
    for (const [id] of all) {
      const state = this.states.get(id) ?? 'fine';
      model.look(id, {
        bytesSent: this.sent,
        timeouts: state === 'timeout' ? 1 : 0,
        isSilent: state === 'silent',
        srttNs: (state === 'slow' ? 700 : 20) * MILLISECOND,
      });
    }
    const regularBefore = this.main;
    const open = new Set(model.paths.filter(({ isOpen }) => isOpen).map((path) => path.link));
    model.decide(ns);
    this.checkFlapping();
    this.checkPaths(open, regularBefore);
  }

  private assess(id: LinkId): LinkAssessment {
    return this.model.policy.monitor.assess(this.model.now, id);
  }

  /** A link does not turn good twice within the least time to recover. */
  private checkFlapping(): void {
    const { now } = this.model;
    for (const [id] of all) {
      const after = this.assess(id);
      const { isSlow: wasSlow = false } = this.before.get(id) ?? {};
      if (wasSlow && !after.isSlow) {
        expect(now - (this.goodAt.get(id) ?? -Infinity)).toBeGreaterThanOrEqual(defaultThresholds.recoverNs);
        this.goodAt.set(id, now);
      }
      this.before.set(id, after);
    }
  }

  private checkPaths(open: ReadonlySet<LinkId>, before: LinkId | undefined): void {
    const { model } = this;
    const { isMeteredBarred } = model;
    if (isMeteredBarred) expect(model.paths.some((path) => path.link === 2)).toBe(false);
    const usable = [...open].filter((id) => this.carriers.get(id) === true && !(isMeteredBarred && id === 2));
    const good = usable.filter((id) => !this.assess(id).isSlow);
    const regular = model.paths
      .filter(({ isOpen, isBackup }) => isOpen && !isBackup)
      .map((path) => path.link);
    if (this.type === 'handover' || this.type === 'interactive') {
      expect(new Set(regular).size).toBe(usable.length > 0 ? 1 : 0);
      // No link that does badly is used while one that does well is open.
      if (good.length > 0) expect(good).toContain(regular[0]);
      this.main = regular[0];
      // The data moves only away from what is bad or gone, or to what is preferred and does well.
      if (
        before !== undefined &&
        this.main !== undefined &&
        this.main !== before &&
        usable.includes(before)
      ) {
        const isAway = this.assess(before).isSlow;
        const isHome = rankOf(this.facts.get(this.main)!) < rankOf(this.facts.get(before)!);
        expect(isAway || (isHome && !this.assess(this.main).isSlow)).toBe(true);
      }
    } else if (good.length > 0) expect(regular.some((id) => good.includes(id))).toBe(true);
  }
}

describe.each(['handover', 'interactive', 'aggregate', 'targetBased'] as const)(
  'whatever happens, %s',
  (type) => {
    it('uses no backup while a good path is open, flaps no faster than links recover, and keeps off barred links', () => {
      fc.assert(
        fc.property(
          fc.array(fc.oneof({ weight: 40, arbitrary: happening }, fc.constant({ kind: 'bar' as const })), {
            maxLength: 60,
          }),
          (happenings) => {
            const watched = new Watched(type);
            for (const each of happenings) watched.happen(each);
          },
        ),
        { numRuns: 300, seed: 19 },
      );
    });

    it('has the paths of a quiet time again when all is quiet again', () => {
      fc.assert(
        fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
          const watched = new Watched(type);
          for (const each of happenings) watched.happen(each);
          watched.recover();
          const state = watched.model.paths
            .map((each) => `${each.link}${each.isBackup ? ' backup' : ''}`)
            .sort();
          const backups = type === 'aggregate' ? ['1', '2', '3'] : ['1 backup', '2 backup', '3'];
          expect(state).toEqual(type === 'handover' ? ['3'] : backups);
        }),
        { numRuns: 100, seed: 19 },
      );
    });
  },
);
