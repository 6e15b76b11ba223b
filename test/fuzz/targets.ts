/** Everything that `npm run fuzz` feeds. */
import { boxTargets } from './box-targets.js';
import { captureTargets } from './capture-targets.js';
import { httpConnectTargets } from './http-connect-targets.js';
import { netlinkTargets } from './netlink-targets.js';
import { probeTargets } from './probe-targets.js';
import { proxyTargets } from './proxy-targets.js';
import { stackTargets } from './stack-target.js';
import type { FuzzTarget } from './target.js';
import { traceTargets } from './trace-targets.js';
import { type WireParser, wireParsers } from './wire-targets.js';
import { xdpTargets } from './xdp-targets.js';

/** Where a parser stopped, if it did, is the outcome; among values there is nothing to tell them apart by. */
function wireOutcome(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null || !('code' in result)) return undefined;
  const { code, offset } = result as { code: unknown; offset: unknown };
  return `${String(code)} ${String(offset)}`;
}

function wireTarget({ name, parse, seeds }: WireParser): FuzzTarget {
  return {
    name,
    seeds,
    maxBytes: 256,
    packetsPerInput: 1,
    run: (input) => wireOutcome(parse(input)),
  };
}

export const targets: readonly FuzzTarget[] = [
  ...wireParsers.map(wireTarget),
  ...captureTargets,
  ...boxTargets,
  ...httpConnectTargets,
  ...netlinkTargets,
  ...probeTargets,
  ...proxyTargets,
  ...stackTargets,
  ...traceTargets,
  ...xdpTargets,
];
