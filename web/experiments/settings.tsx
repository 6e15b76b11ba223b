/** The parameters of an experiment as a form, made of their declaration: ranges, words, and what each of them is. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import {
  describeRange,
  flagName,
  type Parameter,
  type ParameterValue,
  readParameter,
  readSeed,
  writeParameter,
} from '../../src/experiments/index.js';
import type { ExperimentAbout } from '../protocol/experiments.js';
import { useTyped } from '../typed.js';
import type { ExperimentsSession } from './session.js';

interface Props {
  readonly session: ExperimentsSession;
  readonly about: ExperimentAbout;
}

const seedHint = 'seed of every random choice: 0 to 4294967295';

export function Settings({ session, about }: Props): JSX.Element {
  const [hint, setHint] = useState('');
  const { seed, parameters } = session.choice.value;
  const isBusy = session.running.value !== undefined;
  return (
    <fieldset class="settings" disabled={isBusy}>
      <legend class="unseen">Parameters</legend>
      <div class="fields">
        {Object.entries(about.parameters).map(([name, parameter]) => (
          <ParameterField
            key={`${about.name} ${name}`}
            name={name}
            parameter={parameter}
            value={parameters[name] ?? parameter.default}
            onHint={setHint}
            onValue={(value) => session.change(name, value)}
          />
        ))}
        <TypedField
          label="seed"
          text={String(seed)}
          hint={seedHint}
          onHint={setHint}
          accept={(text) => {
            const read = readSeed(text);
            if (read !== undefined) session.changeSeed(read);
            return read !== undefined;
          }}
        />
      </div>
      <p class="hint soft" aria-hidden="true">
        {hint === '' ? 'Point at a field to see what it is.' : hint}
      </p>
    </fieldset>
  );
}

interface FieldProps {
  readonly name: string;
  readonly parameter: Parameter;
  readonly value: ParameterValue;
  readonly onHint: (hint: string) => void;
  readonly onValue: (value: ParameterValue) => void;
}

function ParameterField({ name, parameter, value, onHint, onValue }: FieldProps): JSX.Element {
  const label = flagName(name, parameter).replaceAll('-', ' ');
  const isDefault = value === parameter.default;
  if (parameter.kind === 'choice') {
    return (
      <label class={isDefault ? 'entry' : 'entry given'} onPointerEnter={() => onHint(parameter.doc)}>
        <span>{label}</span>
        <select
          value={value}
          title={parameter.doc}
          onFocus={() => onHint(parameter.doc)}
          onChange={(e) => onValue(e.currentTarget.value)}
        >
          {parameter.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      </label>
    );
  }
  const usual = writeParameter(parameter, parameter.default);
  return (
    <TypedField
      label={label}
      text={writeParameter(parameter, value)}
      hint={`${parameter.doc}: ${describeRange(parameter)}; default ${usual}`}
      isGiven={!isDefault}
      onHint={onHint}
      accept={(text) => {
        const read = readParameter(parameter, text);
        if (read !== undefined) onValue(read);
        return read !== undefined;
      }}
    />
  );
}

interface TypedProps {
  readonly label: string;
  readonly text: string;
  readonly hint: string;
  /** Whether it differs from the default. */
  readonly isGiven?: boolean;
  readonly onHint: (hint: string) => void;
  /** Takes what was written; whether it makes sense. */
  readonly accept: (text: string) => boolean;
}

function TypedField({ label, text, hint, isGiven = false, onHint, accept }: TypedProps): JSX.Element {
  const { shown, isWrong, take } = useTyped(text, accept);
  return (
    <label class={isGiven ? 'entry given' : 'entry'} onPointerEnter={() => onHint(hint)}>
      <span>{label}</span>
      <input
        type="text"
        spellcheck={false}
        autocomplete="off"
        value={shown}
        title={isWrong ? `That makes no sense here. ${hint}` : hint}
        aria-invalid={isWrong}
        onFocus={() => onHint(hint)}
        onChange={(e) => take(e.currentTarget.value)}
      />
    </label>
  );
}
