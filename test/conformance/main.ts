/** `npm run conformance`: writes docs/conformance.md, runs scripts by hand, or reads the text of a document. See README.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { documents } from './requirements/index.js';
import type { RequirementDocument } from './requirements/requirement.js';
import { conformanceFolder, loadScript, scriptFiles } from './runner/scripts.js';
import { runScript } from './runner/run.js';
import { OurTarget } from './runner/target-ours.js';
import { Settings } from './runner/target.js';
import { recordLinux, runOnLinux } from './runner/linux-runs.js';
import { statementsOf } from './statements/extract.js';
import { recordStatements, skippedSections } from './statements/records.js';
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

/**
 * Prints the statements in the text of a document, each with the rules that account for it; with `--record` writes down
 * how many there are and of what strength, which is what the table is held against.
 */
function statements(args: readonly string[]): boolean {
  for (const path of args.filter((arg) => !arg.startsWith('--'))) {
    const number = /(\d{4})\D*$/.exec(path)?.[1];
    const document = documents.find((one) => one.number === number);
    if (number === undefined || document === undefined) {
      console.error(`${path}: not one of rfc${documents.map((one) => one.number).join('.txt, rfc')}.txt`);
      return false;
    }
    const found = statementsOf(readFileSync(path, 'utf8'), skippedSections[number]);
    if (args.includes('--record')) recordStatements(number, found);
    for (const { section, name, word, sentence } of found) {
      console.log(
        `§${section} ${name} ${word}: ${sentence}\n    ${accountOf(document, `${section} ${name}`)}`,
      );
    }
    console.log(`RFC ${number}: ${found.length} statements`);
  }
  return args.length > 0;
}

/** What the table makes of a statement. */
function accountOf({ requirements, exemptions }: RequirementDocument, statement: string): string {
  const rules = requirements.filter((one) => one.statements.includes(statement)).map(({ id }) => id);
  const others = exemptions.find((one) => one.statements.includes(statement));
  const account = rules.length > 0 ? rules : (others?.elsewhere ?? [others?.reason ?? 'unaccounted for']);
  return `-> ${account.join(', ')}`;
}

const [command, ...rest] = process.argv.slice(2);
if (command === undefined) writeTable();
else if (command === 'run') process.exitCode = (await run(rest)) ? 0 : 1;
else if (command === 'linux') await linux(rest);
else if (command === 'statements') process.exitCode = statements(rest) ? 0 : 2;
else {
  console.error('usage: npm run conformance [-- run|linux [PART-OF-A-PATH...] | statements RFC.txt...]');
  process.exitCode = 2;
}
