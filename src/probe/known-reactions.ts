/**
 * How stacks that are known react to each scenario, and where that was seen. A target that reacts otherwise is another
 * stack, another version of it, or has something in front of it.
 */
import type { MptcpVersion } from '../wire/index.js';
import { cameToThePoint, type Reaction, type ScenarioResult } from './outcome.js';
import { scenarios } from './scenarios/index.js';

/** Reactions by name of the scenario; one that is not known is left out. */
type Reactions = Readonly<Record<string, Reaction>>;

/** A stack whose reactions are known. */
export interface KnownStack {
  /** In kebab-case; stable. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Where the reactions were seen. */
  readonly source: string;
  /** By version of Multipath TCP. */
  readonly reactions: Readonly<Partial<Record<MptcpVersion, Reactions>>>;
}

/** How a result compares with a known stack. */
export interface Comparison {
  readonly stack: string;
  readonly title: string;
  /** What it does. */
  readonly reaction: Reaction;
  readonly isSame: boolean;
}

/** Of a server that knows no Multipath TCP of a version; `toNoVersion` is what it makes of one that does not exist. */
function plainTcp(toNoVersion: Reaction): Reactions {
  const names = scenarios.map(({ name }) => [name, 'plain-tcp'] as const);
  return { ...Object.fromEntries(names), 'wrong-version': toNoVersion };
}

export const knownStacks: readonly KnownStack[] = [
  {
    name: 'linux',
    title: 'Linux',
    source: 'runs against Linux 6.18 (test/interop/probe.test.ts holds them to the kernel at hand)',
    reactions: {
      0: plainTcp('other-version'),
      1: {
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
  },
  {
    name: 'multipath-tcp-org',
    title: 'Linux of multipath-tcp.org',
    source: 'exchanges published in hexadecimal (src/wire/vectors/probe-v0.json)',
    reactions: {
      0: {
        compliant: 'accepted',
        'invalid-key': 'ignored',
        'no-dss-checksum': 'subflow-closed',
        'bad-dss-checksum': 'fell-back',
        'infinite-mapping': 'fell-back',
        'bad-join-token': 'join-refused',
      },
    },
  },
  {
    // Options of a segment to a listener are passed over, and MP_CAPABLE and MP_JOIN are heeded in a SYN+ACK alone.
    name: 'apple',
    title: "Apple's systems",
    source:
      'the sources of XNU: bsd/netinet/mptcp_opt.c, tcp_do_mptcp_options and mptcp_do_mpcapable_opt ' +
      '(github.com/apple-oss-distributions/xnu)',
    reactions: { 0: plainTcp('fell-back'), 1: plainTcp('fell-back') },
  },
];

/** How a result compares with every stack whose reaction to the scenario is known; none for one that came to nothing. */
export function compare({ reaction, scenario, version }: ScenarioResult): Comparison[] {
  if (!cameToThePoint(reaction) && reaction !== 'plain-tcp') return [];
  return knownStacks.flatMap(({ name, title, reactions }) => {
    const known = reactions[version]?.[scenario];
    return known === undefined ? [] : [{ stack: name, title, reaction: known, isSame: known === reaction }];
  });
}
