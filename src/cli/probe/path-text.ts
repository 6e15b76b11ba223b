/** The trace of a path, for people and for scripts. */

import { type PathReport, placeText } from '../../probe/index.js';

/** The path as a part of `subflow/probe/1`. */
export function pathObject({ evidence, findings, hops, reach, version }: PathReport): object {
  return {
    version,
    reach: reach ?? null,
    isComplete: evidence !== undefined,
    hops: hops.map(({ address, delayNs, extensions, quoted, ttl }) => ({
      ttl,
      address: address?.toString() ?? null,
      delayMs: delayNs === undefined ? null : Math.round(delayNs / 1e3) / 1e3,
      ...{ quoted, extensions },
    })),
    findings: findings.map(({ after, before, seenIn, sentence, type }) => ({
      ...{ type, sentence, seenIn },
      after: { ttl: after.ttl, address: after.address?.toString() ?? null },
      before: before === undefined ? null : { ttl: before.ttl, address: before.address?.toString() ?? null },
    })),
    traces: (evidence?.traces ?? []).map(({ answers, kind }) => ({
      kind,
      answers: answers.map(({ answer, changes, extensionBytes, from, ttl }) => ({
        ...{ ttl, answer, changes, extensionBytes },
        from: from?.toString() ?? null,
      })),
    })),
  };
}

/** The path in lines: the hops, and the findings where they belong. */
export function pathText({ evidence, findings, hops, reach, version }: PathReport): string[] {
  const length = reach === undefined ? '' : `: who answers is hop ${reach}`;
  const lines = [`path, version ${version}${length}`];
  const found = (ttl: number): string[] =>
    findings
      .filter(({ after }) => after.ttl === ttl)
      .map((finding) => `      ! ${placeText(finding)}: ${finding.type}. ${finding.sentence}`);
  lines.push(...found(0));
  for (const { address, delayNs, extensions, ttl } of hops) {
    const delay = delayNs === undefined ? '' : `  ${(delayNs / 1e6).toFixed(1)} ms`;
    lines.push(`  ${String(ttl).padStart(3)} ${address?.toString() ?? '*'}${delay}`);
    lines.push(...extensions.map((text) => `      ${text}`), ...found(ttl));
  }
  const last = hops.at(-1)?.ttl ?? 0;
  for (const ttl of new Set(findings.map(({ after }) => after.ttl)))
    if (ttl > last) lines.push(...found(ttl));
  if (findings.length === 0 && evidence !== undefined) {
    const isOpen = evidence.opening.kind === 'mptcp' || evidence.opening.kind === 'plain';
    const what = isOpen ? 'what is sent.' : 'SYNs; nothing else could be tried.';
    lines.push(`  Nothing on the path changes ${what}`);
  }
  if (evidence === undefined) lines.push('  The bounds of the run ended it before it was done.');
  return lines;
}
