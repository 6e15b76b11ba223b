/** `subflow paths list`: endpoints, limits, uplinks, and what is missing for a second path. */

import type { Command } from 'commander';
import {
  type KernelEndpoint,
  kernelPathManager,
  mayManagePaths,
  Reach,
  type WatchedLink,
  withKernelEndpoints,
} from '../../linux/index.js';
import { loadPaths } from '../../node/index.js';
import { IpAddress } from '../../wire/index.js';
import { tableLines } from '../table.js';
import { endpointText } from './endpoint-words.js';
import { checkKernel, interfaces, nameByIndex } from './kernel.js';

/** Addresses that no network is to have (RFC 5737, RFC 3849): what leads there leads out. */
const outside = { 4: IpAddress.parse('203.0.113.1')!, 6: IpAddress.parse('2001:db8:ffff::1')! };

/** One interface for scripts. */
function linkForJson(link: WatchedLink, lacks: string | undefined): Record<string, unknown> {
  const { name, index, kind, isUp, hasCarrier, addresses, defaultRoutes } = link;
  return {
    ...{ name, index, kind, isUp, hasCarrier, lacks: lacks ?? null },
    addresses: addresses.map(({ address, prefixLength, scope }) => ({
      ...{ address: address.toString(), prefixLength, scope },
    })),
    defaultRoutes: defaultRoutes.map(({ family, gateway, metric, table }) => ({
      ...{ family, gateway: gateway?.toString() ?? null, metric, table },
    })),
  };
}

async function look(): Promise<Record<string, unknown> & { readonly text: string }> {
  checkKernel();
  const { uplinkAdvice, uplinkCandidates } = await loadPaths();
  const links = interfaces().filter(({ isLoopback }) => !isLoopback);
  const candidates = uplinkCandidates(links);
  const pathManager = kernelPathManager();
  const limits = withKernelEndpoints((kernel) => kernel.limits());
  // The kernel shows endpoints to those who may change them.
  const endpoints = mayManagePaths().available ? withKernelEndpoints((kernel) => kernel.list()) : undefined;
  const reach = new Reach();
  const isRouted = ({ link, ways }: (typeof candidates)[number], family: 4 | 6): boolean => {
    const source = ways.find((way) => way.family === family)?.address;
    return source !== undefined && reach.has({ link: link.index, source, destination: outside[family] });
  };
  const advice = uplinkAdvice({ candidates, endpoints, limits, pathManager, isRouted });
  reach.close();
  const lacksOf = (link: WatchedLink): string | undefined =>
    candidates.find((each) => each.link === link)?.lacks;
  const name = nameByIndex(links);
  const text = [
    `path manager ${pathManager ?? '?'}; limits: add_addr_accepted ${limits.addAddrAccepted} subflows ${limits.subflows}`,
    ...endpointLines(endpoints, name),
    '',
    ...linkLines(links, lacksOf),
    ...(advice.length === 0 ? [] : ['', 'For a second path:', ...advice.map((line) => `  ${line}`)]),
  ].join('\n');
  return {
    ...{ schema: 'subflow/paths/1', pathManager: pathManager ?? null, limits },
    endpoints:
      endpoints?.map((one) => ({
        ...one,
        device: one.interfaceIndex === 0 ? null : name(one.interfaceIndex),
      })) ?? null,
    links: links.map((link) => linkForJson(link, lacksOf(link))),
    ...{ advice, text },
  };
}

function endpointLines(
  endpoints: readonly KernelEndpoint[] | undefined,
  name: (index: number) => string,
): string[] {
  if (endpoints === undefined) return ['endpoints: the kernel shows them to root only'];
  if (endpoints.length === 0) return ['no endpoints'];
  return endpoints.map((endpoint) => `endpoint ${endpointText(endpoint, name)}`);
}

function linkLines(
  links: readonly WatchedLink[],
  lacksOf: (link: WatchedLink) => string | undefined,
): string[] {
  const columns = ['interface', 'kind', 'carrier', 'addresses', 'default routes'].map((title) => ({
    ...{ title, isNumber: false },
  }));
  const rows = links.map((link) => {
    const { name, kind, hasCarrier, addresses, defaultRoutes } = link;
    const global = addresses.filter(({ scope }) => scope !== 'link' && scope !== 'host');
    const routes = defaultRoutes.map(
      ({ gateway, metric, table }) =>
        `via ${gateway?.toString() ?? 'link'} metric ${metric}${table === 254 ? '' : ` table ${table}`}`,
    );
    return [
      ...[name, kind, hasCarrier ? 'yes' : 'no'],
      global.map(({ address, prefixLength }) => `${address.toString()}/${prefixLength}`).join(', ') || '-',
      routes.join(', ') || (lacksOf(link) === undefined ? '-' : 'none'),
    ];
  });
  return tableLines(columns, rows);
}

/** Declares `subflow paths list`. */
export function declareList(command: Command): void {
  command
    .description(
      'Shows endpoints and limits of the path manager, the interfaces with their addresses and default routes, and what is missing for a second path to work.',
    )
    .option('--json', 'print one object for scripts')
    .action(async ({ json }: { readonly json?: true }) => {
      const { text, ...fields } = await look();
      process.stdout.write(`${json ? JSON.stringify(fields) : text}\n`);
    });
}
