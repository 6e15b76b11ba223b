/** What the source of `receive-window` says in numbers: its figures are curves, its goal is not. */

import type { Row } from '../experiment.js';
import { cellOf, type Published } from '../published.js';

/** Goodput with both helps over that of the better TCP, at the window where that is least. */
function leastShare(rows: readonly Row[]): number | null {
  const shares = [...new Set(rows.map(({ windowBytes }) => windowBytes!))].map((windowBytes) => {
    const goodput = (variant: string): number => cellOf(rows, 'goodputBps', { variant, windowBytes }) ?? 0;
    return goodput('mptcp-penalised') / Math.max(goodput('tcp-wifi'), goodput('tcp-3g'));
  });
  return Math.min(...shares);
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
