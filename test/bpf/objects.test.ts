import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clangVersion, compile, folder, installedClang, programNames, sourceHash } from '../../bpf/build.js';
import { readPackagedObject, type Capability } from '../../src/linux/index.js';
import { describeWith } from '../support/with-rights.js';

describe('the objects of bpf/', () => {
  it.each(programNames())('%s.o was made from the source that lies beside it', (name) => {
    expect(readPackagedObject(name).sourceHash).toBe(sourceHash(name));
  });

  it('are what the package holds, with their sources', () => {
    const { files } = JSON.parse(readFileSync(join(folder, '..', 'package.json'), 'utf8')) as {
      files: string[];
    };
    expect(files).toEqual(expect.arrayContaining(['bpf/*.c', 'bpf/*.h', 'bpf/*.o']));
  });
});

const clang: Capability =
  installedClang() === clangVersion
    ? { available: true }
    : {
        available: false,
        reason: `clang ${clangVersion} is not installed`,
        hint: 'On Debian 12: apt install clang.',
      };

describeWith('the objects of bpf/, built again', [clang], () => {
  const scratch = mkdtempSync(join(tmpdir(), 'subflow-bpf-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it.each(programNames())('%s.o has the same bytes', (name) => {
    const output = join(scratch, `${name}.o`);
    compile(name, output);
    expect(readFileSync(output).equals(readFileSync(join(folder, `${name}.o`)))).toBe(true);
  });
});
