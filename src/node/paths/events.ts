/** What a path keeper tells of, and how it shows its uplinks. */
import type { LogFields } from '../daemon/index.js';
import type { LinkFacts, LinkQuality } from '../../policy/index.js';

/** What an uplink does: carries data, stands by, is left alone by the service type, was barred by its owner, or cannot be used. */
export type UplinkState = 'active' | 'backup' | 'idle' | 'barred' | 'unusable';

/** One uplink at one moment. */
export interface Uplink {
  /** The interface's name, and the kernel's number of it: names may change, numbers do not. */
  readonly name: string;
  readonly index: number;
  readonly facts: LinkFacts;
  readonly quality: LinkQuality;
  readonly state: UplinkState;
  /** Whether it is there to carry data: active, or a backup. */
  readonly isUsed: boolean;
  /** Why it is unusable, with the next step; undefined otherwise. */
  readonly lacks: string | undefined;
  /** The address that subflows are sent from, by family: at most one each, IPv4 first. */
  readonly addresses: readonly {
    readonly family: 4 | 6;
    readonly address: string;
    readonly gateway?: string;
  }[];
  /** Connections that have a subflow on it. */
  readonly connections: number;
  /** Bytes that went over the interface since the keeper saw it first, headers included, whoever sent them. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** Names of events with what they say, in the order in which they are likely to come. */
export const pathKeeperEvents = Object.freeze({
  started: 'it looks after the uplinks now',
  'uplink-added': 'an interface became an uplink',
  'uplink-removed': 'an uplink is gone, or is none any more',
  'uplink-changed': 'state, quality, carrier or addresses of an uplink are others',
  step: 'something was done, with the command of ip that does the same',
  refused: 'the kernel did not do a step; it is tried again',
  're-created': 'a subflow that a connection lost was asked for again',
  'metered-used-up': 'what may go over metered links has gone',
  'black-holes-forgiven': 'the kernel tries Multipath TCP again after it met a network that loses it',
  'left-behind':
    'a connection stands on this endpoint alone, so it stays; paths auto --undo --force takes it away',
  stopped: 'everything is undone, but for what was left behind',
});
export type PathKeeperEventName = keyof typeof pathKeeperEvents;

/** One event. */
export interface PathKeeperEvent {
  readonly event: PathKeeperEventName;
  /** What it is about: interface, address, command, reason; never secrets. */
  readonly fields: LogFields;
}
