/** `subflow paths add`, `change`, `remove`, `flush` and `limits`: one command to the kernel's path manager each. */

import type { Command } from 'commander';
import type { KernelEndpoint, KernelEndpoints } from '../../linux/index.js';
import { MAX_KERNEL_SUBFLOWS } from '../../netlink/index.js';
import { UsageError } from '../errors.js';
import { parseInteger } from '../units.js';
import { changeFlags, endpointText, parseEndpoint } from './endpoint-words.js';
import { checkKernel, interfaces, nameByIndex, withRights } from './kernel.js';
import { withKernelEndpoints } from '../../linux/index.js';

interface Flags {
  readonly json?: true;
}

/** Says what came of it: an endpoint, or limits. */
function say(json: boolean, fields: Record<string, unknown>, text: string): void {
  const line = json ? JSON.stringify({ schema: 'subflow/paths/1', ...fields }) : text;
  process.stdout.write(`${line}\n`);
}

function sayEndpoint(json: boolean, endpoint: KernelEndpoint): void {
  const name = nameByIndex(interfaces());
  const device = endpoint.interfaceIndex === 0 ? null : name(endpoint.interfaceIndex);
  say(json, { endpoint: { ...endpoint, device } }, endpointText(endpoint, name));
}

/** The endpoint that an ID or an address names. */
function find(endpoints: KernelEndpoints, named: string): KernelEndpoint {
  const found = endpoints
    .list()
    .find(({ id, address }) => (/^\d+$/.test(named) ? id === Number(named) : address === named));
  if (found !== undefined) return found;
  throw new UsageError(`there is no endpoint '${named}'`, 'subflow paths list shows them.');
}

/** Declares `subflow paths add`. */
export function declareAdd(command: Command): void {
  command
    .description(
      'Makes an endpoint: an address from which connections get subflows (subflow), or which is announced to peers (signal).',
    )
    .argument('<address>', 'IPv4 or IPv6')
    .argument('[words...]', 'dev NAME, id ID, port PORT, signal, subflow, backup, fullmesh, laminar')
    .option('--json', 'print one object for scripts')
    .action((address: string, words: readonly string[], { json }: Flags) => {
      withRights((endpoints) => {
        const wanted = parseEndpoint(
          address,
          words,
          (name) => interfaces().find((link) => link.name === name)?.index,
        );
        const before = new Set(endpoints.list().map(({ id }) => id));
        endpoints.add(wanted);
        const made = endpoints
          .list()
          .find((one) => !before.has(one.id) || (wanted.id === undefined && one.address === wanted.address));
        if (made !== undefined) sayEndpoint(json === true, made);
      });
    });
}

/** Declares `subflow paths change`. */
export function declareChange(command: Command): void {
  command
    .description('Sets flags of an endpoint; its subflows follow.')
    .argument('<endpoint>', 'ID or address')
    .argument('<flags...>', 'backup, nobackup, fullmesh, nofullmesh')
    .option('--json', 'print one object for scripts')
    .action((named: string, words: readonly string[], { json }: Flags) => {
      withRights((endpoints) => {
        const { id, flags } = find(endpoints, named);
        endpoints.setFlags(id, changeFlags(flags, words));
        sayEndpoint(json === true, endpoints.get(id)!);
      });
    });
}

/** Declares `subflow paths remove`. */
export function declareRemove(command: Command): void {
  command
    .description('Removes an endpoint; its subflows end, also where they are the last of a connection.')
    .argument('<endpoint>', 'ID or address')
    .option('--json', 'print one object for scripts')
    .action((named: string, { json }: Flags) => {
      withRights((endpoints) => {
        const endpoint = find(endpoints, named);
        endpoints.remove(endpoint.id);
        if (json) say(true, { removed: endpoint.id }, '');
      });
    });
}

/** Declares `subflow paths flush`. */
export function declareFlush(command: Command): void {
  command
    .description('Removes all endpoints; their subflows end.')
    .option('--json', 'print one object for scripts')
    .action(({ json }: Flags) => {
      withRights((endpoints) => {
        const removed = endpoints.list().map(({ id }) => id);
        endpoints.flush();
        if (json) say(true, { removed }, '');
      });
    });
}

/** Declares `subflow paths limits`. */
export function declareLimits(command: Command): void {
  command
    .description('Shows the limits of a connection, or sets them.')
    .argument(
      '[words...]',
      `subflows COUNT (beside the first), add_addr_accepted COUNT (announcements of the peer that are acted on): 0 to ${MAX_KERNEL_SUBFLOWS}`,
    )
    .option('--json', 'print one object for scripts')
    .action((words: readonly string[], { json }: Flags) => {
      checkKernel();
      const wanted = parseLimits(words);
      if (words.length > 0) withRights((endpoints) => endpoints.setLimits(wanted));
      const limits = withKernelEndpoints((endpoints) => endpoints.limits());
      say(
        json === true,
        { limits },
        `add_addr_accepted ${limits.addAddrAccepted} subflows ${limits.subflows}`,
      );
    });
}

function parseLimits(words: readonly string[]): { subflows?: number; addAddrAccepted?: number } {
  const wanted: { subflows?: number; addAddrAccepted?: number } = {};
  for (let i = 0; i < words.length; i += 2) {
    const [name, value] = [words[i]!, words[i + 1]];
    if (value === undefined) throw new UsageError(`'${name}' needs a number`);
    const count = parseInteger(value, 0, MAX_KERNEL_SUBFLOWS);
    if (/^subflows?$/.test(name)) wanted.subflows = count;
    else if (name === 'add_addr_accepted') wanted.addAddrAccepted = count;
    else throw new UsageError(`'${name}' is no limit; there are subflows and add_addr_accepted`);
  }
  return wanted;
}
