/**
 * What an object of eBPF programs holds: programs, maps, constants, a licence and the hash of its sources. Owns the conventions
 * between bpf/*.c and the loader (docs/decisions/0010-xdp-objects.md): a section `xdp` or `xdp.NAME` holds one program or several
 * after each other, named by their functions; the section `maps` holds `struct map_definition` values, named by their variables;
 * constants are in `.rodata`. Programs call helpers of the kernel only: every function of their own is inlined. No I/O.
 *
 * Read first: Linux Documentation/bpf/llvm_reloc.rst; bpf.h on `BPF_PSEUDO_MAP_FD`.
 */
import { parseError, parsed, type ParseResult } from '../../base/index.js';
import { parseElf, type ElfFile, type ElfRelocation, type ElfSymbol } from './elf.js';

/** Bytes of an instruction; one that loads 64 bits takes two. */
export const instructionBytes = 8;
/** The kernel's limit for programs of those who may load any, in instructions. */
const maxInstructions = 1_000_000;
const MAP_DEFINITION_BYTES = 20;
/** Relocation of an instruction that loads 64 bits (R_BPF_64_64). */
const RELOCATE_LOAD = 1;
const LOAD_64 = 0x18;
const SYMBOL_FUNCTION = 2;
const SYMBOL_OBJECT = 1;

/** The name of the map that constants become. */
export const constantsMap = '.rodata';

/** A map as the program wants it; its maker may choose other sizes. */
export interface MapDefinition {
  readonly name: string;
  readonly type: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** A place in a program that wants a map. */
export interface MapReference {
  /** Index of the instruction that loads it. */
  readonly instruction: number;
  /** {@link MapDefinition.name}, or {@link constantsMap}. */
  readonly map: string;
  /** Of constants: where they lie within. */
  readonly offset: number;
}

/** A program before its maps are known. */
export interface ProgramCode {
  readonly name: string;
  /** The section that it came from, which says what kind it is. */
  readonly section: string;
  readonly instructions: Uint8Array;
  readonly references: readonly MapReference[];
}

/** The least XDP program: `r0 = XDP_PASS; exit`. For trying whether any may be loaded. */
export const passEverything: ProgramCode = {
  name: 'pass',
  section: 'xdp',
  instructions: Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
  references: [],
};

/** What an object holds. */
export interface BpfObjectFile {
  readonly programs: readonly ProgramCode[];
  readonly maps: readonly MapDefinition[];
  /** Empty without. */
  readonly constants: Uint8Array;
  /** Where each named constant lies in `constants`. */
  readonly constantPlaces: ReadonlyMap<string, { readonly offset: number; readonly bytes: number }>;
  /** What the kernel is told; empty without. */
  readonly licence: string;
  /** SHA-256 of the sources, in hexadecimal; empty without. */
  readonly sourceHash: string;
}

/** Reads an object. Whatever the bytes are, it gives a value. */
export function parseObjectFile(bytes: Uint8Array): ParseResult<BpfObjectFile> {
  const elf = parseElf(bytes);
  if (!elf.ok) return elf;
  const maps = parseMaps(elf.value);
  if (!maps.ok) return maps;
  const constantsIndex = indexOf(elf.value, constantsMap);
  const constants = elf.value.sections[constantsIndex]?.bytes ?? new Uint8Array(0);
  const programs: ProgramCode[] = [];
  for (const [index, { name }] of elf.value.sections.entries()) {
    if (name !== 'xdp' && !name.startsWith('xdp.')) continue;
    const found = parsePrograms(elf.value, index, constants.length);
    if (!found.ok) return found;
    programs.push(...found.value);
  }
  if (programs.length === 0) return parseError('no-program', 0, 'the object has no section called xdp');
  return parsed({
    programs,
    maps: maps.value,
    constants,
    constantPlaces: new Map(
      elf.value.symbols
        .filter(({ section, type }) => section === constantsIndex && type === SYMBOL_OBJECT)
        .map(({ name, value, size }) => [name, { offset: value, bytes: size }]),
    ),
    licence: textOf(elf.value, 'license'),
    sourceHash: textOf(elf.value, 'source_hash'),
  });
}

function parseMaps(elf: ElfFile): ParseResult<MapDefinition[]> {
  const index = indexOf(elf, 'maps');
  const section = elf.sections[index];
  if (section === undefined) return parsed([]);
  const view = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length);
  const maps: MapDefinition[] = [];
  for (const { name, section: home, value, type } of elf.symbols) {
    if (home !== index || type !== SYMBOL_OBJECT) continue;
    if (value + MAP_DEFINITION_BYTES > section.bytes.length)
      return parseError('bad-map', value, `the definition of map ${name} lies beyond its section`);
    const word = (position: number): number => view.getUint32(value + 4 * position, true);
    maps.push({
      ...{ name, type: word(0), keyBytes: word(1) },
      ...{ valueBytes: word(2), maxEntries: word(3), flags: word(4) },
    });
  }
  return parsed(maps);
}

