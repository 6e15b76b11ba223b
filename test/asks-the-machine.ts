/**
 * Which tests below `test/` may show a user without rights something else than root: those that ask for rights or tools, start
 * programs or open sockets, in their own file or in a helper that it imports. All others compute, and show the same to
 * everybody. Tests beside the code of layers that need Node are not judged: their subject is the machine.
 */
import { dirname, join, normalize } from 'node:path';
import { importsOf, type SourceFile, sourceFiles } from './tidy/source-files.js';

const dealings =
  /\b(?:describeWith|process\.get[eu]*[ug]id)\b|node:(?:child_process|cluster|dgram|https?|net|tls|worker_threads)\b/;

/** Whether a file deals with the machine, itself or by one of `files`, by path; `seen` are those that were asked before. */
function deals(path: string, files: ReadonlyMap<string, SourceFile>, seen = new Set<string>()): boolean {
  const file = files.get(path);
  if (file === undefined || seen.has(path)) return false;
  seen.add(path);
  if (dealings.test(file.text)) return true;
  return importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .some((specifier) =>
      deals(normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts'), files, seen),
    );
}

/** Paths of the tests that compute and no more. */
export function computingTests(): readonly string[] {
  const files = new Map(sourceFiles('test', (path) => path.endsWith('.ts')).map((file) => [file.path, file]));
  return [...files.keys()].filter((path) => path.endsWith('.test.ts') && !deals(path, files)).sort();
}
