/** What the page is told, from what was looked at. Pure: bounds, the busiest first, what stands on each endpoint. */
import {
  type MachineConnection,
  type MachineEndpoint,
  machineSchema,
  type MachinePaths,
  type MachineService,
  type MachineState,
  MAX_SHOWN_CONNECTIONS,
  MAX_SHOWN_SUBFLOWS,
} from '../../../lab/index.js';
import type { KernelEndpoint, KernelPathEvent, WatchedLink } from '../../../linux/index.js';
import type { MonitoredConnection, MonitorLook } from '../../monitor/index.js';

/** A state without events: each reader is told others. */
export type MachinePicture = Omit<MachineState, 'events' | 'lostEvents'>;

/** What was seen. */
export interface Seen {
  readonly atMs: number;
  /** Undefined where connections cannot be looked at. */
  readonly look: MonitorLook | undefined;
  readonly paths: MachinePaths;
  readonly services: readonly MachineService[];
  readonly lacks: readonly string[];
  readonly allowsControl: boolean;
}

const nothing: MachineState['totals'] = {
  ...{ connections: 0, subflows: 0, backups: 0, fallenBack: 0, plain: 0, listeners: 0 },
  ...{ sentBytes: 0, receivedBytes: 0, sendRateBps: null, receiveRateBps: null },
};

/** See the module. */
export function pictureOf({ atMs, look, paths, services, lacks, allowsControl }: Seen): MachinePicture {
  const all = look?.connections ?? [];
  const connections = busiest(all, MAX_SHOWN_CONNECTIONS);
  return {
    ...{ schema: machineSchema, atMs, sinceMs: look?.sinceMs ?? null, allowsControl },
    lacks: [...lacks, ...lacksOf(look)],
    ...{ totals: look?.totals ?? nothing, connections, moreConnections: all.length - connections.length },
    ...{ paths, services },
  };
}

function lacksOf(look: MonitorLook | undefined): string[] {
  if (look === undefined) return [];
  return [
    ...(look.seesEvents
      ? []
      : ['Without CAP_NET_ADMIN no events can be heard, and no endpoints seen: run as root.']),
    ...(look.seesSubflows ? [] : ['Without it this kernel does not tell of subflows either.']),
    ...(look.isWhole ? [] : ['There are more connections than are looked at.']),
  ];
}

function busiest(all: readonly MonitoredConnection[], most: number): MachineConnection[] {
  return [...all]
    .sort((a, b) => rateOf(b) - rateOf(a) || bytesOf(b) - bytesOf(a) || (a.token < b.token ? -1 : 1))
    .slice(0, most)
    .map((each) =>
      each.subflows.length <= MAX_SHOWN_SUBFLOWS
        ? each
        : { ...each, subflows: each.subflows.slice(0, MAX_SHOWN_SUBFLOWS) },
    );
}

function rateOf({ sendRateBps, receiveRateBps }: MonitoredConnection): number {
  return (sendRateBps ?? 0) + (receiveRateBps ?? 0);
}

function bytesOf({ sentBytes, receivedBytes }: MonitoredConnection): number {
  return sentBytes + receivedBytes;
}

/** Endpoints with what stands on them: whoever removes one ends that. */
export function endpointsWithUse(
  endpoints: readonly KernelEndpoint[],
  connections: readonly MonitoredConnection[],
  links: readonly WatchedLink[],
): MachineEndpoint[] {
  return endpoints.map(({ id, address, port, flags, interfaceIndex }) => {
    let [subflows, aloneFor] = [0, 0];
    for (const connection of connections) {
      const own = connection.subflows.filter(({ local }) => isAt(local, address));
      subflows += own.length;
      if (own.length > 0 && own.length === connection.subflows.length) aloneFor++;
    }
    const device = links.find(({ index }) => index === interfaceIndex)?.name ?? `if${interfaceIndex}`;
    return {
      ...{ id, address, port, flags, subflows, aloneFor },
      device: interfaceIndex === 0 ? null : device,
    };
  });
}

/** Whether an end like `192.0.2.1:443` or `[2001:db8::1]:443` is at an address. */
function isAt(end: string, address: string): boolean {
  return end.startsWith(address.includes(':') ? `[${address}]:` : `${address}:`);
}

/** A kernel's event in words. */
export function wordsOf(event: KernelPathEvent): { type: string; token: string; said: string } {
  const { type, token, local, remote, errno, resetReason, backup } = event;
  const ends = [local, remote].flatMap((end) => (end === undefined ? [] : [endText(end)]));
  const why = [
    ...(backup === true ? ['backup'] : []),
    ...(errno ? [`error ${errno}`] : []),
    ...(resetReason === undefined ? [] : [`reset, reason ${resetReason}`]),
  ];
  return {
    ...{ type, token: token === 0 ? '' : token.toString(16).padStart(8, '0') },
    said: [ends.join(' to '), ...why].filter(Boolean).join(', '),
  };
}

function endText({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
