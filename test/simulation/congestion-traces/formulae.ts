/**
 * Congestion controls as their sources publish them, in segments and seconds and as plainly as there: what a connection's
 * windows must be after each event of a trace. Nothing of the engine is called. What all have in common is RFC 5681 and
 * RFC 7661: a window grows by slow start below its threshold, by no more than eight segments an ACK (RFC 9406 §4.3), and
 * not at all while less than half of it is used.
 */

import type { AckEvent, CongestionTrace, TraceEvent } from './trace.js';

/** A subflow. */
export interface Flow {
  /** Window and threshold, segments. */
  w: number;
  ssthresh: number;
  /** What of its window it uses, which is what the others see (RFC 6356 §3). */
  used: number;
  /** Smoothed round-trip time; 0 until the first acknowledgment: it does not count before. */
  rtt: number;
  /** Segments between the last two losses, and since the last (OLIA: l1, l2). */
  l1: number;
  l2: number;
}

/** An algorithm; `all` are the subflows that count, `r` among them. */
export interface Formula {
  /** Growth in congestion avoidance for `segments` delivered, for algorithms that grow by ACKs. */
  readonly grow: (r: Flow, all: readonly Flow[], segments: number, ack: AckEvent) => number;
  /** What a loss leaves of `w` segments in use. */
  readonly cut: (r: Flow, all: readonly Flow[], w: number, isTimeout: boolean) => number;
  /** Least threshold, segments. */
  readonly least: number;
  /** Told of an acknowledgment before the window grows. */
  readonly note?: (r: Flow, all: readonly Flow[], ack: AckEvent, isUsed: boolean) => void;
}

const sum = (all: readonly Flow[], value: (p: Flow) => number): number =>
  all.reduce((total, p) => total + value(p), 0);
const max = (all: readonly Flow[], value: (p: Flow) => number): number => Math.max(...all.map(value));
const rate = (p: Flow): number => p.used / p.rtt;
const half = (_r: Flow, _all: readonly Flow[], w: number): number => w / 2;

/** RFC 5681 §3.1, equations 3 and 4. */
export const newReno = (): Formula => ({ grow: (r, _all, n) => n / r.w, cut: half, least: 2 });

/** RFC 6356 §3, equations 1 and 2. */
export const lia = (): Formula => ({
  grow: (r, all, n) => {
    const total = sum(all, (p) => p.used);
    const alpha = (total * max(all, (p) => p.used / p.rtt ** 2)) / sum(all, rate) ** 2;
    return n * Math.min(alpha / total, 1 / r.w);
  },
  cut: half,
  least: 2,
});

/** Khalili et al., CoNEXT 2012, equations 5 to 7. */
export const olia = (): Formula => ({
  grow: (r, all, n) => {
    if (all.length < 2) return n / r.w;
    const quality = (p: Flow): number => Math.max(p.l1, p.l2) / p.rtt ** 2;
    const size = (p: Flow): number => Math.floor(p.used);
    const largest = all.filter((p) => size(p) === max(all, size));
    const collected = all.filter((p) => quality(p) === max(all, quality) && !largest.includes(p));
    let alpha = 0;
    if (collected.includes(r)) alpha = 1 / (all.length * collected.length);
    else if (collected.length > 0 && largest.includes(r)) alpha = -1 / (all.length * largest.length);
    return n * (r.used / r.rtt ** 2 / sum(all, rate) ** 2 + alpha / r.w);
  },
  cut: half,
  least: 1,
});

/** Peng et al., ToN 2016, §V: x is the rate, and alpha how many times the rate of the fastest is this one's. */
export const balia = (): Formula => ({
  grow: (r, all, n) => {
    if (all.length < 2) return n / r.w;
    const alpha = max(all, rate) / rate(r);
    return (n * (rate(r) / (r.rtt * sum(all, rate) ** 2)) * (1 + alpha) * (4 + alpha)) / 10;
  },
  cut: (r, all, w) => (all.length < 2 ? w / 2 : w - (w / 2) * Math.min(max(all, rate) / rate(r), 1.5)),
  least: 1,
});

/** RFC 9438 §4: the curve of a flow since its last loss. */
interface Curve {
  /** W_max and cwnd_prior. */
  max: number;
  prior: number;
  /** Of the epoch: its beginning's plateau and K, its time so far, W_est; undefined until it begins. */
  epoch: { plateau: number; k: number; t: number; est: number } | undefined;
  last: number;
}

/** RFC 9438 §4.2 to §4.7, with C of 0.4 and beta of 0.7. */
export const cubic = (): Formula => {
  const curves = new Map<Flow, Curve>();
  const curveOf = (r: Flow): Curve => {
    const found = curves.get(r) ?? { max: r.w / 0.7, prior: r.w / 0.7, epoch: undefined, last: 0 };
    curves.set(r, found);
    return found;
  };
  return {
    note: (r, _all, ack, isUsed) => {
      // §5.8: time in which the window is not used is no time of the curve.
      if (!isUsed) curveOf(r).last = ack.at / 1e9;
    },
    grow: (r, _all, n, ack) => {
      const curve = curveOf(r);
      const now = ack.at / 1e9;
      if (curve.epoch === undefined) {
        const plateau = Math.max(curve.max, r.w);
        curve.epoch = { plateau, k: Math.cbrt((plateau - r.w) / 0.4), t: 0, est: r.w };
        curve.last = now;
      }
      const { epoch } = curve;
      epoch.t += now - curve.last;
      curve.last = now;
      const at = (t: number): number => 0.4 * (t - epoch.k) ** 3 + epoch.plateau;
      epoch.est += ((epoch.est < curve.prior ? (3 * 0.3) / 1.7 : 1) * n) / r.w;
      if (at(epoch.t) < epoch.est) return Math.max(r.w, epoch.est) - r.w;
      const target = Math.min(Math.max(at(epoch.t + r.rtt), r.w), 1.5 * r.w);
      return ((target - r.w) * n) / r.w;
    },
    cut: (r, _all, w, isTimeout) => {
      const curve = curveOf(r);
      curve.prior = w;
      curve.max = isTimeout ? 0 : w < curve.max ? (w * 1.7) / 2 : w;
      curve.epoch = undefined;
      return 0.7 * w;
    },
    least: 2,
  };
};

