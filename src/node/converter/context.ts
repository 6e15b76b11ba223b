/** What the sessions of a converter share. */
import type { ConverterPolicy } from '../../convert/index.js';
import type { AccessRules, SessionWorld } from '../relay/index.js';

export interface ConverterContext extends SessionWorld {
  /** Whether sockets are Multipath TCP; false: plain TCP on both sides. */
  readonly isMultipath: boolean;
  /** Time for the client's message, in ms. */
  readonly helloMs: number;
  /** As they are at present. */
  policy(): ConverterPolicy;
  /** Time for the server's answer, in ms. */
  connectMs(): number;
  rules(): AccessRules;
  /** Whether one more error may be told now; if so it is counted. */
  mayTellError(): boolean;
  /** The time of day, in ns: for cookies, which outlive this process' clock. */
  wallNs(): number;
  log(event: ConverterEvent, fields: Record<string, unknown>): void;
}

/** What a converter tells of; stable names. */
export const converterEvents = {
  listening: 'it takes clients',
  connected: 'a client has its server',
  closed: 'a client is gone, with what became of it',
  refused: 'a client got no place',
  exhausted:
    'no descriptor or memory is left for a client and its server: it was closed as soon as it was there',
  'rules-loaded': 'rules were read, and hold for whatever comes from now on',
  'rules-refused': 'rules have a mistake; those before hold on',
  stopping: 'it takes no more clients, and waits for those that it has',
  stopped: 'nothing of it is left',
} as const;

/** Name of an event. */
export type ConverterEvent = keyof typeof converterEvents;