function parsePrograms(elf: ElfFile, index: number, constantBytes: number): ParseResult<ProgramCode[]> {
  const section = elf.sections[index]!;
  const relocations = elf.relocations.get(index) ?? [];
  const programs: ProgramCode[] = [];
  for (const { name, section: home, type, value, size } of elf.symbols) {
    if (home !== index || type !== SYMBOL_FUNCTION) continue;
    const isWhole = size > 0 && size % instructionBytes === 0 && value % instructionBytes === 0;
    if (!isWhole || value + size > section.bytes.length || size / instructionBytes > maxInstructions)
      return parseError('bad-program', value, `program ${name} makes no sense`);
    const references: MapReference[] = [];
    for (const relocation of relocations) {
      if (relocation.offset < value || relocation.offset >= value + size) continue;
      const reference = parseReference(elf, section.bytes, relocation, value, constantBytes);
      if (!reference.ok) return reference;
      references.push(reference.value);
    }
    programs.push({
      ...{ name, section: section.name, references },
      instructions: section.bytes.subarray(value, value + size),
    });
  }
  return parsed(programs);
}

/** What an instruction of the program that begins at `start` is to load. */
function parseReference(
  elf: ElfFile,
  code: Uint8Array,
  { offset, type, symbol }: ElfRelocation,
  start: number,
  constantBytes: number,
): ParseResult<MapReference> {
  if (type !== RELOCATE_LOAD || offset % instructionBytes !== 0 || code[offset] !== LOAD_64)
    return parseError(
      'bad-relocation',
      offset,
      `${describe(symbol)} is wanted in a way that is not known here`,
    );
  if (offset + 2 * instructionBytes > code.length)
    return parseError('bad-relocation', offset, 'half an instruction is to be changed');
  const instruction = (offset - start) / instructionBytes;
  const home = elf.sections[symbol.section]?.name;
  if (home === 'maps' && symbol.type === SYMBOL_OBJECT)
    return parsed({ instruction, map: symbol.name, offset: 0 });
  if (home !== constantsMap)
    return parseError('bad-relocation', offset, `${describe(symbol)} is neither a map nor a constant`);
  // The symbol is often the section itself, and the instruction then says how far into it.
  const addend = new DataView(code.buffer, code.byteOffset, code.length).getUint32(offset + 4, true);
  const place = symbol.value + addend;
  if (place >= constantBytes)
    return parseError('bad-relocation', offset, 'a constant lies beyond the others');
  return parsed({ instruction, map: constantsMap, offset: place });
}

function describe({ name, section }: ElfSymbol): string {
  return name === '' ? `something in section ${section}` : `'${name}'`;
}

function indexOf(elf: ElfFile, name: string): number {
  return elf.sections.findIndex((section) => section.name === name);
}

/** The text of a section up to its first zero. */
function textOf(elf: ElfFile, name: string): string {
  const bytes = elf.sections[indexOf(elf, name)]?.bytes ?? new Uint8Array(0);
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, Math.min(end < 0 ? bytes.length : end, 255)));
}
