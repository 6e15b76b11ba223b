/**
 * Builds the page of the lab into dist/web, unless what is there was made of the same sources: what costs seconds each time
 * is done by every `npm test`.
 */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const stamp = join(root, 'dist', 'web.stamp');
/** Everything that the page is made of. */
const sources = ['web', 'src', 'package-lock.json'].map((name) => join(root, name));

function newest(path: string): number {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

const isFresh =
  existsSync(stamp) &&
  existsSync(join(root, 'dist', 'web', 'index.html')) &&
  sources.every((source) => newest(source) < statSync(stamp).mtimeMs);
if (!isFresh) {
  const startedAt = new Date();
  const { build } = await import('vite');
  await build({ configFile: join(root, 'web', 'vite.config.ts'), logLevel: 'warn' });
  writeFileSync(stamp, `${startedAt.toISOString()}\n`);
}
