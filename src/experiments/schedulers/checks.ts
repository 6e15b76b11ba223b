/** What the sources of `schedulers` say, as checks of what came out. */

import { atLeast, atMost, type Check, equals } from '../experiment.js';
import type { Distribution } from './results.js';

/** How much slower than lowest RTT counts as no slower: links differ by so much from seed to seed. */
const tolerance = 0.05;
/** The same where lowest RTT has help against blocking: what schedulers leave unused to avoid that is then lost. */
const toleranceWithHelp = 0.15;
/** How far redundancy may be from the least median: with few links chance decides who has that. */
const redundantTolerance = 0.1;

/** What must hold, of the schedulers and kinds of traffic that were run. `isHelped`: blocking is dealt with otherwise. */
export function checksOf(distributions: readonly Distribution[], isHelped: boolean): Check[] {
  const incomplete = distributions.reduce((sum, one) => sum + one.incomplete, 0);
  const checks: Check[] = [equals('downloads that did not come to their end', incomplete, 0)];
  for (const { traffic, scheduler, ratio } of distributions) {
    const isAware = scheduler === 'blest' || scheduler === 'ecf';
    const name = `${scheduler}, ${traffic}: time over that of lowest-rtt`;
    if (isAware) checks.push(atMost(name, ratio.mean, 1 + (isHelped ? toleranceWithHelp : tolerance)));
    if (scheduler === 'round-robin') checks.push(atLeast(name, ratio.mean, 1 - tolerance));
  }
  const short = distributions.filter(({ traffic }) => traffic === 'short');
  const redundant = short.find(({ scheduler }) => scheduler === 'redundant');
  const baseline = short.find(({ scheduler }) => scheduler === 'lowest-rtt');
  if (redundant === undefined || baseline === undefined) return checks;
  const least = Math.min(...short.map(({ median }) => median.mean));
  checks.push(
    atMost(
      'redundant, short: median over the least of all',
      redundant.median.mean / least,
      1 + redundantTolerance,
    ),
    atMost(
      'redundant, short: 95th percentile over that of lowest-rtt',
      redundant.p95.mean / baseline.p95.mean,
      1 + tolerance,
    ),
  );
  return checks;
}
