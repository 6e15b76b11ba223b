/** Programs in the documentation: each is checked against the types of the public API, and run as it stands. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelMptcp, mayCreateNamespaces, mayCreateTun, NetworkNamespace } from '../../src/linux/index.js';
import { describeWith } from '../support/with-rights.js';
import { type Block, blocks, root } from './pages.js';

/** A folder from which the package is found under its name, as in a project that depends on it. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'subflow-programs-')));
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
writeFileSync(join(folder, 'package.json'), readFileSync(join(root, 'package.json')));
symlinkSync(join(root, 'dist'), join(folder, 'dist'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const programs = blocks.filter(({ kind }) => /^(ts|js)\b/.test(kind));

/** The whole program of a block: what it continues stands before it. */
function wholeOf(block: Block): string {
  if (block.continues === undefined) return block.text;
  const before = programs.find(({ heading, page }) => page === block.page && heading === block.continues);
  if (before === undefined) throw new Error(`${block.page}: nothing under '${block.continues}' to continue`);
  return wholeOf(before) + block.text;
}

function typedPath(index: number): string {
  return join(folder, `program-${index}.mts`);
}

/** What the compiler says against each program, by its path: all are compiled at once, for most of the time goes into the types. */
function complaints(): Map<string, string[]> {
  const layers = (name: string): string[] => [join(root, 'dist', name, 'index.d.ts')];
  const paths = programs.map((_block, index) => typedPath(index));
  const program = ts.createProgram(paths, {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
    paths: { subflow: layers('node'), 'subflow/*': layers('*') },
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true, noEmit: true },
  });
  const found = new Map<string, string[]>();
  for (const { file, messageText } of ts.getPreEmitDiagnostics(program)) {
    // What is about no file is about all.
    for (const path of file === undefined ? paths : [file.fileName]) {
      const messages = found.get(path) ?? [];
      found.set(path, [...messages, ts.flattenDiagnosticMessageText(messageText, '\n')]);
    }
  }
  return found;
}

/** Runs a program of Node's to its end. */
function run(
  path: string,
  namespace: NetworkNamespace | undefined,
): Promise<{ status: number; err: string }> {
  return new Promise((resolve) => {
    if (namespace === undefined) {
      execFile(process.execPath, [path], { timeout: 60_000 }, (error, _out, err) =>
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), err }),
      );
      return;
    }
    const child = namespace.spawn(process.execPath, [path], { stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr!.on('data', (bytes) => (err += String(bytes)));
    const timer = setTimeout(() => child.kill(), 60_000);
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status: status ?? -1, err });
    });
  });
}

/** The JavaScript of a program, ready to run. */
function compiled(block: Block, index: number): string {
  const options = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext };
  const path = join(folder, `program-${index}.mjs`);
  writeFileSync(path, ts.transpileModule(wholeOf(block), { compilerOptions: options }).outputText);
  return path;
}

/** A host with nothing on it but what the documentation says that a program needs. */
function makeHost(): NetworkNamespace {
  const namespace = NetworkNamespace.create('docs');
  namespace.sysctl('net.ipv4.tcp_fastopen', 3);
  return namespace;
}

const entries = programs.map((block, index) => [block.page, block.heading, block, index] as const);

describe('programs in the documentation', () => {
  let said: Map<string, string[]>;
  beforeAll(() => {
    programs.forEach((block, index) => writeFileSync(typedPath(index), wholeOf(block)));
    said = complaints();
  });

  it('are there', () => expect(programs.map(({ page }) => page)).toContain('docs/api.md'));

  it.each(entries)('in %s fit the types of the public API: %s', (_page, _heading, _block, index) => {
    expect(said.get(typedPath(index)) ?? []).toEqual([]);
  });
});

describeWith('programs in the documentation, where there is Multipath TCP', [kernelMptcp()], () => {
  const plain = entries.filter(([, , { kind }]) => !kind.includes(' '));

  it.each(plain)('in %s run: %s', async (_page, _heading, block, index) => {
    // Where it may be had, a host of their own: their ports may be taken on this one.
    const namespace = mayCreateNamespaces().available ? makeHost() : undefined;
    try {
      expect(await run(compiled(block, index), namespace)).toEqual({ status: 0, err: '' });
    } finally {
      namespace?.close();
    }
  });
});

describeWith(
  'programs in the documentation that need root',
  [kernelMptcp(), mayCreateNamespaces(), mayCreateTun()],
  () => {
    const privileged = entries.filter(([, , { kind }]) => kind.endsWith(' root'));

    it.each(privileged)('in %s run: %s', async (_page, _heading, block, index) => {
      const namespace = makeHost();
      try {
        expect(await run(compiled(block, index), namespace)).toEqual({ status: 0, err: '' });
      } finally {
        namespace.close();
      }
    });
  },
);
