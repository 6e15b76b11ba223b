/** What the owner of a balancer may choose, with the limits of every table. */
import { MINUTE, SECOND, SubflowError } from '../base/index.js';

/** Settings of a design; each uses those that are about its tables. Treat them as frozen. */
export interface SteeringSettings {
  /** Flows in the table of `stateful`, and joins in that of `token-map`: 1 to 2^25. */
  readonly maxFlows: number;
  /** Of those, flows of which one packet was seen so far; beyond it the oldest of them makes room. 1 to `maxFlows`. */
  readonly maxNewFlows: number;
  /** How long a flow of one packet is kept, in ns. */
  readonly newFlowNs: number;
  /** How long a flow is kept after its last packet, in ns. */
  readonly idleNs: number;
  /** The same for a flow whose client sent FIN or RST. */
  readonly closingNs: number;
  /** Tokens in the map of `token-map`, those of other balancers included: 1 to 2^24. */
  readonly maxTokens: number;
  /** How long a token that no join asks for is kept, in ns. */
  readonly tokenIdleNs: number;
  /** Servers that may claim one token at a time. */
  readonly maxTokenClaims: number;
  /** Places in the table of `maglev`, a prime; 100 times the number of servers keep it even. */
  readonly maglevPlaces: number;
  /** Buckets of `beamer`, 1 to 2^20; the servers must be told. */
  readonly buckets: number;
  /** How long the server that had a bucket is asked about flows that the new one does not know, in ns. */
  readonly chainNs: number;
  /** Bits of tokens and timestamps that name the server in `key-select`, 1 to 8; the servers must be told. */
  readonly serverBits: number;
  /** Events that wait to be polled; beyond it the oldest are forgotten. */
  readonly maxEvents: number;
}

/** For about a million flows and a few hundred servers. */
export const defaultSteeringSettings: SteeringSettings = Object.freeze({
  maxFlows: 2 ** 20,
  maxNewFlows: 2 ** 16,
  newFlowNs: 10 * SECOND,
  idleNs: 15 * MINUTE,
  closingNs: MINUTE,
  maxTokens: 2 ** 20,
  tokenIdleNs: 60 * MINUTE,
  maxTokenClaims: 4,
  maglevPlaces: 65_537,
  buckets: 4096,
  chainNs: 4 * MINUTE,
  serverBits: 8,
  maxEvents: 1024,
});

/** Refuses settings that no design could keep. Throws `ERR_SUBFLOW_BAD_SETTING`. */
export function checkSteeringSettings(settings: SteeringSettings): void {
  within(settings, 'maxFlows', 2 ** 25);
  within(settings, 'maxNewFlows', settings.maxFlows);
  within(settings, 'maxTokens', 2 ** 24);
  within(settings, 'maxTokenClaims', 16);
  within(settings, 'maglevPlaces', 2 ** 22);
  within(settings, 'buckets', 2 ** 20);
  within(settings, 'serverBits', 8);
  within(settings, 'maxEvents', 2 ** 20);
  for (const name of ['newFlowNs', 'idleNs', 'closingNs', 'tokenIdleNs', 'chainNs'] as const) {
    if (!(settings[name] > 0)) throw bad(`${name}: ${settings[name]} is no duration`);
  }
  if (!isPrime(settings.maglevPlaces)) throw bad(`maglevPlaces: ${settings.maglevPlaces} is no prime`);
}

function within(settings: SteeringSettings, name: keyof SteeringSettings, most: number): void {
  const value = settings[name];
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw bad(`${name} is a whole number from 1 to ${most}, not ${value}`);
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value > 1;
}

function bad(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_SETTING', message, {
    hint: 'defaultSteeringSettings has values that work together.',
  });
}
