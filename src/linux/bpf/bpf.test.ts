import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { mayUseXdp } from '../capabilities.js';
import { BpfMap, BpfMapType, sumOverProcessors, word } from './bpf-map.js';
import { BpfObject, readObject, readPackagedObject } from './bpf-object.js';
import { BpfProgram, VerifierError, XdpAction } from './bpf-program.js';
import { passEverything, type ProgramCode } from './object-file.js';

/** An XDP program by its instructions: opcode, registers (source, destination), offset, operand. */
function program(...instructions: readonly (readonly [number, number, number, number])[]): ProgramCode {
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  instructions.forEach(([opcode, registers, offset, operand], i) => {
    view.setUint8(8 * i, opcode);
    view.setUint8(8 * i + 1, registers);
    view.setInt16(8 * i + 2, offset, true);
    view.setInt32(8 * i + 4, operand, true);
  });
  return { name: 'tried', section: 'xdp', instructions: bytes, references: [] };
}

describeWith('eBPF', [mayUseXdp()], () => {
  const opened: { close(): void }[] = [];
  function keep<T extends { close(): void }>(made: T): T {
    opened.push(made);
    return made;
  }
  afterEach(() => {
    for (const each of opened.splice(0)) each.close();
  });

  it('keeps what a map is given, and says when it is full', () => {
    const map = keep(
      BpfMap.create({ name: 'trial', type: BpfMapType.HASH, keyBytes: 4, valueBytes: 4, maxEntries: 2 }),
    );
    expect(map.get(word(1))).toBeUndefined();
    expect(map.set(word(1), word(10))).toBe(true);
    expect(map.set(word(1), word(11), 'create')).toBe(false);
    expect(map.set(word(2), word(20), 'replace')).toBe(false);
    expect(map.set(word(2), word(20))).toBe(true);
    expect(map.get(word(1))).toEqual(word(10));
    expect(
      map
        .keys()
        .map((key) => key[0])
        .sort(),
    ).toEqual([1, 2]);
    expect(() => map.set(word(3), word(30))).toThrow(expect.objectContaining({ code: 'E2BIG' }));
    expect(map.delete(word(1))).toBe(true);
    expect(map.delete(word(1))).toBe(false);
  });

  it('takes many entries in one call, and one value for each processor', () => {
    const map = keep(
      BpfMap.create({ name: 'many', type: BpfMapType.ARRAY, keyBytes: 4, valueBytes: 8, maxEntries: 1000 }),
    );
    const keys = new Uint8Array(Uint32Array.from({ length: 1000 }, (_, i) => i).buffer);
    const values = new Uint8Array(BigUint64Array.from({ length: 1000 }, (_, i) => BigInt(3 * i)).buffer);
    map.setAll(keys, values);
    expect(map.get(word(999))).toEqual(values.subarray(8 * 999));
    const counters = keep(
      BpfMap.create({
        name: 'cpus',
        type: BpfMapType.PER_CPU_ARRAY,
        keyBytes: 4,
        valueBytes: 8,
        maxEntries: 1,
      }),
    );
    const each = new BigUint64Array(counters.valueBytes / 8).fill(5n);
    counters.set(word(0), new Uint8Array(each.buffer));
    expect(sumOverProcessors(counters.get(word(0))!, 8)).toEqual([5 * each.length]);
  });

  it('refuses keys and values of the wrong size, and a map that is closed', () => {
    const map = keep(
      BpfMap.create({ name: 'trial', type: BpfMapType.ARRAY, keyBytes: 4, valueBytes: 4, maxEntries: 1 }),
    );
    const misuse = expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_MAP_ACCESS' }) as Error;
    expect(() => map.get(new Uint8Array(3))).toThrow(misuse);
    expect(() => map.set(word(0), new Uint8Array(5))).toThrow(misuse);
    expect(() => map.setAll(new Uint8Array(6), new Uint8Array(4))).toThrow(misuse);
    map.close();
    expect(() => map.get(word(0))).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_CLOSED' }));
  });

  it('loads a program and runs it on a packet', () => {
    const pass = keep(BpfProgram.load(passEverything, new Map(), ''));
    const packet = Uint8Array.from({ length: 60 }, (_, i) => i);
    expect(pass.run(packet)).toMatchObject({ verdict: XdpAction.PASS, packet });
    const swap = keep(keep(new BpfObject(readPackagedObject('swap'))).load('swap'));
    packet.set([8, 0], 12);
    const swapped = swap.run(packet);
    expect(swapped.verdict).toBe(XdpAction.TX);
    expect([...swapped.packet.subarray(0, 12)]).toEqual([6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5]);
    expect([...swapped.packet.subarray(26, 34)]).toEqual([30, 31, 32, 33, 26, 27, 28, 29]);
    expect(swap.run(swapped.packet).packet).toEqual(packet);
  });

  it('shows the end of what the verifier said of a program that it refuses', () => {
    // `r0 = *(r10 - 8)`, which nobody wrote to; for those who may, and `r0 = *(r5)`, which holds nothing, for nobody.
    const careless = program([0x79, 0x50, 0, 0], [0x95, 0, 0, 0]);
    const refuse = (): BpfProgram => BpfProgram.load(careless, new Map(), '');
    expect(refuse).toThrow(VerifierError);
    expect(refuse).toThrow(
      expect.objectContaining({
        code: 'ERR_SUBFLOW_VERIFIER',
        message: expect.stringMatching(/refuses program tried:\n(.*\n)*R5 !read_ok/) as string,
        log: expect.stringContaining('processed 1 insn') as string,
        hint: expect.stringContaining('Linux 6.1') as string,
      }),
    );
  });

  it('refuses a program whose map is missing, and names that an object does not have', () => {
    const wanting = { ...passEverything, references: [{ instruction: 0, map: 'servers', offset: 0 }] };
    const bad = expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_PROGRAM' }) as Error;
    expect(() => BpfProgram.load(wanting, new Map(), '')).toThrow(bad);
    const swap = readPackagedObject('swap');
    expect(() => new BpfObject(swap, { entries: { servers: 3 } })).toThrow(bad);
    expect(() => keep(new BpfObject(swap)).load('none')).toThrow(bad);
    expect(() => keep(new BpfObject(swap)).map('none')).toThrow(bad);
    expect(() => readPackagedObject('none')).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_NO_OBJECT' }),
    );
    expect(() => readObject(new Uint8Array(7), 'seven.o')).toThrow(
      expect.objectContaining({
        code: 'ERR_SUBFLOW_BAD_OBJECT',
        message: expect.stringContaining('seven.o') as string,
      }),
    );
  });
});
