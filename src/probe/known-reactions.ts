/**
 * How stacks that are known react to each scenario, and where that was seen. A target that reacts otherwise is another
 * stack, another version of it, or has something in front of it.
 */
import type { MptcpVersion } from '../wire/index.js';
import { cameToThePoint, type Reaction, type ScenarioResult } from './outcome.js';

/** A stack whose reactions are known. */
export interface KnownStack {
  /** In kebab-case; stable. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly version: MptcpVersion;
  /** Where the reactions were seen. */
  readonly source: string;
  /** By name of the scenario; one that is not known is left out. */
  readonly reactions: Readonly<Record<string, Reaction>>;
}

/** How a result compares with a known stack. */
export interface Comparison {
  readonly stack: string;
  readonly title: string;
  /** What it does. */
  readonly reaction: Reaction;
  readonly isSame: boolean;
}

export const knownStacks: readonly KnownStack[] = [
  {
    name: 'linux',
    title: 'Linux',
    version: 1,
    source: 'runs against Linux 6.18 (test/interop/probe.test.ts holds them to the kernel at hand)',
    reactions: {
      compliant: 'accepted',
      'invalid-key': 'ignored',
      'no-dss-checksum': 'fell-back',
      'bad-dss-checksum': 'fell-back',
      'infinite-mapping': 'fell-back',
      'long-mapping': 'accepted',
      'bad-join-token': 'join-refused',
      'bad-join-hmac': 'join-refused',
      'join-before-data': 'accepted',
      'add-address': 'accepted',
      'mp-prio': 'accepted',
      'fast-close': 'connection-closed',
      'unknown-subtype': 'ignored',
      'unknown-option': 'ignored',
      'wrong-version': 'other-version',
      'syn-data': 'ignored',
    },
  },
  {
    name: 'multipath-tcp-org',
    title: 'Linux of multipath-tcp.org',
    version: 0,
    source: 'exchanges published in hexadecimal (src/wire/vectors/probe-v0.json)',
    reactions: {
      compliant: 'accepted',
      'invalid-key': 'ignored',
      'no-dss-checksum': 'subflow-closed',
      'bad-dss-checksum': 'fell-back',
      'infinite-mapping': 'fell-back',
      'bad-join-token': 'join-refused',
    },
  },
];

/** How a result compares with every stack whose reaction to the scenario is known; none for one that came to nothing. */
export function compare(result: ScenarioResult): Comparison[] {
  if (!cameToThePoint(result.reaction)) return [];
  return knownStacks.flatMap(({ name, title, version, reactions }) => {
    const reaction = version === result.version ? reactions[result.scenario] : undefined;
    return reaction === undefined
      ? []
      : [{ stack: name, title, reaction, isSame: reaction === result.reaction }];
  });
}
