/** `npm run middleboxes`: writes the table of docs/middleboxes.md anew, both stacks side by side. Needs root on Linux. */
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { openLinuxLab } from '../../src/cli/experiment/linux.js';
import { pagePath, runMiddleboxes, withTable } from './middlebox-table.js';

const lab = openLinuxLab();
if (typeof lab === 'string') {
  console.error(`The table has the kernel's side too. ${lab}`);
  process.exitCode = 3;
} else {
  const page = withTable(readFileSync(pagePath, 'utf8'), await runMiddleboxes());
  const style = await resolveConfig(pagePath);
  writeFileSync(pagePath, await format(page, { ...style, filepath: pagePath }));
  console.log(`wrote docs/middleboxes.md, with Linux ${lab.kernel}`);
}
