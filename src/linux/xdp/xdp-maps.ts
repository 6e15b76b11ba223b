/**
 * The maps that a balancer's programs work on for as long as it lives: how large they are by its settings, and what the programs are told
 * of that. Their layouts are those of bpf/joins.h, tokens.h, learned.h and state.h.
 */
import type { SteeringSettings } from '../../balancer/index.js';
import type { Endpoint } from '../../wire/index.js';
import { AT_PAGE, BpfMap, BpfMapType, type BpfObjectFile, word } from '../bpf/index.js';

/** Cells of a bucket, and bytes of one. */
const WAYS = 8;
const cellBytes = { joins_4: 16, joins_6: 32, tokens: 16 } as const;
/** Cells for each entry that a table is meant for: few buckets are full then. */
const CELLS_EACH = 4;

/** Tables of entries, by the name of their map. */
export type EntryTable = keyof typeof cellBytes;
const entryTables = Object.keys(cellBytes) as readonly EntryTable[];

/** How large the maps are. */
export interface MapSizes {
  /** Buckets of each table of entries: powers of 2. */
  readonly buckets: Readonly<Record<EntryTable, number>>;
  /** Places in the ring of learned tokens are 2 to this power. */
  readonly learnedBits: number;
}

/** What settings and services ask for: a family that no service has takes no memory. */
export function mapSizes(settings: SteeringSettings, services: readonly Endpoint[]): MapSizes {
  const has = (family: 4 | 6): boolean => services.some(({ address }) => address.family === family);
  const bucketsFor = (entries: number): number => 2 ** bitsFor((entries * CELLS_EACH) / WAYS);
  return {
    buckets: {
      joins_4: has(4) ? bucketsFor(settings.maxFlows) : 1,
      joins_6: has(6) ? bucketsFor(settings.maxFlows) : 1,
      tokens: bucketsFor(settings.maxTokens),
    },
    learnedBits: bitsFor(settings.maxEvents),
  };
}

/** The least power of 2 that is no less. */
function bitsFor(count: number): number {
  return Math.max(0, Math.ceil(Math.log2(count)));
}

/** Makes those of the maps that the object's programs want, by name. The caller closes them. Throws SystemError. */
export function makeLastingMaps(
  file: BpfObjectFile,
  sizes: MapSizes,
  stateBytes: number,
): Map<string, BpfMap> {
  const made = new Map<string, BpfMap>();
  try {
    for (const definition of file.maps) {
      const { name } = definition;
      if (name === 'counters' || name === 'subflows') made.set(name, BpfMap.create(definition));
      else if (isEntryTable(name))
        made.set(name, BpfMap.create({ ...definition, maxEntries: sizes.buckets[name] }));
      else if (name === 'learned')
        made.set(name, BpfMap.create({ ...definition, valueBytes: 8 + 8 * 2 ** sizes.learnedBits }));
      else if (name === 'states') {
        // What a map of maps will hold is told by one that is like it.
        const inner = makeState(stateBytes);
        made.set(name, BpfMap.create({ ...definition, inner }));
        inner.close();
      }
    }
    return made;
  } catch (error) {
    for (const map of made.values()) map.close();
    throw error;
  }
}

/** A map for one state, all zero. */
export function makeState(bytes: number): BpfMap {
  return BpfMap.create({
    ...{ name: 'state', type: BpfMapType.ARRAY, keyBytes: 4, valueBytes: bytes },
    ...{ maxEntries: 1, flags: AT_PAGE },
  });
}

/** Bytes that the tables of entries among `maps` take, whether there are entries in them or not. */
export function tableBytes(maps: ReadonlyMap<string, BpfMap>): number {
  return entryTables.reduce((sum, name) => sum + sizeOf(maps.get(name)), 0);
}

function sizeOf(map: BpfMap | undefined): number {
  return map === undefined ? 0 : map.maxEntries * map.valueBytes;
}

function isEntryTable(name: string): name is EntryTable {
  return name in cellBytes;
}

/** Where the state of a join lies in its cell, and the phase in that (bpf/joins.h). */
const STATE_OFFSET = 8;
const PHASE_SHIFT = 24;
const lives = ['newFlowNs', 'idleNs', 'closingNs'] as const;
/** Buckets that are looked at to tell how many entries there are. */
const SAMPLE = 1024;

/**
 * Entries in the tables whose time is not over at `nowSeconds` of the kernel's clock. Entries lie by chance, so that the first buckets
 * stand for all: exact for a table of no more than 1024 buckets, and else right to a few hundredths.
 */
export function countEntries(
  maps: ReadonlyMap<string, BpfMap>,
  settings: SteeringSettings,
  nowSeconds: number,
): number {
  let total = 0;
  for (const name of entryTables) {
    const map = maps.get(name);
    if (map === undefined) continue;
    const sample = Math.min(SAMPLE, map.maxEntries);
    const bytes = map.getFirst(sample);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let found = 0;
    for (let at = 0; at < bytes.length; at += cellBytes[name]) {
      const isLive =
        name === 'tokens'
          ? isLiveToken(view, at, settings, nowSeconds)
          : isLiveJoin(view, at + STATE_OFFSET, settings, nowSeconds);
      if (isLive) found++;
    }
    total += Math.round((found * map.maxEntries) / sample);
  }
  return total;
}

function isLiveJoin(view: DataView, at: number, settings: SteeringSettings, now: number): boolean {
  const phase = (view.getUint32(at + 4, true) >>> PHASE_SHIFT) & 3;
  if (phase === 0) return false;
  return (now - view.getUint32(at, true)) >>> 0 < Math.ceil(settings[lives[phase - 1]!] / 1e9);
}

function isLiveToken(view: DataView, at: number, settings: SteeringSettings, now: number): boolean {
  if (view.getBigUint64(at, true) === 0n) return false;
  const age = (now - view.getUint32(at + 12, true)) & 0x7fff_ffff;
  return age <= Math.ceil(settings.tokenIdleNs / 1e9);
}

/** The key of the only value of a map. */
export const only = word(0);
