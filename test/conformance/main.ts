/** `npm run conformance`: writes docs/conformance.md, or runs scripts by hand. See README.md. */
import { writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { conformanceFolder, loadScript, scriptFiles } from './runner/scripts.js';
import { runScript } from './runner/run.js';
import { OurTarget } from './runner/target-ours.js';
import { Settings } from './runner/target.js';
import { recordLinux, runOnLinux } from './runner/linux-runs.js';
import { conformanceTable } from './table.js';

/** Runs the scripts whose path contains one of `names`; true when all conform. */
async function run(names: readonly string[]): Promise<boolean> {
  const paths = names.map((name) => relative(conformanceFolder, resolve(name)));
  const files = scriptFiles().filter(
    (file) => names.length === 0 || [...names, ...paths].some((name) => file.includes(name)),
  );
  let failures = 0;
  for (const file of files) {
    try {
      const script = loadScript(file);
      if (script.settings.get('on')?.value === 'linux') continue;
      await runScript(script, new OurTarget(new Settings(script.settings)));
    } catch (error) {
      failures++;
      console.log(`${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  console.log(`${files.length - failures} of ${files.length} scripts conform`);
  return failures === 0 && files.length > 0;
}

/** Writes the table anew. */
function writeTable(): void {
  writeFileSync(join(conformanceFolder, '../../docs/conformance.md'), conformanceTable());
  console.log('wrote docs/conformance.md');
}

/** Runs scripts against Linux; with `--record` writes what it does otherwise into deviations.json. */
async function linux(args: readonly string[]): Promise<void> {
  const isRecording = args.includes('--record');
  const names = args.filter((arg) => !arg.startsWith('--'));
  const files = scriptFiles().filter(
    (file) => names.length === 0 || names.some((name) => file.includes(name)),
  );
  const results = await runOnLinux(files);
  for (const [file, outcome] of results) if (outcome !== undefined) console.log(`${file}: ${outcome}\n`);
  const failed = [...results].filter(([, outcome]) => outcome !== undefined);
  console.log(
    `${results.size - failed.length} of ${results.size} scripts hold for Linux; ${files.length - results.size} make no sense there`,
  );
  if (isRecording) recordLinux(failed.map(([file, outcome]) => [file, outcome!]));
}

const [command, ...rest] = process.argv.slice(2);
if (command === undefined) writeTable();
else if (command === 'run') process.exitCode = (await run(rest)) ? 0 : 1;
else if (command === 'linux') await linux(rest);
else {
  console.error('usage: npm run conformance [-- run|linux [PART-OF-A-PATH...]]');
  process.exitCode = 2;
}
