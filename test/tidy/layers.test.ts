import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layers, nodeLayers } from '../../layers.js';
import { importsOf, root, sourceFiles } from './source-files.js';

const modules = sourceFiles('src', (path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));

function layerOf(path: string): string {
  return path.split('/')[1]!;
}

describe('the layers', () => {
  it('are the folders of src/', () => {
    expect(readdirSync(join(root, 'src')).sort()).toEqual([...layers].sort());
  });

  it('import only downwards, and enter another layer through its index', () => {
    const wrong: string[] = [];
    for (const file of modules) {
      const home = layers.indexOf(layerOf(file.path));
      for (const specifier of importsOf(file)) {
        if (!specifier.startsWith('.')) continue;
        const target = normalize(join(dirname(file.path), specifier));
        const layer = layers.indexOf(layerOf(target));
        if (layer > home) wrong.push(`${file.path} imports upwards: ${specifier}`);
        if (layer !== home && !target.endsWith('/index.js'))
          wrong.push(`${file.path} goes past an index: ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(['trace', 'probe'])('keep %s, which judges the engine, apart from it', (judge) => {
    const allowed = ['base', 'wire', 'capture', judge];
    const wrong = modules
      .filter((file) => layerOf(file.path) === judge)
      .flatMap((file) => importsOf(file).map((specifier) => ({ path: file.path, specifier })))
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter(({ path, specifier }) => !allowed.includes(layerOf(normalize(join(dirname(path), specifier)))));
    expect(wrong).toEqual([]);
  });

  it('below linux/ use no Node module, and only the one dependency that runs in a browser', () => {
    const wrong = modules
      .filter((file) => !nodeLayers.includes(layerOf(file.path)))
      .flatMap((file) => importsOf(file).map((specifier) => ({ path: file.path, specifier })))
      .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('@noble/hashes/'));
    expect(wrong).toEqual([]);
  });

  it('below linux/ are compiled without Node or DOM types', () => {
    for (const layer of layers) {
      const config = JSON.parse(readFileSync(join(root, 'src', layer, 'tsconfig.json'), 'utf8')) as {
        compilerOptions: { types?: string[]; lib?: string[] };
        references: { path: string }[];
      };
      expect(config.compilerOptions.lib, layer).toBeUndefined();
      expect(config.compilerOptions.types, layer).toEqual(nodeLayers.includes(layer) ? ['node'] : undefined);
      const below = layers.slice(0, layers.indexOf(layer)).map((name: string) => `../${name}`);
      expect(
        config.references.map((reference) => reference.path),
        layer,
      ).toEqual(below);
    }
    const base = JSON.parse(readFileSync(join(root, 'tsconfig.base.json'), 'utf8')) as {
      compilerOptions: { types: string[]; lib: string[]; strict: boolean };
    };
    expect(base.compilerOptions).toMatchObject({ types: [], lib: ['ES2023'], strict: true });
  });

  it('are entered by the page through their indexes, and only those that run in a browser', () => {
    const pages = sourceFiles('web', (path) => /\.tsx?$/.test(path) && !path.startsWith('web/tools/'));
    const wrong = pages.flatMap(({ path, ...file }) =>
      importsOf({ path, ...file })
        .map((specifier) => normalize(join(dirname(path), specifier)))
        .filter((target) => target.startsWith('src/'))
        .filter((target) => nodeLayers.includes(layerOf(target)) || !/^src\/[a-z]+\/index\.js$/.test(target))
        .map((target) => `${path} imports ${target}`),
    );
    expect(pages.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });

  it('know FFI in linux/ only', () => {
    const users = modules
      .filter((file) => importsOf(file).includes('koffi'))
      .map((file) => layerOf(file.path));
    expect(users.filter((layer) => layer !== 'linux')).toEqual([]);
  });

  it('have no circle of imports inside a layer', () => {
    const graph = new Map(
      modules.map((file) => [
        file.path,
        importsOf(file)
          .filter((specifier) => specifier.startsWith('.') && !isTypeOnly(file.text, specifier))
          .map((specifier) => normalize(join(dirname(file.path), specifier)).replace(/\.js$/, '.ts')),
      ]),
    );
    expect(findCircle(graph)).toEqual([]);
  });
});

/** Whether every import of `specifier` in `text` is of types, which leaves no trace at run time. */
function isTypeOnly(text: string, specifier: string): boolean {
  const statements = [...text.matchAll(/(?:^|\n)\s*((?:import|export)\b[^;'"]*?)from\s*['"]([^'"]+)['"]/g)];
  return statements
    .filter((match) => match[2] === specifier)
    .every((match) => /^(import|export)\s+type\b/.test(match[1]!));
}

/** The first circle found by depth-first search, as a list of files; empty where there is none. */
function findCircle(graph: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string[] => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return [];
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const circle = visit(next);
      if (circle.length > 0) return circle;
    }
    path.pop();
    done.add(node);
    return [];
  };
  for (const node of graph.keys()) {
    const circle = visit(node);
    if (circle.length > 0) return circle;
  }
  return [];
}
