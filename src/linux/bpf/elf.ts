/**
 * The part of ELF that compilers of eBPF write: a relocatable file of 64 bits with the least significant byte first, its
 * sections, symbols and relocations. Owns the layout of the file and the checks of every offset, for an object may come from
 * anywhere; knows nothing of what the sections mean (object-file.ts does). No I/O.
 *
 * Read first: elf(5); the generic ABI, chapter 4 (object files).
 */
import { parseError, parsed, type ParseError, type ParseResult } from '../../base/index.js';

/** Largest file that is read. */
export const maxObjectBytes = 16 * 1024 * 1024;
const maxSections = 1024;
const maxSymbols = 65_536;
const maxRelocations = 262_144;

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;

const ELF_MAGIC = 0x7f45_4c46;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const RELOCATABLE = 1;
const MACHINE_BPF = 247;

/** Kinds of sections that matter here. */
export const SectionType = { SYMBOLS: 2, STRINGS: 3, NO_BITS: 8, RELOCATIONS: 9 } as const;

/** One section. */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  /** What it holds; empty for a section without bytes in the file. */
  readonly bytes: Uint8Array;
  /** Of a section of relocations: the section that they change. */
  readonly info: number;
  /** Of symbols: the section of their names; of relocations: that of their symbols. */
  readonly link: number;
}

/** One symbol. */
export interface ElfSymbol {
  readonly name: string;
  /** The low four bits of its info byte: 1 object, 2 function, 3 section. */
  readonly type: number;
  /** Index of the section that it is in; 0 for one that is not in this file. */
  readonly section: number;
  /** Offset within the section, in bytes. */
  readonly value: number;
  /** In bytes; 0 when that is not known. */
  readonly size: number;
}

/** One place to be changed. */
export interface ElfRelocation {
  /** Offset within the section that is changed, in bytes. */
  readonly offset: number;
  /** How: a number of the processor's ABI. */
  readonly type: number;
  readonly symbol: ElfSymbol;
}

