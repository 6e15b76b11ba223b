/** What the source of `receive-window` says in numbers: its figures are curves, its goal is not. */

import type { Row } from '../experiment.js';
import type { Published } from '../published.js';

/** Goodputs at a window: of both helps, and of the better TCP. */
interface AtWindow {
  helped: number;
  tcp: number;
}

/** Goodput with both helps over that of the better TCP, at the window where that is least; null where either is missing. */
function leastShare(rows: readonly Row[]): number | null {
  const windows = new Map<Row[string] | undefined, AtWindow>();
  for (const { variant, windowBytes, goodputBps } of rows) {
    const at = windows.get(windowBytes) ?? { helped: Number.NaN, tcp: 0 };
    windows.set(windowBytes, at);
    if (variant === 'mptcp-penalised') at.helped = Number(goodputBps);
    else if (variant === 'tcp-wifi' || variant === 'tcp-3g') at.tcp = Math.max(at.tcp, Number(goodputBps));
  }
  const shares = [...windows.values()].map(({ helped, tcp }) => helped / tcp);
  return shares.reduce((least, share) => Math.min(least, share), Number.POSITIVE_INFINITY);
}

export const published: readonly Published[] = [
  {
    title: 'Goodput over that of TCP on the better path, at the worst window',
    source: 'Raiciu et al., USENIX NSDI 2012, §4.2, with figures 4 and 5',
    basis:
      'The goal as it is stated: never below TCP on the better path. The curves of the figures are not given as numbers, so ' +
      'that none are drawn here.',
    values: [{ label: 'with both helps', value: 1, relation: 'at least', ours: leastShare }],
  },
];
