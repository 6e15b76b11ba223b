import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { maxObjectBytes, parseElf } from './elf.js';
import { parseObjectFile } from './object-file.js';

const swap = new Uint8Array(readFileSync(join(import.meta.dirname, '../../../bpf/swap.o')));

/** An ELF file of what a test wants: sections by name, with symbols and relocations encoded by hand. */
function elfOf(options: {
  readonly sections: readonly {
    readonly name: string;
    readonly type?: number;
    readonly bytes: Uint8Array;
    readonly info?: number;
  }[];
  readonly symbols: readonly {
    readonly name: string;
    readonly type: number;
    readonly section: number;
    readonly value: number;
    readonly size: number;
  }[];
}): Uint8Array {
  const text = new TextEncoder();
  let strings = '\0';
  const nameOf = (name: string): number => {
    const at = strings.length;
    strings += `${name}\0`;
    return at;
  };
  const symbolBytes = new Uint8Array(24 * (options.symbols.length + 1));
  options.symbols.forEach((symbol, i) => {
    const view = new DataView(symbolBytes.buffer, 24 * (i + 1), 24);
    view.setUint32(0, nameOf(symbol.name), true);
    view.setUint8(4, symbol.type);
    view.setUint16(6, symbol.section, true);
    view.setBigUint64(8, BigInt(symbol.value), true);
    view.setBigUint64(16, BigInt(symbol.size), true);
  });
  // Section 0 is none; the symbols and the strings are the last two.
  const count = options.sections.length + 3;
  const headers = [
    { name: 0, type: 0, bytes: new Uint8Array(0), info: 0, link: 0 },
    ...options.sections.map(({ name, type = 1, bytes, info = 0 }) => ({
      ...{ name: nameOf(name), type, bytes, info, link: count - 2 },
    })),
    { name: nameOf('.symtab'), type: 2, bytes: symbolBytes, info: 0, link: count - 1 },
    { name: nameOf('.strtab'), type: 3, bytes: text.encode(strings), info: 0, link: 0 },
  ];
  headers[count - 1]!.bytes = text.encode(strings);
  const contents = headers.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const file = new Uint8Array(64 + contents + 64 * count);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 1, true);
  view.setUint16(18, 247, true);
  view.setBigUint64(40, BigInt(64 + contents), true);
  view.setUint16(58, 64, true);
  view.setUint16(60, count, true);
  view.setUint16(62, count - 1, true);
  let at = 64;
  headers.forEach(({ name, type, bytes, info, link }, i) => {
    const header = 64 + contents + 64 * i;
    file.set(bytes, at);
    view.setUint32(header, name, true);
    view.setUint32(header + 4, type, true);
    view.setBigUint64(header + 24, BigInt(at), true);
    view.setBigUint64(header + 32, BigInt(bytes.length), true);
    view.setUint32(header + 40, link, true);
    view.setUint32(header + 44, info, true);
    at += bytes.length;
  });
  return file;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** `r1 = (load of 64 bits, with `addend`); r0 = 0; exit`, of which the first is changed by a relocation to symbol 2. */
function loading(options: {
  readonly home: { readonly name: string; readonly bytes: Uint8Array };
  readonly relocation?: readonly [offset: number, type: number];
  readonly addend?: number;
  readonly symbolType?: number;
}): Uint8Array {
  const [offset, type] = options.relocation ?? [0, 1];
  return elfOf({
    sections: [
      { name: 'xdp', bytes: words(0x118, options.addend ?? 0, 0, 0, 0xb7, 0, 0x95, 0) },
      options.home,
      { name: '.relxdp', type: 9, bytes: words(offset, 0, type, 2), info: 1 },
    ],
    symbols: [
      { name: 'program', type: 2, section: 1, value: 0, size: 32 },
      { name: 'wanted', type: options.symbolType ?? 1, section: 2, value: 0, size: 20 },
    ],
  });
}

const mapSection = { name: 'maps', bytes: words(2, 4, 8, 16, 0) };

describe('an object of eBPF programs', () => {
  it('gives its programs, maps, licence and the hash of its sources', () => {
    const result = parseObjectFile(swap);
    expect(result).toMatchObject({
      ok: true,
      value: { programs: [{ name: 'swap', section: 'xdp' }], maps: [], licence: 'Apache-2.0' },
    });
    expect(parseObjectFile(loading({ home: mapSection }))).toMatchObject({
      ok: true,
      value: {
        programs: [{ name: 'program', references: [{ instruction: 0, map: 'wanted', offset: 0 }] }],
        maps: [{ name: 'wanted', type: 2, keyBytes: 4, valueBytes: 8, maxEntries: 16, flags: 0 }],
      },
    });
  });

  it('says where in the constants an instruction looks', () => {
    const home = { name: '.rodata', bytes: words(1, 2, 3, 4, 5) };
    expect(parseObjectFile(loading({ home, addend: 8, symbolType: 3 }))).toMatchObject({
      ok: true,
      value: { programs: [{ references: [{ instruction: 0, map: '.rodata', offset: 8 }] }] },
    });
  });

  it.each([
    ['an empty file', new Uint8Array(0), 'truncated'],
    ['another kind of file', new Uint8Array(64), 'bad-magic'],
    ['32 bits', Uint8Array.from(swap).fill(1, 4, 5), 'bad-class'],
    ['an executable', Uint8Array.from(swap).fill(2, 16, 17), 'bad-type'],
    ['another processor', Uint8Array.from(swap).fill(62, 18, 19), 'bad-machine'],
    ['a file that is too large', new Uint8Array(maxObjectBytes + 1), 'too-large'],
    ['no program', elfOf({ sections: [], symbols: [] }), 'no-program'],
    ['a definition cut short', loading({ home: { name: 'maps', bytes: words(2, 4) } }), 'bad-map'],
    [
      'a constant beyond the others',
      loading({ home: { name: '.rodata', bytes: words(1) }, addend: 4 }),
      'bad-relocation',
    ],
    [
      'a reference to data that may change',
      loading({ home: { name: '.data', bytes: words(1) } }),
      'bad-relocation',
    ],
    ['a call of another function', loading({ home: mapSection, relocation: [16, 10] }), 'bad-relocation'],
    ['a change within an instruction', loading({ home: mapSection, relocation: [4, 1] }), 'bad-relocation'],
    ['a change beyond the code', loading({ home: mapSection, relocation: [4096, 1] }), 'bad-relocation'],
  ])('is refused: %s', (_, bytes, code) => {
    expect(parseObjectFile(bytes)).toMatchObject({ ok: false, code });
  });

  it('gives a value and never throws, wherever the file is cut and whichever bytes are others', () => {
    for (let length = 0; length < swap.length; length++) {
      expect(parseObjectFile(swap.subarray(0, length)).ok).toBe(false);
    }
    const change = fc.tuple(fc.nat(swap.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Uint8Array.from(swap);
        for (const [at, value] of changes) bytes[at] = value;
        const result = parseObjectFile(bytes);
        if (!result.ok) return;
        for (const { instructions } of result.value.programs) expect(instructions.length % 8).toBe(0);
      }),
      { numRuns: 3000 },
    );
    expect(parseElf(swap).ok).toBe(true);
  });
});
