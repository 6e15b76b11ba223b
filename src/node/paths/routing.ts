/**
 * The tables and rules of uplinks: what should be there, what is, and the steps between the two.
 *
 * Each interface gets a table with one default route, and for each of its addresses two rules: first the main table without its default
 * routes, so that networks with a route of their own (a VPN, a neighbour's) stay where they are; then the interface's table. Where
 * somebody else looks after that already, as the kernel's own answer for the address shows, nothing is made.
 */
import type { IpAddress } from '../../wire/index.js';
import { MAIN_TABLE, type SourceRule, type TableRoute } from '../../netlink/index.js';
import { isOwnTable, OWN_PROTOCOL, ownTable, SPECIFIC_RULE_PRIORITY, TABLE_RULE_PRIORITY } from './marks.js';
import type { Step } from './steps.js';
import type { UplinkCandidate, UplinkWay } from './uplinks.js';

/** What there is in the kernel. */
export interface RoutingState {
  readonly routes: readonly TableRoute[];
  readonly rules: readonly SourceRule[];
}

/** Whether somebody else has a rule and a table for a way already. */
export function isLookedAfter({ routes, rules }: RoutingState, index: number, way: UplinkWay): boolean {
  return rules.some(
    (rule) =>
      rule.protocol !== OWN_PROTOCOL &&
      isWithin(way.address, rule) &&
      routes.some(
        ({ family, table, interfaceIndex }) =>
          family === way.family && table === rule.table && table !== MAIN_TABLE && interfaceIndex === index,
      ),
  );
}

function isWithin(address: IpAddress, { source, prefixLength }: SourceRule): boolean {
  if (address.family !== source.family) return false;
  const [own, network] = [new Uint8Array(address.byteLength), new Uint8Array(source.byteLength)];
  address.writeTo(own, 0);
  source.writeTo(network, 0);
  return own.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefixLength - 8 * i));
    return (byte ^ network[i]!) >>> (8 - bits) === 0;
  });
}

/** The routes and rules of an uplink in one family. */
function wantedOf(index: number, { family, gateway, sources }: UplinkWay): RoutingState {
  const table = ownTable(index);
  const common = (source: IpAddress): Pick<SourceRule, 'source' | 'prefixLength' | 'protocol'> => ({
    ...{ source, prefixLength: 8 * source.byteLength, protocol: OWN_PROTOCOL },
  });
  const rules = sources.flatMap((source): SourceRule[] => [
    { ...common(source), table: MAIN_TABLE, priority: SPECIFIC_RULE_PRIORITY, isWithoutDefault: true },
    { ...common(source), table, priority: TABLE_RULE_PRIORITY, isWithoutDefault: false },
  ]);
  return { routes: [{ family, table, protocol: OWN_PROTOCOL, interfaceIndex: index, gateway }], rules };
}

/** The steps from what there is to what the uplinks need; with no uplinks, those that take everything of ours back. */
export function routingSteps(state: RoutingState, uplinks: readonly UplinkCandidate[]): Step[] {
  const wanted = uplinks.flatMap(({ link, ways }) =>
    ways.filter((way) => !isLookedAfter(state, link.index, way)).map((way) => wantedOf(link.index, way)),
  );
  const routes = differences(
    state.routes.filter(({ table, protocol }) => protocol === OWN_PROTOCOL && isOwnTable(table)),
    wanted.flatMap((each) => each.routes),
    routeKey,
  );
  const rules = differences(
    state.rules.filter(isOwnRule),
    wanted.flatMap((each) => each.rules),
    ruleKey,
  );
  const names = new Map(uplinks.map(({ link }) => [link.index, link.name]));
  const device = ({ interfaceIndex }: TableRoute): string =>
    names.get(interfaceIndex) ?? `if${interfaceIndex}`;
  return [
    // A table has one default route: the old one goes before the new one comes.
    ...rules.gone.map((rule): Step => ({ do: 'remove-rule', rule })),
    ...routes.gone.map((route): Step => ({ do: 'remove-route', route, device: device(route) })),
    ...routes.missing.map((route): Step => ({ do: 'add-route', route, device: device(route) })),
    ...rules.missing.map((rule): Step => ({ do: 'add-rule', rule })),
  ];
}

function isOwnRule({ table, protocol, priority, isWithoutDefault }: SourceRule): boolean {
  if (protocol !== OWN_PROTOCOL) return false;
  return isOwnTable(table) || (isWithoutDefault && priority === SPECIFIC_RULE_PRIORITY);
}

function routeKey({ family, table, interfaceIndex, gateway }: TableRoute): string {
  return `${family} ${table} ${interfaceIndex} ${gateway?.toString() ?? ''}`;
}

function ruleKey({ source, table, priority }: SourceRule): string {
  return `${source.toString()} ${table} ${priority}`;
}

function differences<T>(
  there: readonly T[],
  wanted: readonly T[],
  keyOf: (one: T) => string,
): { readonly gone: T[]; readonly missing: T[] } {
  const [has, wants] = [new Set(there.map(keyOf)), new Set(wanted.map(keyOf))];
  return {
    gone: there.filter((one) => !wants.has(keyOf(one))),
    missing: wanted.filter((one) => !has.has(keyOf(one))),
  };
}
