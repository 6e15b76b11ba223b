/** What a probe found, for people and for scripts (`subflow/probe/1`). */

import { pathObject, pathText } from './path-text.js';
import {
  compare,
  type PathReport,
  packetWords,
  reactionText,
  resultSentences,
  type RecordedPacket,
  type Scenario,
  type ScenarioResult,
  toHex,
  type Verdict,
} from '../../probe/index.js';
import { formatEndpoint, type IpAddress } from '../../wire/index.js';
import { ExitStatus } from '../errors.js';
import type { ProbeTarget } from '../target.js';

/** Everything about one target. */
export interface ProbeReport {
  readonly target: ProbeTarget;
  /** The address that was spoken from. */
  readonly local: IpAddress;
  readonly results: readonly ScenarioResult[];
  readonly verdict: Verdict;
  /** The trace of the path, where it was asked for. */
  readonly path: PathReport | undefined;
}

export const PROBE_SCHEMA = 'subflow/probe/1';

/** The exit status that a report means. */
export function statusOf({ verdict }: ProbeReport): number {
  if (verdict.support === 'full') return ExitStatus.done;
  return verdict.support === 'unknown' ? ExitStatus.environment : ExitStatus.no;
}

/** The report as one object. */
export function reportObject(report: ProbeReport): object {
  const { target, local, results, verdict } = report;
  return {
    schema: PROBE_SCHEMA,
    target: { host: target.host, address: target.endpoint.address.toString(), port: target.port },
    local: local.toString(),
    verdict,
    scenarios: results.map(resultObject),
    ...(report.path !== undefined && { path: pathObject(report.path) }),
  };
}

function resultObject(result: ScenarioResult): object {
  const startNs = result.packets[0]?.atNs ?? 0;
  return {
    name: result.scenario,
    version: result.version,
    reaction: result.reaction,
    sentences: resultSentences(result),
    comparisons: compare(result).map(({ stack, reaction, isSame }) => ({ stack, reaction, same: isSame })),
    packets: result.packets.map((packet) => packetObject(packet, startNs)),
  };
}

function packetObject(packet: RecordedPacket, startNs: number): object {
  const words = packetWords(packet.bytes);
  return {
    atMs: Math.round((packet.atNs - startNs) / 1e3) / 1e3,
    direction: packet.direction,
    flow: packet.flow,
    ...(words !== undefined && {
      ...{ what: words.what, options: words.options, mptcp: words.mptcp },
      ...{ from: words.from, to: words.to },
    }),
    bytes: toHex(packet.bytes),
  };
}

/** The report in words: the verdict, and below it the evidence. */
export function reportText(report: ProbeReport): string {
  const { target, verdict, results, path } = report;
  const lines = [
    `${target.host} (${formatEndpoint(target.endpoint)}): ${verdict.sentence}`,
    ...verdict.remarks.map((remark) => `  ${remark}`),
    ...(path === undefined ? [] : ['', ...pathText(path)]),
    ...results.flatMap((result) => ['', ...resultText(result)]),
  ];
  return lines.join('\n');
}

function resultText(result: ScenarioResult): string[] {
  return [
    `${result.scenario}, version ${result.version}: ${reactionText(result.reaction)}`,
    ...resultSentences(result).map((sentence) => `  ${sentence}`),
    ...compare(result).map(({ title, reaction, isSame }) =>
      isSame ? `  As ${title} does.` : `  Unlike ${title}, whose reaction is: ${reactionText(reaction)}.`,
    ),
    ...result.packets.flatMap(packetText),
  ];
}

function packetText({ bytes, direction, flow }: RecordedPacket): string[] {
  const words = packetWords(bytes);
  if (words === undefined) return [];
  const arrow = direction === 'sent' ? '>' : '<';
  const head = `  ${flow.padEnd(5)} ${arrow} ${words.what.padEnd(18)}`;
  return [
    `${head} ${words.mptcp.join(' + ')}`.trimEnd(),
    ...(words.options.length > 0 ? [`            ${words.options.join('; ')}`] : []),
  ];
}

/** The list of scenarios, for people. */
export function scenarioList(list: readonly Scenario[]): string {
  const width = Math.max(...list.map(({ name }) => name.length));
  return list
    .map(({ name, title, shows }) => `${name.padEnd(width)}  ${title}\n${' '.repeat(width)}  ${shows}`)
    .join('\n');
}

/** The list of scenarios, for scripts. */
export function scenarioListObject(list: readonly Scenario[]): object {
  return {
    schema: 'subflow/probe-scenarios/1',
    scenarios: list.map(({ name, title, shows, versions }) => ({ name, title, shows, versions })),
  };
}