/** What a file says. */
export interface ElfFile {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** By index of the section that they change. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

/** Reads an object; whatever the bytes are, it gives a value and never throws. Contents are views of `bytes`. */
export function parseElf(bytes: Uint8Array): ParseResult<ElfFile> {
  const refusal = checkHeader(bytes);
  if (refusal !== undefined) return refusal;
  const sections = parseSections(bytes);
  if (!sections.ok) return sections;
  const symbols = parseSymbols(sections.value);
  if (!symbols.ok) return symbols;
  const relocations = parseRelocations(sections.value, symbols.value);
  if (!relocations.ok) return relocations;
  return parsed({ sections: sections.value, symbols: symbols.value, relocations: relocations.value });
}

function checkHeader(bytes: Uint8Array): ParseError | undefined {
  if (bytes.length > maxObjectBytes) return parseError('too-large', 0, `an object of ${bytes.length} bytes`);
  if (bytes.length < HEADER_BYTES)
    return parseError('truncated', bytes.length, 'the ELF header is cut short');
  const view = dataView(bytes);
  if (view.getUint32(0) !== ELF_MAGIC) return parseError('bad-magic', 0, 'this is no ELF file');
  if (bytes[4] !== CLASS_64 || bytes[5] !== LITTLE_ENDIAN)
    return parseError('bad-class', 4, 'only objects of 64 bits, least significant byte first, are read');
  if (view.getUint16(16, true) !== RELOCATABLE) return parseError('bad-type', 16, 'this is no object file');
  if (view.getUint16(18, true) !== MACHINE_BPF) return parseError('bad-machine', 18, 'this is not for eBPF');
  return undefined;
}

function parseSections(bytes: Uint8Array): ParseResult<ElfSection[]> {
  const view = dataView(bytes);
  const start = Number(view.getBigUint64(40, true));
  const entryBytes = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  const namesIndex = view.getUint16(62, true);
  if (entryBytes !== SECTION_HEADER_BYTES || count > maxSections)
    return parseError('bad-sections', 58, `${count} section headers of ${entryBytes} bytes`);
  if (start + count * SECTION_HEADER_BYTES > bytes.length)
    return parseError('truncated', 40, 'the section headers lie beyond the end');
  const raw: (ElfSection & { readonly nameOffset: number })[] = [];
  for (let i = 0; i < count; i++) {
    const at = start + i * SECTION_HEADER_BYTES;
    const type = view.getUint32(at + 4, true);
    const offset = Number(view.getBigUint64(at + 24, true));
    const size = type === SectionType.NO_BITS || type === 0 ? 0 : Number(view.getBigUint64(at + 32, true));
    if (size > 0 && offset + size > bytes.length)
      return parseError('truncated', at, `section ${i} lies beyond the end`);
    raw.push({
      ...{ name: '', nameOffset: view.getUint32(at, true), type },
      bytes: size === 0 ? new Uint8Array(0) : bytes.subarray(offset, offset + size),
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
    });
  }
  const names = raw[namesIndex]?.bytes;
  if (names === undefined) return parseError('bad-sections', 62, 'the names of sections are missing');
  const sections: ElfSection[] = [];
  for (const [i, { nameOffset, type, bytes: content, link, info }] of raw.entries()) {
    const name = stringAt(names, nameOffset);
    if (name === undefined) return parseError('bad-name', start + i * 64, `section ${i} has no name`);
    sections.push({ name, type, bytes: content, link, info });
  }
  return parsed(sections);
}

function parseSymbols(sections: readonly ElfSection[]): ParseResult<ElfSymbol[]> {
  const table = sections.find(({ type }) => type === SectionType.SYMBOLS);
  if (table === undefined) return parseError('no-symbols', 0, 'the object has no symbols');
  const names = sections[table.link]?.bytes;
  const count = table.bytes.length / SYMBOL_BYTES;
  if (names === undefined || !Number.isInteger(count) || count > maxSymbols)
    return parseError('bad-symbols', 0, 'the table of symbols makes no sense');
  const view = dataView(table.bytes);
  const symbols: ElfSymbol[] = [];
  for (let i = 0; i < count; i++) {
    const at = i * SYMBOL_BYTES;
    const name = stringAt(names, view.getUint32(at, true));
    if (name === undefined) return parseError('bad-name', at, `symbol ${i} has no name`);
    symbols.push({
      name,
      type: table.bytes[at + 4]! & 0x0f,
      section: view.getUint16(at + 6, true),
      value: Number(view.getBigUint64(at + 8, true)),
      size: Number(view.getBigUint64(at + 16, true)),
    });
  }
  return parsed(symbols);
}

function parseRelocations(
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
): ParseResult<Map<number, ElfRelocation[]>> {
  const bySection = new Map<number, ElfRelocation[]>();
  let total = 0;
  for (const { type, bytes, info } of sections) {
    if (type !== SectionType.RELOCATIONS) continue;
    const target = sections[info];
    total += bytes.length / RELOCATION_BYTES;
    if (target === undefined || !Number.isInteger(total) || total > maxRelocations)
      return parseError('bad-relocations', 0, 'a table of relocations makes no sense');
    const found = bySection.get(info) ?? [];
    bySection.set(info, found);
    const view = dataView(bytes);
    for (let at = 0; at < bytes.length; at += RELOCATION_BYTES) {
      const offset = Number(view.getBigUint64(at, true));
      const symbol = symbols[view.getUint32(at + 12, true)];
      if (symbol === undefined || offset >= target.bytes.length)
        return parseError('bad-relocation', at, 'a relocation names a symbol or a place that is not there');
      found.push({ offset, type: view.getUint32(at + 8, true), symbol });
    }
  }
  return parsed(bySection);
}

/** The string that begins at `offset` and ends with a zero; undefined when there is none. */
function stringAt(bytes: Uint8Array, offset: number): string | undefined {
  if (offset >= bytes.length) return undefined;
  const end = bytes.indexOf(0, offset);
  return end < 0 ? undefined : String.fromCharCode(...bytes.subarray(offset, Math.min(end, offset + 255)));
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
