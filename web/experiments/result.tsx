/** What came out: checks, what was published beside it, figures, the table, notes, and all of it as files. */
import type { JSX } from 'preact';
import { formatDuration } from '../../src/base/index.js';
import { amountText, commandLine } from '../../src/experiments/index.js';
import { download } from '../download.js';
import type { ExportKind, ShownFigure, ShownResult } from '../protocol/experiments.js';
import { Picture } from './picture.js';
import { PublishedBlock } from './published.js';
import { RowTable } from './rows.js';
import type { ExperimentsSession } from './session.js';

interface Props {
  readonly session: ExperimentsSession;
  readonly result: ShownResult;
}

export function ResultBlocks({ session, result }: Props): JSX.Element {
  const { columns, rows, notes, figures, missingFigures, refusedFigures, published, name } = result;
  return (
    <>
      <Outcome session={session} result={result} />
      <PublishedBlock comparisons={published} />
      {figures.length === 0 ? null : (
        <section class="block" aria-label="Figures">
          <h3>Figures</h3>
          <div class="pictures">
            {figures.map((figure) => (
              <ResultFigure key={figure.name} figure={figure} experiment={name} />
            ))}
          </div>
        </section>
      )}
      {refusedFigures.length === 0 ? null : (
        <p class="warning">
          Not shown, since no figure of this program is made so: {refusedFigures.join(', ')}.
        </p>
      )}
      {missingFigures.length === 0 ? null : (
        <p class="soft">
          Its figures are files of their own; open them together with it: {missingFigures.join(', ')}.
        </p>
      )}
      <RowTable key={name} columns={columns} rows={rows} />
      {notes.length === 0 ? null : (
        <section class="block" aria-label="Notes">
          <h3>Notes</h3>
          {notes.map((note, index) => (
            <p key={index}>{note}</p>
          ))}
        </section>
      )}
    </>
  );
}

const exports: readonly (readonly [ExportKind, string])[] = [
  ['json', 'JSON'],
  ['csv', 'table (CSV)'],
  ['html', 'report (HTML)'],
];

/** What the checks come to. */
export function verdictOf({ checks }: ShownResult): string {
  const failed = checks.filter(({ pass }) => !pass).length;
  return failed === 0 ? `✓ All ${checks.length} checks hold` : `✗ ${failed} of ${checks.length} checks fail`;
}

function Outcome({ session, result }: Props): JSX.Element {
  const { checks, file, choice, name } = result;
  const isWhole = checks.every(({ pass }) => pass);
  const parameters = session.about.value?.parameters ?? {};
  // Only where the form has been changed since.
  const own = commandLine({ name, parameters }, choice);
  const current = commandLine({ name, parameters }, session.choice.value);
  return (
    <section class="block" aria-label="Result" data-testid="result">
      <div class="block-head">
        <h3 data-testid="verdict" class={isWhole ? 'holds' : 'fails'}>
          {verdictOf(result)}
        </h3>
        <span class="soft">
          {file === null ? `run here in ${formatDuration(session.tookMs.value * 1e6)}` : `from ${file}`}
        </span>
        <div class="buttons">
          {exports.map(([kind, label]) => (
            <button key={kind} type="button" onClick={() => session.export(kind)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      {own === current ? null : <p class="small soft mono">{own}</p>}
      <div class="scroll tall" tabIndex={0} role="region" aria-label="Checks">
        <table data-testid="checks">
          <thead>
            <tr>
              <th scope="col">
                <span class="unseen">whether it holds</span>
              </th>
              <th scope="col" class="left">
                what must hold
              </th>
              <th scope="col">measured</th>
              <th scope="col">bound</th>
            </tr>
          </thead>
          <tbody>
            {checks.map(({ name: what, pass, value, bound }, index) => (
              <tr key={index}>
                <td class={pass ? 'holds' : 'fails'}>{pass ? '✓ holds' : '✗ fails'}</td>
                <td class="left wrap">{what}</td>
                <td class="wrap">{amountText(value)}</td>
                <td class="wrap">{amountText(bound)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface FigureProps {
  readonly figure: ShownFigure;
  readonly experiment: string;
}

function ResultFigure({ figure, experiment }: FigureProps): JSX.Element {
  const { name, svg } = figure;
  return (
    <figure data-figure={name}>
      <Picture figure={figure} />
      <figcaption>
        <span class="mono">{name}</span>
        <button
          type="button"
          aria-label={`${name} as SVG`}
          onClick={() => download(`${experiment}-${name}.svg`, 'image/svg+xml', [svg])}
        >
          SVG
        </button>
      </figcaption>
    </figure>
  );
}
