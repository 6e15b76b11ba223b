/**
 * Generations, snapshots, observations and tokens as JSON, which is how stores keep them: written by one balancer and read by another,
 * perhaps of a later version, so that unknown fields are left out of account. Reading gives a value or a {@link ParseError}, never a throw.
 */
import { parsed, parseError, type ParseResult } from '../../base/index.js';
import { IpAddress, type MptcpVersion } from '../../wire/index.js';
import type { BucketSnapshot } from '../bucket-table.js';
import { maxServerId, maxServers, ServerSet, type ServerSpec, type ServerState } from '../servers.js';
import type { TokenEntry } from '../token-table.js';
import {
  type Generation,
  type GenerationServer,
  type GenerationSnapshot,
  maxReasonLength,
} from './generation.js';
import { maxWhyLength, type Observation, type ServerObservation } from './observation.js';

/** What `JSON.parse` gives. */
type Json = unknown;
/** Most buckets of a table (settings.ts). */
const maxBuckets = 2 ** 20;
/** Most characters in the name of a balancer. */
export const maxBalancerNameLength = 128;
/** Most tokens in one message between balancers. */
export const maxSharedTokens = 65_536;

/** A generation as a value for `JSON.stringify`. */
export function generationToJson({ number, atNs, servers, reason }: Generation): object {
  const list = servers.map(({ id, address, weight, state, wanted }) => ({
    ...{ id, address: address.toString() },
    ...(weight !== undefined && { weight }),
    ...(state !== undefined && { state }),
    ...(wanted !== undefined && { wanted }),
  }));
  return { number, atNs, servers: list, reason };
}

/** Whether two say the same, of whatever balancer they are. */
export function isSameGeneration(a: Generation, b: Generation): boolean {
  return a === b || JSON.stringify(generationToJson(a)) === JSON.stringify(generationToJson(b));
}

/** Reads what {@link generationToJson} wrote, after `JSON.parse`. */
export function parseGeneration(json: Json): ParseResult<Generation> {
  if (!isRecord(json)) return bad('a generation is an object');
  const { number, atNs, reason } = json;
  if (!isWhole(number, 1, Number.MAX_SAFE_INTEGER)) return bad('the number of a generation is none');
  if (!isInstant(atNs)) return bad(`generation ${number}: its time is none`);
  if (typeof reason !== 'string' || reason.length > maxReasonLength)
    return bad(`generation ${number}: its reason is none`);
  const servers = serversOf(json['servers']);
  if (servers === undefined) return bad(`generation ${number}: its servers are none`);
  return parsed({ number, atNs, servers, reason });
}

/** A snapshot as a value for `JSON.stringify`: buckets as runs, `[count, hand, count, hand ...]`. */
export function snapshotToJson({ generation, buckets }: GenerationSnapshot): object {
  return {
    generation: generationToJson(generation),
    ...(buckets !== undefined && { buckets: bucketsToJson(buckets) }),
  };
}

/** Reads what {@link snapshotToJson} wrote, after `JSON.parse`. */
export function parseSnapshot(json: Json): ParseResult<GenerationSnapshot> {
  if (!isRecord(json)) return bad('a snapshot is an object');
  const generation = parseGeneration(json['generation']);
  if (!generation.ok) return generation;
  if (json['buckets'] === undefined) return parsed({ generation: generation.value });
  const buckets = bucketsOf(json['buckets']);
  if (buckets === undefined) return bad('the buckets of a snapshot make no sense');
  return parsed({ generation: generation.value, buckets });
}

/** Reads an observation, which is written as it is, after `JSON.parse`. */
export function parseObservation(json: Json): ParseResult<Observation> {
  if (!isRecord(json)) return bad('an observation is an object');
  const { balancer, atNs, servers } = json;
  if (typeof balancer !== 'string' || balancer === '' || balancer.length > maxBalancerNameLength)
    return bad('an observation is of a balancer with a name');
  if (!isInstant(atNs)) return bad(`what ${balancer} observed has no time`);
  if (!Array.isArray(servers) || servers.length > maxServers || !servers.every(isServerObservation))
    return bad(`what ${balancer} observed of servers makes no sense`);
  const list = servers.map(({ id, isHealthy, why }) => ({ id, isHealthy, why }));
  return parsed({ balancer, atNs, servers: list });
}

/** Reads tokens, which are written as they are, after `JSON.parse`. */
export function parseTokenEntries(json: Json): ParseResult<readonly TokenEntry[]> {
  if (!Array.isArray(json) || json.length > maxSharedTokens || !json.every(isTokenEntry))
    return bad('tokens make no sense');
  return parsed(json.map(({ token, version, server }) => ({ token, version, server })));
}

