/**
 * How good the links are: facts from outside and looks at the paths go in, a quality for each link comes out. It becomes
 * worse at once and better only after a while, which grows when the link relapses; so nothing that follows it flaps.
 * Knows no policy, no connection and no clock.
 *
 * | evidence                                                                     | quality | slow |
 * | ---------------------------------------------------------------------------- | ------- | ---- |
 * | no carrier; every path silent, or timed out `deadTimeouts` times in a row    | dead    | yes  |
 * | the best path is over a threshold of round-trip time, timeout or loss        | poor    | yes  |
 * | the signal is weak                                                           | poor    | no   |
 * | anything else, and a link of which nothing is known                          | good    | no   |
 *
 * Read first: XNU, bsd/netinet/mptcp.c (mptcp_get_subflow) and mptcp_subr.c (mptcp_handover_use_cellular) for what a phone
 * goes by.
 */
import { NEVER } from '../base/index.js';
import { unknownLink, type LinkFacts, type LinkId } from './link-facts.js';
import type { PathSample } from './path-sample.js';
import { thresholdsWith, type QualityThresholds } from './thresholds.js';

/** How good a link is. */
export type LinkQuality = 'good' | 'poor' | 'dead';

/** What a link's quality is made of. */
export interface LinkAssessment {
  readonly quality: LinkQuality;
  /** Whether its paths are slow, or dead: data is better sent elsewhere. A link that is poor and not slow still does its work. */
  readonly isSlow: boolean;
  /** Whether it has been dead for so long that its paths are better ended and opened anew when it is back. */
  readonly isGivenUp: boolean;
}

/** Most links remembered; the one of which least would be lost makes way, the oldest of several. */
const MAX_LINKS = 64;
/** Most paths remembered of one link; further ones are not looked at. */
const MAX_PATHS = 64;
/** A round-trip time that fell below this part of what it was since the last look is on its way to something better. */
const SETTLING = 0.95;
/** Periods in a row that must have lost too much: the first may have been a slow start that went too far. */
const LOSSES = 2;
/** A link that was good for so many of its recoveries has no relapse behind it any more. */
const CALM_RECOVERIES = 8;

/** Evidence, the worse the higher. */
const FINE = 0;
const SLOW = 1;
const DEAD = 2;
type Evidence = typeof FINE | typeof SLOW | typeof DEAD;

const GOOD: LinkAssessment = Object.freeze({ quality: 'good', isSlow: false, isGivenUp: false });
const WEAK: LinkAssessment = Object.freeze({ quality: 'poor', isSlow: false, isGivenUp: false });
const POOR: LinkAssessment = Object.freeze({ quality: 'poor', isSlow: true, isGivenUp: false });
const DYING: LinkAssessment = Object.freeze({ quality: 'dead', isSlow: true, isGivenUp: false });
const GONE: LinkAssessment = Object.freeze({ quality: 'dead', isSlow: true, isGivenUp: true });

/** One path as it was looked at last. */
interface KnownPath {
  /** What the last look showed. */
  evidence: Evidence;
  /** `PathSample.srttNs` at the last look. */
  srttNs: number;
  /** `PathSample.bytesSent` at the last look. */
  lastBytesSent: number;
  /** When its loss was judged last, in ns. */
  judgedAt: number;
  /** `PathSample.bytesSent` then. */
  bytesSent: number;
  /** `PathSample.bytesRetransmitted` then. */
  bytesRetransmitted: number;
  /** How often in a row too much was lost. */
  losses: number;
}

function newPath(now: number): KnownPath {
  return {
    evidence: FINE,
    srttNs: 0,
    lastBytesSent: 0,
    judgedAt: now,
    bytesSent: 0,
    bytesRetransmitted: 0,
    losses: 0,
  };
}