/** What a subflow of wVegas knows. */
interface Vegas {
  base: number;
  sum: number;
  count: number;
  isJudged: boolean;
  alpha: number;
  rate: number;
  leastQueue: number;
}

/**
 * Cao, Xu, Fu, ICNP 2012, algorithm 1, once a round trip of at least three samples. As ours has it, the queue is drained
 * only while it holds what the path may have there.
 */
export const wvegas = (): Formula => {
  const known = new Map<Flow, Vegas>();
  const fresh = { sum: 0, count: 0, alpha: 2, leastQueue: Number.POSITIVE_INFINITY };
  const of = (r: Flow): Vegas => {
    const found = known.get(r) ?? { ...fresh, base: Number.POSITIVE_INFINITY, isJudged: true, rate: 0 };
    known.set(r, found);
    return found;
  };
  const lower = (r: Flow): void => {
    r.ssthresh = Math.max(Math.min(r.ssthresh, r.w - 1), 2);
  };
  const balance = (r: Flow, all: readonly Flow[], rtt: number, diff: number, isUsed: boolean): void => {
    const v = of(r);
    if (diff >= v.alpha) {
      v.rate = r.w / rtt;
      v.alpha = Math.max(2, (10 * v.rate) / sum([...new Set([...all, r])], (p) => of(p).rate));
    }
    if (diff > v.alpha) {
      r.w -= 1;
      lower(r);
    } else if (diff < v.alpha && isUsed) r.w += 1;
    if (diff < v.alpha) return;
    v.leastQueue = Math.min(v.leastQueue, rtt - v.base);
    if (rtt - v.base < 2 * v.leastQueue) return;
    r.w *= v.base / (2 * rtt);
    v.leastQueue = Number.POSITIVE_INFINITY;
  };
  const endRound = (r: Flow, all: readonly Flow[], isUsed: boolean): void => {
    const v = of(r);
    const rtt = v.sum / v.count;
    v.isJudged = v.count >= 3;
    Object.assign(v, { sum: 0, count: 0 });
    if (!v.isJudged) return;
    const diff = r.w * (1 - v.base / rtt);
    if (r.w >= r.ssthresh) balance(r, all, rtt, diff, isUsed);
    else if (diff > 1) {
      r.w = Math.min(r.w, (r.w * v.base) / rtt + 1);
      lower(r);
    }
    r.w = Math.max(r.w, 2);
  };
  return {
    note: (r, all, ack, isUsed) => {
      const v = of(r);
      if (ack.latestRttNs > 0) {
        const rtt = ack.latestRttNs / 1e9;
        v.base = Math.min(v.base, rtt);
        v.sum += rtt;
        v.count++;
      }
      if (ack.isRoundStart) endRound(r, all, isUsed);
    },
    grow: (r, _all, n) => (of(r).isJudged ? 0 : n / r.w),
    cut: (r, _all, w, isTimeout) => {
      Object.assign(of(r), fresh);
      if (isTimeout) of(r).rate = 0;
      return w / 2;
    },
    least: 2,
  };
};

function acknowledge(formula: Formula, r: Flow, all: readonly Flow[], ack: AckEvent, mss: number): void {
  const n = ack.deliveredBytes / mss;
  const peak = ack.peakInFlightBytes / mss;
  const wasUsed = 2 * peak >= r.w;
  r.l2 += n;
  formula.note?.(r, all, ack, wasUsed);
  r.used = wasUsed ? r.w : peak;
  if (2 * peak < r.w) return;
  let left = n;
  if (r.w < r.ssthresh) {
    const wanted = Math.min(n, 8);
    left = Math.max(wanted - (r.ssthresh - r.w), 0);
    r.w = Math.min(r.w + wanted, r.ssthresh);
  }
  r.used = r.w;
  if (left > 0) r.w = Math.max(r.w + formula.grow(r, all, left, ack), 1);
  r.used = r.w;
}

function lose(formula: Formula, r: Flow, all: readonly Flow[], event: TraceEvent, flight: number): void {
  r.ssthresh = Math.max(formula.cut(r, all, Math.min(r.w, flight), event.what === 'timeout'), formula.least);
  r.w = event.what === 'timeout' ? 1 : r.ssthresh;
  r.used = r.w;
  if (r.l2 > 0) r.l1 = r.l2;
  r.l2 = 0;
}

/** The windows after each event, in segments. */
export function windowsBy(formula: Formula, { mssBytes, windowBytes, events }: CongestionTrace): number[][] {
  const flows = windowBytes.map((bytes): Flow => {
    const w = bytes / mssBytes;
    return { w, ssthresh: w, used: w, rtt: 0, l1: 0, l2: 0 };
  });
  return events.map((event) => {
    const r = flows[event.flow]!;
    if (event.what === 'ack') r.rtt = event.srttNs / 1e9;
    const all = flows.filter((p) => p.rtt > 0);
    if (event.what === 'ack') acknowledge(formula, r, all, event, mssBytes);
    else lose(formula, r, all, event, event.flightBytes / mssBytes);
    return flows.map((p) => p.w);
  });
}
