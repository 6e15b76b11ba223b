/**
 * The one value that balancers contend for: all generations since the latest snapshot, and where that snapshot is. As it is replaced as a
 * whole, by whoever knew the one before it, nobody ever sees half of a change. Bytes and values only; what comes from the store is
 * checked here, every field of it, and refused as a whole or believed as a whole.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { z } from 'zod';
import {
  generationToJson,
  parseGeneration,
  parseSnapshot,
  snapshotToJson,
  type Generation,
  type GenerationSnapshot,
} from '../../../balancer/index.js';
import { parseError, parsed, SECOND, type ParseResult } from '../../../base/index.js';

/** Generations since the latest snapshot; the balancers have to make a snapshot before there are more. */
export const maxLoggedGenerations = 256;
/** How far the time of a generation may lie ahead of the own clock, in ns. */
export const maxAheadNs = 300 * SECOND;
/** Bytes of one part of a snapshot. */
export const partBytes = 512 * 1024;
/** Parts of a snapshot. */
export const maxParts = 32;
/** Bytes of a record before it is compressed, and of a snapshot. */
const maxRecordBytes = 32 * 1024 * 1024;
const maxSnapshotBytes = 64 * 1024 * 1024;

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

/** Where a snapshot is. */
export interface SnapshotPlace {
  /** Number of its generation. */
  readonly number: number;
  /** First 32 hexadecimal digits of SHA-256 over its bytes. */
  readonly hash: string;
  readonly parts: number;
}

/** What the value holds. */
export interface StoreRecord {
  /** Who wrote it: a number drawn by each process. */
  readonly by: string;
  readonly snapshot: SnapshotPlace | undefined;
  /** By rising number without a gap, from the one after the snapshot or from 1. */
  readonly generations: readonly Generation[];
}

const format = 1;
const envelopeSchema = z.object({
  format: z.number().int().min(1),
  by: z.string().max(64).optional(),
  snapshot: z
    .object({
      number: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
      hash: z.string().regex(/^[0-9a-f]{32}$/),
      parts: z.number().int().min(1).max(maxParts),
    })
    .optional(),
  generations: z.array(z.unknown()).max(maxLoggedGenerations).optional(),
});

/** The bytes of a record. */
export async function encodeRecord({ by, snapshot, generations }: StoreRecord): Promise<Uint8Array> {
  const json = { format, by, snapshot, generations: generations.map(generationToJson) };
  return pack(JSON.stringify(json));
}

/**
 * Reads one. Errors: `newer-format` for one of a later version of this program, which is to be left alone; `bad-record` for
 * anything else. `nowNs`: the own clock, since 1970.
 */
export async function decodeRecord(bytes: Uint8Array, nowNs: number): Promise<ParseResult<StoreRecord>> {
  const json = await unpack(bytes, maxRecordBytes);
  const envelope = envelopeSchema.safeParse(json);
  if (!envelope.success) return parseError('bad-record', 0, 'the shared record is damaged');
  const { data } = envelope;
  if (data.format !== format)
    return parseError('newer-format', 0, `the shared record has format ${data.format}, of another version`);
  const generations: Generation[] = [];
  for (const each of data.generations ?? []) {
    const generation = parseGeneration(each);
    if (!generation.ok) return parseError('bad-record', 0, generation.message);
    generations.push(generation.value);
  }
  const record = { by: data.by ?? '', snapshot: data.snapshot, generations };
  const fault = faultOf(record, nowNs);
  return fault === undefined ? parsed(record) : parseError('bad-record', 0, fault);
}

/** What is wrong with a record whose parts are all right. */
function faultOf({ snapshot, generations }: StoreRecord, nowNs: number): string | undefined {
  if (snapshot === undefined && generations.length === 0) return 'the shared record holds nothing';
  let number = snapshot?.number ?? 0;
  let atNs = Number.NEGATIVE_INFINITY;
  for (const generation of generations) {
    if (generation.number !== ++number)
      return `the shared record has generation ${generation.number} where ${number} should be`;
    if (generation.atNs <= atNs) return `generation ${number} is no later than the one before it`;
    atNs = generation.atNs;
  }
  const last = generations.at(-1);
  return last === undefined ? undefined : aheadOf(last, nowNs);
}

function aheadOf({ number, atNs }: Generation, nowNs: number): string | undefined {
  if (atNs <= nowNs + maxAheadNs) return undefined;
  return `generation ${number} lies ${Math.round((atNs - nowNs) / SECOND)} s ahead of this clock`;
}

/** A snapshot in parts, and where they belong. */
export interface PackedSnapshot {
  readonly place: SnapshotPlace;
  readonly parts: readonly Uint8Array[];
}

/** Packs a snapshot; undefined when it is too large for a store. */
export async function packSnapshot(snapshot: GenerationSnapshot): Promise<PackedSnapshot | undefined> {
  const bytes = await pack(JSON.stringify({ format, ...snapshotToJson(snapshot) }));
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += partBytes) parts.push(bytes.subarray(at, at + partBytes));
  if (parts.length > maxParts) return undefined;
  return { place: { number: snapshot.generation.number, hash: hashOf(bytes), parts: parts.length }, parts };
}

/** Whether the parts are those of the snapshot. */
export function isWhole(place: SnapshotPlace, parts: readonly Uint8Array[]): boolean {
  return hashOf(Buffer.concat(parts)) === place.hash;
}

/** Puts a snapshot together from what the store has as its parts. `nowNs` as of {@link decodeRecord}. */
export async function unpackSnapshot(
  place: SnapshotPlace,
  parts: readonly Uint8Array[],
  nowNs: number,
): Promise<ParseResult<GenerationSnapshot>> {
  const bytes = Buffer.concat(parts);
  const name = `the snapshot of generation ${place.number}`;
  if (!isWhole(place, parts)) return parseError('bad-record', 0, `${name} is damaged or incomplete`);
  const snapshot = parseSnapshot(await unpack(bytes, maxSnapshotBytes));
  if (!snapshot.ok) return snapshot;
  if (snapshot.value.generation.number !== place.number)
    return parseError('bad-record', 0, `${name} is of another one`);
  const fault = aheadOf(snapshot.value.generation, nowNs);
  return fault === undefined ? snapshot : parseError('bad-record', 0, fault);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}

async function pack(text: string): Promise<Uint8Array> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 22 };
  return new Uint8Array(await compress(text, { params }));
}

/** The value; undefined for what is none, or too large. */
async function unpack(bytes: Uint8Array, maxOutputLength: number): Promise<unknown> {
  try {
    return JSON.parse(String(await decompress(bytes, { maxOutputLength })));
  } catch {
    return undefined;
  }
}