/** One link. */
class KnownLink<P> {
  facts: LinkFacts = unknownLink;
  /** Whether its signal is weak. */
  isWeak = false;
  /** What its paths are like. */
  readonly paths = new Map<P, KnownPath>();
  /** What counts: as bad as the evidence, or as it lately was. */
  level: Evidence = FINE;
  /** Since when it is dead, in ns; without meaning while it is not. */
  deadAt = 0;
  /** Whether the evidence was worse than fine when it was looked at last. */
  isBad = false;
  /** Since when it is fine, in ns; without meaning while it is not. */
  fineSince = Number.NEGATIVE_INFINITY;
  /** When it came back to fine, in ns. */
  recoveredAt = Number.NEGATIVE_INFINITY;
  /** How long it has to be fine to count as such, in ns. */
  holdNs: number;

  constructor(holdNs: number) {
    this.holdNs = holdNs;
  }

  /** The best that its paths show: one that works shows that the link does. */
  get evidence(): Evidence {
    if (!this.facts.hasCarrier) return DEAD;
    let best: Evidence | undefined;
    for (const { evidence } of this.paths.values()) {
      if (best === undefined || evidence < best) best = evidence;
    }
    return best ?? FINE;
  }
}

export class LinkQualityMonitor<P = unknown> {
  readonly thresholds: QualityThresholds;
  private readonly links = new Map<LinkId, KnownLink<P>>();

  /** Throws `ERR_SUBFLOW_BAD_SETTING` for thresholds that contradict each other. */
  constructor(thresholds: Partial<QualityThresholds> = {}) {
    this.thresholds = thresholdsWith(thresholds);
  }

  /** Takes what is known of a link from outside. */
  noteFacts(now: number, id: LinkId, facts: LinkFacts): void {
    const link = this.linkOf(id);
    if (link.facts === facts) return;
    link.facts = facts;
    const { signalDbm } = facts;
    const { weakSignalDbm, strongSignalDbm } = this.thresholds;
    if (signalDbm === undefined || signalDbm >= strongSignalDbm) link.isWeak = false;
    else if (signalDbm <= weakSignalDbm) link.isWeak = true;
    this.judge(now, link);
  }

  /** The link `id` lost its carrier, and is perhaps no longer told of. */
  noteCarrierLoss(now: number, id: LinkId): void {
    const link = this.linkOf(id);
    if (link.facts.hasCarrier) this.noteFacts(now, id, { ...link.facts, hasCarrier: false });
  }

  /** Takes a look at a path of the link `id`. A path that has not been told of is known from here on. */
  noteSample(now: number, id: LinkId, path: P, sample: PathSample): void {
    const link = this.linkOf(id);
    let known = link.paths.get(path);
    if (known === undefined) {
      if (link.paths.size >= MAX_PATHS) return;
      known = newPath(now);
      link.paths.set(path, known);
    }
    known.evidence = this.evidenceOf(now, link, known, sample);
    this.judge(now, link);
  }

  /** Forgets the paths that `isKept` does not name. What they showed of their link counts until it had time to recover. */
  keepPaths(now: number, isKept: (path: P) => boolean): void {
    for (const link of this.links.values()) {
      let hasChanged = false;
      for (const path of link.paths.keys()) if (!isKept(path) && link.paths.delete(path)) hasChanged = true;
      if (hasChanged) this.judge(now, link);
    }
  }

  /** Lets links count as good that have been so for long enough. */
  review(now: number): void {
    for (const link of this.links.values()) this.judge(now, link);
  }

  /**
   * When after `now` the passing of time alone changes an assessment, or paths that are bad should be looked at again, for
   * nobody tells when one works again; in ns, `NEVER` when only news can change anything.
   */
  nextAt(now: number): number {
    const { giveUpNs, recoverNs } = this.thresholds;
    let at = NEVER;
    for (const link of this.links.values()) {
      const { evidence } = link;
      if (evidence > FINE && link.facts.hasCarrier) at = Math.min(at, now + recoverNs);
      else if (evidence === FINE && link.level > FINE) at = Math.min(at, link.fineSince + link.holdNs);
      if (link.level === DEAD && link.deadAt + giveUpNs > now) at = Math.min(at, link.deadAt + giveUpNs);
    }
    return at;
  }

  /** How good a link is; good when nothing is known of it. */
  qualityOf(id: LinkId): LinkQuality {
    return this.assess(0, id).quality;
  }

