/** The figures of a run, or of two side by side: then each kind of A beside that of B, on one scale. */
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { withSharedScale } from '../../src/lab/index.js';
import type { PageFigureData } from '../../src/plot/index.js';
import { Figure } from '../plot/figure.js';
import type { PanelGroup } from '../plot/panel-group.js';
import { ComparisonTable } from './comparison-table.js';
import { Numbers } from './numbers.js';
import type { PlaygroundSession } from './session.js';

interface Props {
  readonly session: PlaygroundSession;
  readonly group: PanelGroup;
}

export function Plots({ session, group }: Props): JSX.Element {
  const b = session.b.value;
  const details = session.sides.value.map(({ detail }) => detail.value);
  const figuresOfA = details[0]?.figures;
  const figuresOfB = details[1]?.figures;
  const figures = useMemo(() => pairs(figuresOfA, figuresOfB), [figuresOfA, figuresOfB]);
  const elapsedNs = Math.max(0, ...details.map((detail) => detail?.summary.elapsedNs ?? 0));
  group.setSpan(0, Math.max(1e-3, elapsedNs / 1e9));
  return (
    <section class="plots" aria-label="Plots">
      {figures.map(([key, figure]) => (
        <Figure key={key} figure={figure} group={group} />
      ))}
      {session.sides.value.map((side) => (
        <Numbers key={side.name} side={side} />
      ))}
      {b === undefined ? null : <ComparisonTable a={session.a} b={b} />}
    </section>
  );
}

/** Figures with their keys: those of A, each followed by its like of B. */
function pairs(
  ofA: readonly PageFigureData[] = [],
  ofB: readonly PageFigureData[] | undefined,
): (readonly [string, PageFigureData])[] {
  if (ofB === undefined) return ofA.map((figure) => [figure.id, figure]);
  return ofA.flatMap((a) => {
    const b = ofB.find(({ id }) => id === a.id);
    const both = withSharedScale(b === undefined ? [a] : [a, b]);
    return both.map((figure, index) => {
      const side = index === 0 ? 'A' : 'B';
      return [`${side} ${a.id}`, { ...figure, title: `${side}: ${figure.title}` }] as const;
    });
  });
}
