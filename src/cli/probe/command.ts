/** `subflow probe HOST[:PORT]`: does Multipath TCP work between here and there, and what interferes. */

import type { Command } from 'commander';
import { mayOpenRawSockets } from '../../linux/index.js';
import { findScenario, type PathOptions, type Scenario, scenarios } from '../../probe/index.js';
import { IpAddress, type MptcpVersion } from '../../wire/index.js';
import { EnvironmentError, ExitStatus, explain, isExpected, UsageError } from '../errors.js';
import { parseDuration, parseInteger } from '../units.js';
import { ProbeCapture } from './capture.js';
import { probeOne, type ProbePlan, SecretSource } from './probe-one.js';
import {
  type ProbeReport,
  reportObject,
  reportText,
  scenarioList,
  scenarioListObject,
  statusOf,
} from './report.js';
import { type RequestKind, requestKinds } from './request.js';
import { lineObject, lineText, summaryText, sweep } from './sweep.js';
import { readTargets, type TargetList } from './targets.js';
import { parseTarget, resolveTarget, type WrittenTarget } from '../target.js';
import { untilSignal } from '../until-signal.js';

interface ProbeFlags {
  readonly scenario: string;
  readonly listScenarios?: true;
  readonly mptcpVersion: string;
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly joinFrom?: string;
  readonly request?: string;
  readonly timeout: string;
  readonly attempts: string;
  readonly targets?: string;
  readonly rate: string;
  readonly pcap?: string;
  readonly trace?: true;
  readonly maxHops: string;
  readonly idle: string;
  readonly json?: true;
}

/** Declares `subflow probe`. */
export function declareProbe(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Speaks Multipath TCP by hand with a server, from raw sockets, and says what works and what interferes. Ends with ' +
        '0 for full support, 1 for less, 3 when it cannot tell. Ask only servers and paths that are yours, or whose ' +
        'owners agree: docs/probe.md.',
    )
    .argument('[target]', 'HOST or HOST:PORT; port 80 when left out')
    .option('--scenario <name>', 'what to try: names with commas between, or all', 'compliant')
    .option('--list-scenarios', 'say what scenarios there are')
    .option('--mptcp-version <version>', '0, 1 or both', 'both')
    .option('-4, --ipv4', 'use IPv4 only')
    .option('-6, --ipv6', 'use IPv6 only')
    .option('--join-from <address>', 'a second address of this machine, for joins; else another port')
    .option('--request <kind>', 'http or tls: what the server is asked; by the port when left out')
    .option('--timeout <time>', 'how long an answer is waited for, at first: 10ms to 10s', '800ms')
    .option('--attempts <number>', 'how often a packet is sent that is not answered, 1 to 5', '3')
    .option('--targets <file>', 'ask every target in the file, one a line; - is the standard input')
    .option('--rate <number>', 'with --targets: how many are begun in a second, 1 to 50', '2')
    .option('--trace', 'find out on which hop of the path packets are changed or dropped')
    .option('--max-hops <number>', 'with --trace: how many hops are looked at, 1 to 64', '30')
    .option(
      '--idle <time>',
      'with --trace: pause, and see whether a box forgot the connection: up to 3600s',
      '0',
    )
    .option('--pcap <file>', 'write the packets to a pcapng file')
    .option('--json', 'print one object for scripts; with --targets one a line')
    .action(async (target: string | undefined, flags: ProbeFlags) => {
      setStatus(await run(target, flags));
    });
}

async function run(target: string | undefined, flags: ProbeFlags): Promise<number> {
  if (flags.listScenarios) {
    print(flags.json ? JSON.stringify(scenarioListObject(scenarios)) : scenarioList(scenarios));
    return ExitStatus.done;
  }
  const family = familyOf(flags);
  const perSecond = parseInteger(flags.rate, 1, 50);
  const plan = planOf(flags);
  const list = flags.targets === undefined ? undefined : readTargets(flags.targets);
  if ((target === undefined) === (list === undefined))
    throw new UsageError('give one target, or --targets FILE', 'as in: subflow probe server.example:80');
  const single = target === undefined ? undefined : parseTarget(target);
  requireRights();
  const capture = flags.pcap === undefined ? undefined : new ProbeCapture(flags.pcap);
  const secrets = new SecretSource();
  const isJson = flags.json === true;
  return untilSignal(async (signal) => {
    const ask = async (one: WrittenTarget): Promise<ProbeReport> =>
      probeOne(await resolveTarget(one, family), { ...plan, capture }, secrets, signal);
    try {
      return single === undefined
        ? await askAll(list!, { perSecond, ask, signal, isJson })
        : await askOne(single, { ask, signal, isJson });
    } finally {
      capture?.close();
    }
  });
}

