/** A number or a word with what it is, in a list of facts. */
import type { JSX } from 'preact';

interface FactProps {
  readonly name: string;
  readonly value: string;
  /** What tests know it by. Default: its name. */
  readonly id?: string;
}

export function Fact({ name, value, id = name }: FactProps): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={id}>{value}</dd>
    </div>
  );
}
