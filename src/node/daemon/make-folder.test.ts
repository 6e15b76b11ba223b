import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from './make-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'subflow-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('a folder is made with those that it lies in; one that is there stays as it is', async () => {
  const path = join(folder, 'a', 'b', 'c');
  await makeFolder(path, 0o700);
  await makeFolder(path, 0o755);
  for (const each of [path, join(folder, 'a')]) expect(statSync(each).mode & 0o777).toBe(0o700);
});

it('says so where something else has the name, and where nothing can be made', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect(makeFolder(file, 0o700)).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeFolder(join(file, 'x'), 0o700)).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeFolder('/proc/none/x', 0o700)).rejects.toMatchObject({ code: 'ENOENT' });
});
