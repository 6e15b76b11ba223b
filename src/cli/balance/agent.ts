/** `subflow balance agent`: what runs on a Linux server behind a balancer. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { designNames, maxServerId, type DesignName } from '../../balancer/index.js';
import { MILLISECOND } from '../../base/index.js';
import { type AgentCounters, mayUseXdp, type XdpMode } from '../../linux/index.js';
import {
  commandsOf,
  planFor,
  ServerAgent,
  type ServerAgentOptions,
  type SetupStep,
} from '../../node/index.js';
import { type Endpoint, formatEndpoint, IpAddress, parseEndpoint } from '../../wire/index.js';
import { EnvironmentError, ExitStatus, UsageError } from '../errors.js';
import { parseDuration, parseInteger, parseSize } from '../units.js';
import { untilSignal } from '../until-signal.js';
import {
  type AgentPlace,
  completePlace,
  followServers,
  type GivenPlace,
  markOfFile,
} from './agent-config.js';

const schema = 'subflow/balance-agent/1';
const modes = ['auto', 'native', 'generic'] as const;

interface GivenFlags extends GivenPlace {
  readonly interface?: string;
  readonly mode: 'auto' | XdpMode;
  readonly mtu?: number;
  readonly withoutTimestamps?: true;
  readonly keep?: true;
  readonly report?: number;
  readonly dryRun?: true;
  readonly json?: true;
}

/** With what the file says. */
type AgentFlags = GivenFlags & AgentPlace;

/** Declares `subflow balance agent`. */
export function declareAgent(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Has this Linux server stand behind balancers that encapsulate: unpacks what they send and, with beamer, forwards what another ' +
        'server has to take; sets up addresses, routes and Multipath TCP as the design wants, and takes all back at the end. ' +
        'Needs root. docs/balancing.md has the same by hand.',
    )
    .option(
      '--config <file>',
      "the balancers' configuration: for what is not given here, and to know of other servers",
    )
    .option('--design <name>', `as at the balancers: ${designNames.join(', ')}`, parseDesign)
    .requiredOption('--id <number>', "this server's number at the balancers", parseId)
    .option('--address <address>', "the server's own address, which balancers send to", parseAddress)
    .option('--service <address:port>', 'what clients connect to; once for each', addService)
    .option('--balancer <address>', 'where a balancer sends from; once for each', addAddress)
    .option('--peer <address>', 'another server; once for each', addAddress)
    .option('--interface <name>', 'where encapsulated packets come in (default: the one with the address)')
    .option('--mode <mode>', `how the program is attached: ${modes.join(', ')}`, parseMode, 'auto')
    .option(
      '--mtu <bytes>',
      'longest packet between balancers and servers (default: of the interface)',
      parseMtu,
    )
    .option('--join-port-base <port>', 'as at the balancers', parsePortBase)
    .option('--buckets <number>', 'as at the balancers', parseBuckets)
    .option('--chain <duration>', 'as at the balancers', parseDuration)
    .option(
      '--without-timestamps',
      'switch them off: beamer with services of IPv6 needs that (docs/balancing.md)',
    )
    .option('--keep', 'leave the settings at the end for the next start, as for an upgrade')
    .option('--report <duration>', 'print what was counted so often', parseReport)
    .option('--dry-run', 'print the commands that do the same, and change nothing')
    .option('--json', 'print one object a line for scripts')
    .action(async (given: GivenFlags) => {
      const since = await markOfFile(given);
      const flags: AgentFlags = { ...given, ...(await completePlace(given)) };
      if (flags.dryRun) showPlan(flags);
      else
        setStatus(
          await untilSignal((signal) => run(flags, (agent) => followServers(given, agent, since), signal)),
        );
    });
}

function optionsOf(flags: AgentFlags): ServerAgentOptions {
  const { design, id, address, mode, joinPortBase, buckets } = flags;
  return {
    ...{ design, id, address, mode, joinPortBase, buckets, chainNs: flags.chain },
    ...{ services: flags.service, balancers: flags.balancer, peers: flags.peer },
    ...(flags.interface !== undefined && { interfaceName: flags.interface }),
    withoutTimestamps: flags.withoutTimestamps === true,
    ...(flags.mtu !== undefined && { largestPacketBytes: flags.mtu }),
  };
}

/** Runs the agent until the signal. `follow` has it know of other servers, and gives what ends that. */
async function run(
  flags: AgentFlags,
  follow: (agent: ServerAgent) => Promise<() => void>,
  signal: AbortSignal,
): Promise<number> {
  const may = mayUseXdp();
  if (!may.available) throw new EnvironmentError(`nothing can be unpacked: ${may.reason}`, may.hint);
  const agent = ServerAgent.start(optionsOf(flags));
  let unfollow = (): void => undefined;
  try {
    unfollow = await follow(agent);
    for (const warning of agent.warnings) process.stderr.write(`${warning}\n`);
    say(
      flags,
      { event: 'ready', interface: agent.setup.interfaceName, mode: agent.mode },
      readyText(flags, agent),
    );
    const failure = await Promise.race([agent.failed, reportUntil(flags, agent, signal)]);
    if (failure !== undefined) throw failure;
  } finally {
    unfollow();
    const counters = agent.counters();
    const left = agent.close({ keep: flags.keep === true });
    say(flags, { event: 'ended', counters, left }, countersText(counters));
    if (left.length > 0) process.stderr.write(`These are left to do by hand:\n${left.join('\n')}\n`);
  }
  return ExitStatus.done;
}

