/** Fields of a form: small, each with its label, and marked where what stands in them makes no sense. */
import type { JSX } from 'preact';
import { useTyped } from '../typed.js';

interface TextFieldProps {
  readonly label: string;
  /** For whoever hears it without seeing where it stands; default the label. */
  readonly name?: string;
  /** What is to be written there. */
  readonly hint: string;
  readonly value: string;
  /** Whether it is marked as one that differs. */
  readonly differs?: boolean;
  /** Takes what was written; whether it makes sense. */
  readonly accept: (text: string) => boolean;
}

export function TextField({ label, name, hint, value, differs, accept }: TextFieldProps): JSX.Element {
  const { shown, isWrong, take } = useTyped(value, accept);
  return (
    <label class={differs === true ? 'field differs' : 'field'}>
      <span>{label}</span>
      <input
        type="text"
        aria-label={name ?? label}
        aria-invalid={isWrong}
        title={isWrong ? `That makes no sense here: ${hint}` : hint}
        spellcheck={false}
        autocomplete="off"
        value={shown}
        onChange={(e) => take(e.currentTarget.value)}
      />
    </label>
  );
}

interface ChoiceProps {
  readonly label: string;
  /** For whoever hears it without seeing where it stands; default the label. */
  readonly name?: string;
  readonly differs?: boolean;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChoose: (value: string) => void;
}

export function Choice({ label, name, value, options, differs, onChoose }: ChoiceProps): JSX.Element {
  return (
    <label class={differs === true ? 'field differs' : 'field'}>
      <span>{label}</span>
      <select aria-label={name ?? label} value={value} onChange={(e) => onChoose(e.currentTarget.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}
