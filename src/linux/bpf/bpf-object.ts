/**
 * An object file come to life: its maps made, its constants filled in and frozen, its programs loaded when they are asked for. Owns
 * the maps that it made; maps that outlive it are given to it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SubflowError } from '../../base/index.js';
import { BpfMap, BpfMapType, READ_ONLY_FOR_PROGRAMS, word } from './bpf-map.js';
import { BpfProgram } from './bpf-program.js';
import { constantsMap, parseObjectFile, type BpfObjectFile, type MapDefinition } from './object-file.js';

/** How to bring an object to life. */
export interface BpfObjectOptions {
  /** New contents for constants, by name; each as long as the constant is. */
  readonly constants?: Readonly<Record<string, Uint8Array>>;
  /** Number of entries of maps, by name, in place of what the object says. */
  readonly entries?: Readonly<Record<string, number>>;
  /** Maps that are there already, by name; they stay open when the object is closed. */
  readonly maps?: ReadonlyMap<string, BpfMap>;
}

/** Objects of this package: they lie beside src/ and dist/ alike. */
const objectFolder = join(import.meta.dirname, '..', '..', '..', 'bpf');

/**
 * Reads an object of this package, as in `swap`.
 * @throws SubflowError `ERR_SUBFLOW_NO_OBJECT` when there is none, `ERR_SUBFLOW_BAD_OBJECT` when it makes no sense.
 */
export function readPackagedObject(name: string): BpfObjectFile {
  const path = join(objectFolder, `${name}.o`);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new SubflowError('ERR_SUBFLOW_NO_OBJECT', `${path} cannot be read`, {
      cause,
      hint: 'Reinstall the package; in a checkout, build it: npm run build:bpf.',
    });
  }
  return readObject(bytes, path);
}

/** Reads an object from `bytes`; `path` shows in errors. Throws `ERR_SUBFLOW_BAD_OBJECT`. */
export function readObject(bytes: Uint8Array, path: string): BpfObjectFile {
  const result = parseObjectFile(bytes);
  if (result.ok) return result.value;
  throw new SubflowError('ERR_SUBFLOW_BAD_OBJECT', `${path}: ${result.message} (at byte ${result.offset})`, {
    hint: 'Objects are made by npm run build:bpf; others have other conventions.',
  });
}

/** See the module. */
export class BpfObject {
  private readonly file: BpfObjectFile;
  private readonly maps = new Map<string, BpfMap>();
  private readonly own: BpfMap[] = [];

  /** Makes the maps. Throws SystemError, or `ERR_SUBFLOW_BAD_PROGRAM` for names and lengths that the object does not have. */
  constructor(file: BpfObjectFile, options: BpfObjectOptions = {}) {
    this.file = file;
    for (const name of Object.keys(options.entries ?? {})) this.definition(name);
    try {
      for (const definition of file.maps) this.addMap(definition, options);
      if (file.constants.length > 0) this.addConstants(options.constants ?? {});
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The map called `name`. */
  map(name: string): BpfMap {
    const map = this.maps.get(name);
    if (map === undefined) throw unknown('map', name);
    return map;
  }

  /** Loads the program called `name`; the caller closes it. Throws as {@link BpfProgram.load} does. */
  load(name: string): BpfProgram {
    const code = this.file.programs.find((program) => program.name === name);
    if (code === undefined) throw unknown('program', name);
    return BpfProgram.load(code, this.maps, this.file.licence);
  }

  /** Closes the maps that it made; loaded programs keep theirs. */
  close(): void {
    for (const map of this.own) map.close();
    this.own.length = 0;
  }

  private addMap(definition: MapDefinition, options: BpfObjectOptions): void {
    const { name } = definition;
    const given = options.maps?.get(name);
    const maxEntries = options.entries?.[name] ?? definition.maxEntries;
    this.maps.set(name, given ?? this.keep(BpfMap.create({ ...definition, maxEntries })));
  }

  /** Constants are the only value of a map that nobody can change any more: the verifier then knows what they are. */
  private addConstants(changes: Readonly<Record<string, Uint8Array>>): void {
    const { constants, constantPlaces } = this.file;
    const bytes = Uint8Array.from(constants);
    for (const [name, content] of Object.entries(changes)) {
      const place = constantPlaces.get(name);
      if (place?.bytes !== content.length) throw unknown(`constant of ${content.length} bytes`, name);
      bytes.set(content, place.offset);
    }
    const map = this.keep(
      BpfMap.create({
        ...{ name: constantsMap, type: BpfMapType.ARRAY, keyBytes: 4, valueBytes: bytes.length },
        ...{ maxEntries: 1, flags: READ_ONLY_FOR_PROGRAMS },
      }),
    );
    map.set(word(0), bytes);
    map.freeze();
    this.maps.set(constantsMap, map);
  }

  private keep(map: BpfMap): BpfMap {
    this.own.push(map);
    return map;
  }

  private definition(name: string): MapDefinition {
    const found = this.file.maps.find((map) => map.name === name);
    if (found === undefined) throw unknown('map', name);
    return found;
  }
}

function unknown(kind: string, name: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_PROGRAM', `the object has no ${kind} called ${name}`, {
    hint: 'The names are those of bpf/*.c.',
  });
}