/** Prints what was counted now and then, until the signal. */
async function reportUntil(flags: AgentFlags, agent: ServerAgent, signal: AbortSignal): Promise<undefined> {
  // Longer than any timer of Node's would wrap around.
  const everyMs = Math.min((flags.report ?? Number.POSITIVE_INFINITY) / 1e6, 2 ** 30);
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted || flags.report === undefined) continue;
    const counters = agent.counters();
    say(flags, { event: 'counters', counters }, countersText(counters));
  }
}

function say(flags: AgentFlags, fields: object, text: string): void {
  process.stdout.write(`${flags.json ? JSON.stringify({ schema, ...fields }) : text}\n`);
}

function readyText({ design, id, address, service }: AgentFlags, { mode, setup }: ServerAgent): string {
  const services = service.map(formatEndpoint).join(', ');
  return (
    `Server ${id} (${address.toString()}) takes packets for ${services} by ${setup.interfaceName}, ` +
    `as ${design} wants, in ${mode} mode. Ctrl-C ends it and takes everything back.`
  );
}

function countersText(counters: AgentCounters): string {
  return Object.entries(counters)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function showPlan(flags: AgentFlags): void {
  const steps = planFor(optionsOf(flags));
  if (flags.json) {
    const all = steps.map((step) => ({ why: step.why, commands: commandsOf(step) }));
    process.stdout.write(`${JSON.stringify({ schema, event: 'plan', steps: all })}\n`);
    return;
  }
  const lines = steps.flatMap((step: SetupStep) => [`# ${step.why}`, ...commandsOf(step)]);
  process.stdout.write(`${[...lines, ...unpackingText(flags)].join('\n')}\n`);
}

/** How packets are unpacked without the agent, where the kernel can. */
function unpackingText({ design, address, balancer, service }: AgentFlags): string[] {
  if (design === 'beamer') {
    return [
      '# Unpacking and forwarding to other servers is what the agent attaches a program for: no command does it.',
    ];
  }
  const inner = new Set(service.map(({ address: { family } }) => family));
  const kind = address.family === 6 ? 'ip6tnl mode any' : inner.has(6) ? 'sit mode any' : 'ipip';
  return [
    '# unpacking, by a tunnel of the kernel for each balancer (modules ipip, sit, ip6_tunnel) in place of the agent',
    ...balancer.flatMap((from, i) => [
      `ip link add subflow${i} type ${kind} local ${address.toString()} remote ${from.toString()}`,
      `ip link set subflow${i} up`,
      `sysctl -w net.ipv4.conf.subflow${i}.rp_filter=2`,
    ]),
  ];
}

function parseDesign(name: string): DesignName {
  const design = designNames.find((each) => each === name);
  if (design !== undefined) return design;
  throw new UsageError(`there is no design '${name}'`, `there are: ${designNames.join(', ')}`);
}

function parseMode(name: string): 'auto' | XdpMode {
  const mode = modes.find((each) => each === name);
  if (mode !== undefined) return mode;
  throw new UsageError(`there is no mode '${name}'`, `there are: ${modes.join(', ')}`);
}

function parseId(text: string): number {
  return parseInteger(text, 1, maxServerId);
}

/** RFC 8200 §5: no link of IPv6 carries less than 1,280 bytes. */
function parseMtu(text: string): number {
  const bytes = parseSize(text);
  if (bytes >= 1280 && bytes <= 65_535) return bytes;
  throw new UsageError(`${text} is no length of packets`, 'it is 1280 to 65535 bytes');
}

function parseReport(text: string): number {
  const ns = parseDuration(text);
  if (ns >= MILLISECOND) return ns;
  throw new UsageError(`${text} is too short`, 'it is 1ms or more');
}

function parsePortBase(text: string): number {
  return parseInteger(text, 0, 65_535 - maxServerId);
}

function parseBuckets(text: string): number {
  return parseInteger(text, 1, 2 ** 20);
}

function parseAddress(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (address !== undefined) return address;
  throw new UsageError(`'${text}' is no IP address`, 'write it as 192.0.2.1 or 2001:db8::1');
}

function addAddress(text: string, before: readonly IpAddress[] = []): readonly IpAddress[] {
  return [...before, parseAddress(text)];
}

function addService(text: string, before: readonly Endpoint[] = []): readonly Endpoint[] {
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined) return [...before, endpoint];
  throw new UsageError(
    `'${text}' is no address with a port`,
    'write it as 192.0.2.1:443 or [2001:db8::1]:443',
  );
}
