/** The uplinks as programs and people are shown them, and what changed from one look to the next. */
import type { LinkFactsWatch, WatchedLink } from '../../linux/index.js';
import type { LogFields } from '../daemon/index.js';
import type { LinkId, LinkQuality } from '../../policy/index.js';
import type { Connections } from './connections.js';
import type { LinkRole } from './endpoint-keeper.js';
import type { PathKeeperEvent, Uplink, UplinkState } from './events.js';
import type { UplinkUse } from './uplink-use.js';
import type { UplinkCandidate } from './uplinks.js';

/** What the picture is made of. */
export interface UplinkParts {
  readonly candidates: readonly UplinkCandidate[];
  readonly watch: LinkFactsWatch;
  readonly roles: ReadonlyMap<LinkId, LinkRole>;
  readonly connections: Connections;
  readonly qualityOf: (link: LinkId) => LinkQuality;
  /** Whether it costs money, and may not be used for that. */
  readonly isForbidden: (link: WatchedLink) => boolean;
  /** Names of those that are not to be used. */
  readonly barred: ReadonlyMap<string, unknown>;
  /** What went over an interface, by its name. */
  readonly useOf: (name: string) => UplinkUse;
}

/** The uplinks: interfaces that lead out, or would if something were not missing; those without an address are none. */
export function describeUplinks(parts: UplinkParts): Uplink[] {
  const { candidates, watch, connections, roles } = parts;
  return candidates
    .filter(({ link, ways }) => ways.length > 0 || link.addresses.some(({ scope }) => scope === 'global'))
    .map(({ link, ways, lacks }): Uplink => {
      const isForbidden = parts.isForbidden(link);
      const why = lacks ?? (isForbidden ? 'its bytes cost money, and no more may go over it' : undefined);
      const state = stateOf(roles.get(link.index), why, parts.barred.has(link.name));
      const addresses = link.addresses.map(({ address }) => address.toString());
      const { sentBytes: bytesSent, receivedBytes: bytesReceived } = parts.useOf(link.name);
      return {
        ...{ name: link.name, index: link.index, facts: watch.factsOf(link), state, lacks: why },
        quality: parts.qualityOf(link.index),
        isUsed: state === 'active' || state === 'backup',
        addresses: ways.map(({ family, address, gateway }) => ({
          ...{ family, address: address.toString() },
          ...(gateway !== undefined && { gateway: gateway.toString() }),
        })),
        connections: connections.countOn(({ local }) => addresses.includes(local.address)),
        ...{ bytesSent, bytesReceived },
      };
    });
}

function stateOf(role: LinkRole | undefined, lacks: string | undefined, isBarred: boolean): UplinkState {
  if (lacks !== undefined) return 'unusable';
  if (isBarred) return 'barred';
  if (role === undefined) return 'idle';
  return role.isBackup ? 'backup' : 'active';
}

/** What is different, as events. */
export function changesOf(before: readonly Uplink[], after: readonly Uplink[]): PathKeeperEvent[] {
  const events: PathKeeperEvent[] = [];
  for (const uplink of after) {
    const known = before.find(({ index }) => index === uplink.index);
    if (known !== undefined && summaryOf(known) === summaryOf(uplink)) continue;
    events.push({ event: known === undefined ? 'uplink-added' : 'uplink-changed', fields: fieldsOf(uplink) });
  }
  for (const { index, name } of before) {
    if (!after.some((uplink) => uplink.index === index))
      events.push({ event: 'uplink-removed', fields: { interface: name, index } });
  }
  return events;
}

function fieldsOf({ name, index, state, quality, facts, lacks, addresses }: Uplink): LogFields {
  return {
    ...{ interface: name, index, state, quality, kind: facts.kind },
    addresses: addresses.map(({ address }) => address),
    ...(lacks !== undefined && { lacks }),
  };
}

/** Signals and counters change all the time, and are no news. */
function summaryOf(uplink: Uplink): string {
  return JSON.stringify([fieldsOf(uplink), uplink.facts.hasCarrier, uplink.facts.isMetered]);
}
