/** `npm run probe-tables`: writes the tables of docs/probe.md anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { boxLines, pagePath, reactionLines, runLocation, withTable } from './probe-tables.js';

const boxes = withTable(readFileSync(pagePath, 'utf8'), 'boxes', boxLines(await runLocation()));
const page = withTable(boxes, 'reactions', reactionLines());
const style = await resolveConfig(pagePath);
writeFileSync(pagePath, await format(page, { ...style, filepath: pagePath }));
console.log('wrote docs/probe.md');
