/** Endpoints in the words of `ip mptcp`: `10.0.1.1 port 80 id 3 subflow backup dev wlan0`. */

import {
  type EndpointFlag,
  endpointFlags,
  type KernelEndpoint,
  type NewEndpoint,
} from '../../netlink/index.js';
import { IpAddress } from '../../wire/index.js';
import { UsageError } from '../errors.js';
import { parseInteger } from '../units.js';

/** How an interface is found by its name; undefined for one that there is none of. */
export type FindInterface = (name: string) => number | undefined;

/** Reads `ADDRESS [dev NAME] [id ID] [port PORT] [FLAG...]`. Throws a {@link UsageError}. */
export function parseEndpoint(address: string, words: readonly string[], find: FindInterface): NewEndpoint {
  const parsed = IpAddress.parse(address);
  if (parsed === undefined) throw new UsageError(`'${address}' is not an IP address`);
  if (!parsed.isOneHost) throw new UsageError(`'${address}' is no address that a host can have`);
  const flags: EndpointFlag[] = [];
  const values = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (isFlag(word)) flags.push(word);
    else if (['dev', 'id', 'port'].includes(word) && i + 1 < words.length) values.set(word, words[++i]!);
    else
      throw new UsageError(
        `'${word}' is no word of an endpoint; there are dev NAME, id ID, port PORT, ${endpointFlags.join(', ')}`,
      );
  }
  const [device, id, port] = ['dev', 'id', 'port'].map((name) => values.get(name));
  checkFlags(flags, port !== undefined);
  return {
    ...{ address: parsed.toString(), flags },
    ...(device !== undefined && { interfaceIndex: indexOf(device, find) }),
    ...(id !== undefined && { id: parseInteger(id, 1, 255) }),
    ...(port !== undefined && { port: parseInteger(port, 1, 65_535) }),
  };
}

/** Refuses what the kernel would (mptcp_pm_nl_add_addr_doit), in words of the command line. */
function checkFlags(flags: readonly EndpointFlag[], hasPort: boolean): void {
  const isSignal = flags.includes('signal');
  if (flags.includes('implicit'))
    throw new UsageError(
      "'implicit' is what the kernel calls endpoints that it made itself; none can be added",
    );
  if (isSignal && flags.includes('fullmesh'))
    throw new UsageError("'signal' and 'fullmesh' exclude each other");
  if (hasPort && (!isSignal || flags.includes('subflow')))
    throw new UsageError("a port is announced to peers: it takes 'signal', and not 'subflow'");
}

function indexOf(name: string, find: FindInterface): number {
  const index = find(name);
  if (index === undefined)
    throw new UsageError(`there is no interface '${name}'`, 'ip link show names those that there are.');
  return index;
}

function isFlag(word: string): word is EndpointFlag {
  return (endpointFlags as readonly string[]).includes(word);
}

/** Reads `[no]backup` and `[no]fullmesh`; gives the flags that are to be there, from those that are. Throws a {@link UsageError}. */
export function changeFlags(flags: readonly EndpointFlag[], words: readonly string[]): EndpointFlag[] {
  const wanted = new Set(flags.filter((flag) => flag === 'backup' || flag === 'fullmesh'));
  for (const word of words) {
    const flag = word.replace(/^no/, '');
    if (flag !== 'backup' && flag !== 'fullmesh')
      throw new UsageError(`'${word}' cannot be changed; there are backup, nobackup, fullmesh, nofullmesh`);
    if (flag === word) wanted.add(flag);
    else wanted.delete(flag);
  }
  return [...wanted];
}

/** An endpoint as `ip mptcp endpoint show` writes it; `nameOf` gives the name of an interface. */
export function endpointText(endpoint: KernelEndpoint, nameOf: (index: number) => string): string {
  const { address, port, id, flags, interfaceIndex } = endpoint;
  return [
    address,
    ...(port === 0 ? [] : [`port ${port}`]),
    `id ${id}`,
    ...flags,
    ...(interfaceIndex === 0 ? [] : [`dev ${nameOf(interfaceIndex)}`]),
  ].join(' ');
}