  /** The same with what it is made of. */
  assess(now: number, id: LinkId): LinkAssessment {
    const link = this.links.get(id);
    if (link === undefined) return GOOD;
    if (link.level === DEAD) return now - link.deadAt >= this.thresholds.giveUpNs ? GONE : DYING;
    if (link.level === SLOW) return POOR;
    return link.isWeak ? WEAK : GOOD;
  }

  private linkOf(id: LinkId): KnownLink<P> {
    let link = this.links.get(id);
    if (link !== undefined) return link;
    if (this.links.size >= MAX_LINKS) this.forgetOne();
    link = new KnownLink(this.thresholds.recoverNs);
    this.links.set(id, link);
    return link;
  }

  /** A link that is forgotten counts as good: first one that does so anyway, and that nobody uses. */
  private forgetOne(): void {
    let least: { readonly id: LinkId; readonly weight: number } | undefined;
    for (const [id, { level, paths }] of this.links) {
      const weight = 2 * level + (paths.size > 0 ? 1 : 0);
      if (least === undefined || weight < least.weight) least = { id, weight };
    }
    if (least !== undefined) this.links.delete(least.id);
  }

  private evidenceOf(now: number, link: KnownLink<P>, known: KnownPath, sample: PathSample): Evidence {
    const { slowTimeouts, deadTimeouts } = this.thresholds;
    const { srttNs, bytesSent } = sample;
    // Estimates of a path that carries nothing are of the past: it would be slow for ever.
    const isInUse = bytesSent > known.lastBytesSent;
    const isSettling = srttNs < known.srttNs * SETTLING;
    known.srttNs = srttNs;
    known.lastBytesSent = bytesSent;
    this.judgeLoss(now, known, sample);
    if (sample.isSilent || sample.timeouts >= deadTimeouts) return DEAD;
    if (sample.timeouts >= slowTimeouts) return SLOW;
    if (!isInUse) return FINE;
    return known.losses >= LOSSES || (!isSettling && this.isOverTime(link, sample)) ? SLOW : FINE;
  }

  /** Whether the round-trip time or the timeout is over its threshold. */
  private isOverTime({ isWeak }: KnownLink<P>, { srttNs, rtoNs }: PathSample): boolean {
    // Before a round trip was measured the timeout is a constant.
    if (srttNs === 0) return false;
    const { slowSrttNs, slowRtoNs, weakFactor } = this.thresholds;
    const factor = isWeak ? weakFactor : 1;
    return srttNs >= slowSrttNs * factor || rtoNs >= slowRtoNs * factor;
  }

  private judgeLoss(now: number, known: KnownPath, { bytesSent, bytesRetransmitted }: PathSample): void {
    const { slowLossRatio, minLossBytes, lossPeriodNs } = this.thresholds;
    const sent = bytesSent - known.bytesSent;
    if (sent < minLossBytes || now - known.judgedAt < lossPeriodNs) return;
    const isLossy = bytesRetransmitted - known.bytesRetransmitted >= sent * slowLossRatio;
    known.losses = isLossy ? known.losses + 1 : 0;
    known.judgedAt = now;
    known.bytesSent = bytesSent;
    known.bytesRetransmitted = bytesRetransmitted;
  }

  /** Brings the level in line with the evidence: down at once, up to fine after the hold. */
  private judge(now: number, link: KnownLink<P>): void {
    const { evidence } = link;
    if (evidence > FINE) {
      if (link.level === FINE) this.relapse(now, link);
      if (evidence === DEAD && link.level !== DEAD) link.deadAt = now;
      link.level = evidence;
      link.isBad = true;
      return;
    }
    if (link.isBad) link.fineSince = now;
    link.isBad = false;
    if (link.level === FINE || now < link.fineSince + link.holdNs) return;
    link.level = FINE;
    link.recoveredAt = now;
  }

  /** The link was fine and is not: the sooner after the last time, the longer it has to wait. */
  private relapse(now: number, link: KnownLink<P>): void {
    const { recoverNs, maxRecoverNs } = this.thresholds;
    const isSoon = now - link.recoveredAt < link.holdNs * CALM_RECOVERIES;
    link.holdNs = isSoon ? Math.min(maxRecoverNs, link.holdNs * 2) : recoverNs;
  }
}