function serversOf(json: Json): GenerationServer[] | undefined {
  if (!Array.isArray(json) || json.length > maxServers) return undefined;
  const servers: GenerationServer[] = [];
  for (const each of json as Json[]) {
    if (!isRecord(each)) return undefined;
    const { id, weight, state, wanted } = each;
    const address = typeof each['address'] === 'string' ? IpAddress.parse(each['address']) : undefined;
    if (address === undefined || typeof id !== 'number') return undefined;
    if (weight !== undefined && typeof weight !== 'number') return undefined;
    if (!isStateOrNone(state) || !isStateOrNone(wanted)) return undefined;
    servers.push({
      ...{ id, address },
      ...(weight !== undefined && { weight }),
      ...(state !== undefined && { state }),
      ...(wanted !== undefined && { wanted }),
    });
  }
  return isSound(servers) ? servers : undefined;
}

function isStateOrNone(json: Json): json is ServerState | undefined {
  return json === undefined || json === 'up' || json === 'draining' || json === 'gone';
}

/** Whether a balancer takes the list. */
function isSound(servers: readonly ServerSpec[]): boolean {
  try {
    return new ServerSet(servers).all.length <= servers.length;
  } catch {
    return false;
  }
}

function bucketsToJson(buckets: BucketSnapshot): object {
  const { generation, owners, formers, movedAtNs, dueAtNs } = buckets;
  const hands: (number | null)[][] = [];
  const known = new Map<string, number>();
  const runs: number[] = [];
  let last = -1;
  for (let bucket = 0; bucket < owners.length; bucket++) {
    const hand = [owners[bucket]!, formers[bucket]!, finiteOrNull(movedAtNs[bucket]!)];
    const name = hand.join();
    let index = known.get(name);
    if (index === undefined) {
      index = hands.push(hand) - 1;
      known.set(name, index);
    }
    if (index === last) runs[runs.length - 2]!++;
    else runs.push(1, index);
    last = index;
  }
  return { generation, size: owners.length, dueAtNs: finiteOrNull(dueAtNs), hands, runs };
}

function bucketsOf(json: Json): BucketSnapshot | undefined {
  if (!isRecord(json)) return undefined;
  const { generation, size, dueAtNs, hands, runs } = json;
  if (!isWhole(generation, 0, Number.MAX_SAFE_INTEGER) || !isWhole(size, 1, maxBuckets)) return undefined;
  if (dueAtNs !== null && !isInstant(dueAtNs)) return undefined;
  if (!Array.isArray(hands) || !Array.isArray(runs) || !hands.every(isHand)) return undefined;
  const owners = new Uint16Array(size);
  const formers = new Uint16Array(size);
  const movedAt = new Float64Array(size);
  let bucket = 0;
  for (let i = 0; i + 1 < runs.length; i += 2) {
    const count: Json = runs[i];
    const hand = hands[runs[i + 1] as number];
    if (!isWhole(count, 1, size - bucket) || hand === undefined) return undefined;
    owners.fill(hand[0], bucket, bucket + count);
    formers.fill(hand[1], bucket, bucket + count);
    movedAt.fill(hand[2] ?? Number.NEGATIVE_INFINITY, bucket, bucket + count);
    bucket += count;
  }
  if (bucket !== size) return undefined;
  return { generation, owners, formers, movedAtNs: movedAt, dueAtNs: dueAtNs ?? Number.POSITIVE_INFINITY };
}

function isHand(json: Json): json is [number, number, number | null] {
  if (!Array.isArray(json) || json.length !== 3) return false;
  const [owner, former, movedAt] = json as Json[];
  return (
    isWhole(owner, 0, maxServerId) &&
    isWhole(former, 0, maxServerId) &&
    (movedAt === null || isInstant(movedAt))
  );
}

function isServerObservation(json: Json): json is ServerObservation {
  return (
    isRecord(json) &&
    isWhole(json['id'], 1, maxServerId) &&
    typeof json['isHealthy'] === 'boolean' &&
    typeof json['why'] === 'string' &&
    json['why'].length <= maxWhyLength
  );
}

function isTokenEntry(json: Json): json is { token: number; version: MptcpVersion; server: number } {
  return (
    isRecord(json) &&
    isWhole(json['token'], 0, 2 ** 32 - 1) &&
    isWhole(json['version'], 0, 1) &&
    isWhole(json['server'], 1, maxServerId)
  );
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function isRecord(json: Json): json is Record<string, Json> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isWhole(json: Json, least: number, most: number): json is number {
  return Number.isInteger(json) && (json as number) >= least && (json as number) <= most;
}

/** Instants are as large as they like: nanoseconds since 1970 are no safe integers. */
function isInstant(json: Json): json is number {
  return typeof json === 'number' && Number.isFinite(json) && json >= 0;
}

function bad(message: string): ParseResult<never> {
  return parseError('bad-state', 0, message);
}
