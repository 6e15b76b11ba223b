/** What was published, and ours beside it. */
import type { JSX } from 'preact';
import { type Comparison, comparedText } from '../../src/experiments/index.js';
import type { ShownFigure } from '../protocol/experiments.js';
import { Picture } from './picture.js';

type Shown = Comparison & { readonly figure?: ShownFigure | null };

export function PublishedBlock({ comparisons }: { readonly comparisons: readonly Shown[] }): JSX.Element {
  return (
    <section class="block" aria-label="What was published" data-testid="published">
      <h3>Beside what was published</h3>
      {comparisons.length === 0 ? (
        <p class="soft">
          No curve or number was published that ours could stand beside: what the source says in words is what
          the checks hold.
        </p>
      ) : (
        <div class="comparisons">
          {comparisons.map((comparison) => (
            <Beside key={comparison.title} comparison={comparison} />
          ))}
        </div>
      )}
    </section>
  );
}

function Beside({ comparison }: { readonly comparison: Shown }): JSX.Element {
  const { title, source, basis, values, figure = null } = comparison;
  return (
    <div class={figure === null ? 'beside' : 'beside drawn'}>
      <div>
        <h4>{title}</h4>
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span class="unseen">what</span>
              </th>
              <th scope="col">published</th>
              <th scope="col">ours</th>
            </tr>
          </thead>
          <tbody>
            {values.map(({ label, relation, published, ours }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{comparedText(comparison, published, relation)}</td>
                <td>{ours === null ? '–' : comparedText(comparison, ours)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <p class="soft small">
          {basis} {source}.
        </p>
      </div>
      {figure === null ? null : <Picture figure={figure} />}
    </div>
  );
}
