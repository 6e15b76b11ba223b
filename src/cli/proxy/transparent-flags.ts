/** Transparent listeners of `subflow proxy`: what the flags ask for, the rules printed or applied, and all of it undone. */

import type { Command } from 'commander';
import {
  Capture,
  type CapturePlan,
  captureRules,
  captureScript,
  familiesHere,
  parseNetwork,
  type ProxyEvent,
  type ProxyOptions,
  TransparentListener,
} from '../../node/index.js';
import { UsageError } from '../errors.js';
import { parseListen } from '../listen-address.js';
import { explained } from '../relay-flags.js';
import type { RelayFigures } from '../relay-metrics.js';

/** Flags as they come. */
export interface TransparentFlags {
  readonly listen?: readonly string[];
  readonly capture?: readonly string[];
  readonly except?: readonly string[];
  readonly apply?: true;
  readonly printRules?: true;
}

/** `transparent:` or `redirect:` in front of a place. */
const prefix = /^(transparent|redirect):(.*)$/s;

/** Whether a place is that of a transparent listener. */
export function isTransparent(text: string): boolean {
  return prefix.test(text);
}

interface Place {
  readonly host: string;
  readonly plan: CapturePlan;
}

function placesOf({ listen = [], capture = [], except = [] }: TransparentFlags): Place[] {
  const isAsked = listen.some(isTransparent);
  if (!isAsked && capture.length > 0)
    throw new UsageError('--capture needs a listener', 'name it with --listen transparent:[::]:5123');
  return listen.filter(isTransparent).map((text) => {
    const [, mode, place = ''] = prefix.exec(text)!;
    const { host, port } = parseListen(place, 5123);
    const captured = capture.length === 0 ? ['local'] : capture;
    const plan: CapturePlan = {
      ...{ mode: mode === 'redirect' ? 'redirect' : 'tproxy', port, families: familiesOf(host) },
      isLocal: captured.includes('local'),
      interfaces: captured.filter((name) => name !== 'local'),
      ...{ except: except.map(parseNetwork), ports: [], isRestRefused: false },
    };
    captureRules(plan);
    return { host, plan };
  });
}

/** An address of IPv4 takes IPv4 only; `::` takes both. */
function familiesOf(host: string): readonly (4 | 6)[] {
  if (!host.includes(':')) return [4];
  return host === '::' ? familiesHere() : [6];
}

/** Prints the rules of all transparent listeners. Throws a {@link UsageError} where there is none. */
export function printTransparentRules(flags: TransparentFlags): void {
  const places = placesOf(flags);
  if (places.length === 0)
    throw new UsageError('there are no rules without --listen transparent:... or redirect:...');
  process.stdout.write(places.map(({ plan }) => captureScript(captureRules(plan))).join('\n'));
}

/** Transparent listeners at work. */
export interface TransparentPart {
  /** Where they listen, as they were named. */
  readonly at: readonly string[];
  readonly relays: readonly RelayFigures[];
  change(options: Pick<Required<ProxyOptions>, 'rules' | 'upstream'>): void;
  close(patienceMs: number): Promise<void>;
}

/** Starts those that the flags ask for, and applies their rules with `--apply`. Leaves nothing behind where it rejects. */
export async function startTransparent(
  flags: TransparentFlags,
  { limits, connectMs, rules, upstream }: ProxyOptions & Required<Pick<ProxyOptions, 'rules' | 'upstream'>>,
  log: (event: ProxyEvent, fields: Record<string, unknown>) => void,
): Promise<TransparentPart> {
  const listeners: TransparentListener[] = [];
  const captures: Capture[] = [];
  const close = async (patienceMs: number): Promise<void> => {
    // The rules stay until connections are over: what they still say comes by them.
    await Promise.all(listeners.map((listener) => listener.close(patienceMs)));
    for (const capture of captures) capture.undo();
  };
  const more = {
    ...(limits !== undefined && { limits }),
    ...(connectMs !== undefined && { connectMs }),
  };
  try {
    for (const { host, plan } of await explained(() => placesOf(flags))) {
      const { mode, port } = plan;
      listeners.push(await TransparentListener.start({ mode, host, port, rules, upstream, log, ...more }));
      if (flags.apply === true) captures.push(Capture.apply(plan));
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    at: (flags.listen ?? []).filter(isTransparent),
    relays: listeners.map(({ relays }) => relays),
    change: (options) => listeners.forEach((listener) => listener.change(options)),
    close,
  };
}

/** Declares the flags. */
export function addTransparentFlags(command: Command): Command {
  return command
    .option(
      '--capture <what...>',
      "whose connections a transparent listener takes: 'local' for programs of this machine, or interfaces with hosts behind them (default: local)",
    )
    .option('--except <network...>', 'destinations that are not captured')
    .option(
      '--apply',
      'make the rules that bring connections to transparent listeners, and undo them at the end',
    )
    .option('--print-rules', 'print these rules, and do nothing');
}
