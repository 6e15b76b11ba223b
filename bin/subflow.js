#!/usr/bin/env node
import { existsSync } from 'node:fs';

// The launcher: finds the compiled program and hands over. `npm ci` compiles it.
const program = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(program)) {
  const { main } = await import(program.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.stderr.write('subflow: not compiled yet; run `npm run build` in the checkout first\n');
  process.exitCode = 3;
}