/** How targets are asked. */
interface Asking {
  readonly ask: (target: WrittenTarget) => Promise<ProbeReport>;
  readonly signal: AbortSignal;
  readonly isJson: boolean;
}

async function askOne(target: WrittenTarget, { ask, isJson, signal }: Asking): Promise<number> {
  try {
    const report = await ask(target);
    print(isJson ? JSON.stringify(reportObject(report)) : reportText(report));
    return statusOf(report);
  } catch (error) {
    if (!signal.aborted && !isExpected(error)) throw error;
    const why = signal.aborted
      ? 'stopped before there was an answer; what was open is closed'
      : explain(error).line;
    remark(why);
    return ExitStatus.environment;
  }
}

async function askAll(
  { duplicates, targets }: TargetList,
  { ask, isJson, perSecond, signal }: Asking & { readonly perSecond: number },
): Promise<number> {
  if (duplicates > 0) remark(`every target is asked once: lines left out: ${duplicates}`);
  const summary = await sweep({
    ...{ targets, perSecond, ask, signal },
    onTarget: (one, outcome) =>
      print(isJson ? JSON.stringify(lineObject(one, outcome)) : lineText(one, outcome)),
  });
  remark(`${signal.aborted ? 'stopped; ' : ''}${summaryText(summary, targets.length)}`);
  return summary.status;
}

/** Something for people beside the results. */
function remark(text: string): void {
  process.stderr.write(`subflow: ${text}\n`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function requireRights(): void {
  const rights = mayOpenRawSockets();
  if (!rights.available)
    throw new EnvironmentError(`a probe needs raw sockets: ${rights.reason}`, rights.hint);
}

function familyOf({ ipv4, ipv6 }: ProbeFlags): 0 | 4 | 6 {
  if (ipv4 && ipv6) throw new UsageError('--ipv4 and --ipv6 exclude each other');
  return ipv4 ? 4 : ipv6 ? 6 : 0;
}

function planOf(flags: ProbeFlags): Omit<ProbePlan, 'capture'> {
  const joinLocal = flags.joinFrom === undefined ? undefined : IpAddress.parse(flags.joinFrom);
  if (flags.joinFrom !== undefined && joinLocal === undefined)
    throw new UsageError(`'${flags.joinFrom}' is no IP address`);
  return {
    scenarios: scenariosOf(flags.scenario),
    versions: versionsOf(flags.mptcpVersion),
    replyNs: durationOf('--timeout', flags.timeout, 10e6, 10e9),
    attempts: parseInteger(flags.attempts, 1, 5),
    request: requestOf(flags.request),
    joinLocal,
    path: pathOf(flags),
  };
}

function pathOf({ idle, maxHops, trace }: ProbeFlags): PathOptions | undefined {
  const options = { maxHops: parseInteger(maxHops, 1, 64), idleNs: durationOf('--idle', idle, 0, 3600e9) };
  return trace ? options : undefined;
}

/** A duration in ns within bounds. */
function durationOf(name: string, text: string, minNs: number, maxNs: number): number {
  const ns = parseDuration(text);
  if (ns >= minNs && ns <= maxNs) return ns;
  throw new UsageError(`${name} is ${minNs / 1e6} ms to ${maxNs / 1e9} s, not ${text}`);
}

function scenariosOf(text: string): readonly Scenario[] {
  if (text === 'all') return scenarios;
  const names = text.split(',').map((name) => name.trim());
  try {
    return names.map(findScenario);
  } catch (error) {
    const { message, hint } = error as { message: string; hint?: string };
    throw new UsageError(message, hint ?? '');
  }
}

function versionsOf(text: string): readonly MptcpVersion[] {
  if (text === 'both') return [1, 0];
  if (text === '0') return [0];
  if (text === '1') return [1];
  throw new UsageError(`'${text}' is no version of Multipath TCP`, 'there are 0, 1 and both');
}

function requestOf(text: string | undefined): RequestKind | undefined {
  if (text === undefined) return undefined;
  const kind = requestKinds.find((one) => one === text);
  if (kind === undefined) throw new UsageError(`'${text}' is no kind of request`, 'there are http and tls');
  return kind;
}
