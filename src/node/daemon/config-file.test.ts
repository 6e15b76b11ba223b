import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readConfigFile } from './config-file.js';
import { maxConfigLength, parseConfigText } from './config-text.js';

const schema = z.strictObject({ port: z.int().max(65_535), deny: z.array(z.string()).default([]) });

/** Reads a file of a command that was made up: port 7 and a list do not go together. */
const read = (path: string): Promise<z.output<typeof schema>> =>
  readConfigFile(
    path,
    (text) =>
      parseConfigText(text, schema, (value) => ({
        value,
        problems:
          value.port === 7 && value.deny.length > 0 ? [{ path: ['deny', 0], message: 'is too much' }] : [],
      })),
    'See the manual.',
  );

describe('the configuration file of a command', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'subflow-config-'));
    file = join(folder, 'config.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What is said of a file with this content. */
  async function refusal(content: string | Uint8Array): Promise<string> {
    writeFileSync(file, content);
    const error = (await read(file).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )) as { code: string; message: string } | undefined;
    expect(error?.code).toBe('ERR_SUBFLOW_BAD_CONFIG');
    return error!.message.replaceAll(file, 'F');
  }

  it('is read by its schema, with defaults', async () => {
    writeFileSync(file, '\ufeff{ "port": 8 }');
    expect(await read(file)).toEqual({ port: 8, deny: [] });
  });

  it('is refused with every mistake at its line, also of what does not go together', async () => {
    expect(await refusal('{\n "port": 70000,\n "prot": 1,\n "port": 1e9\n}')).toBe(
      'F:4: port: is there twice\nF:4: port: Too big: expected number to be <=65535\nF:1: has no field "prot"',
    );
    expect(await refusal('{ "port": 7,\n "deny": [\n "x" ] }')).toBe('F:3: deny[0]: is too much');
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x${i}`, 1]));
    expect(
      (await refusal(JSON.stringify({ deny: Object.keys(many).map(() => 1) }))).split('\n'),
    ).toHaveLength(20);
  });

  it('is text of UTF-8 and of JSON', async () => {
    expect(await refusal(Uint8Array.of(0x7b, 0xff, 0x7d))).toBe('F cannot be read: it is not UTF-8');
    expect(await refusal(Uint8Array.of(0xff, 0xfe, 0x7b, 0))).toBe('F cannot be read: it is not UTF-8');
    expect(await refusal('')).toMatch(/^F:1: this is no JSON/);
    expect(await refusal('\0')).toMatch(/^F:1: this is no JSON/);
    expect(await refusal(`{"port":${'['.repeat(200_000)}`)).toMatch(/F/);
  });

  it('is not longer than a configuration can be, whatever it says of its length', async () => {
    expect(await refusal(' '.repeat(maxConfigLength + 1))).toMatch(/longer than/);
    truncateSync(file, 2 ** 30);
    await expect(read(file)).rejects.toThrow(/it is too long/);
    // It says that it has no bytes, and has.
    await expect(read('/proc/self/maps')).rejects.toThrow(/this is no JSON/);
  });

  it('is a file: no folder, no pipe that nobody writes to, no device without an end', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [folder, pipe, '/dev/zero', '/dev/null'])
      await expect(read(path)).rejects.toThrow(`${path} cannot be read: it is no file`);
    await expect(read(join(folder, 'none'))).rejects.toThrow(/cannot be read: ENOENT/);
    await expect(read('a\0b')).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_CONFIG' });
  });
});
