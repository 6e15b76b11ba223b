/** A saved result among files that somebody dropped: its JSON, and the figures that it names. All of them may be foreign. */
import {
  completeParameters,
  type Experiment,
  type ExperimentChoice,
  figureName,
  hasColumns,
  isExperimentName,
  isSavedFigure,
  loadExperiment,
  MAX_FIGURE_LENGTH,
  MAX_RESULT_LENGTH,
  readSavedResult,
  readSeed,
  type ReportedFigure,
  type SavedResult,
  savedParameters,
} from '../../src/experiments/index.js';

/** Most figures of a result. */
const MAX_FIGURES = 32;

export interface OpenedResult {
  readonly file: string;
  readonly experiment: Experiment;
  readonly saved: SavedResult;
  readonly choice: ExperimentChoice;
  readonly figures: readonly ReportedFigure[];
  readonly missingFigures: readonly string[];
  readonly refusedFigures: readonly string[];
}

/** Reads the result among `files`. Throws with a sentence where there is none, or none of this program. */
export async function openSaved(files: readonly File[]): Promise<OpenedResult> {
  const file = files.find(({ name }) => !name.endsWith('.svg'));
  if (file === undefined) throw new Error('There is no result among these files: it is what --json prints.');
  const saved = file.size > MAX_RESULT_LENGTH ? undefined : readSavedResult(await file.text());
  if (saved === undefined) {
    throw new Error(
      `${file.name} holds no result of an experiment: it is what subflow experiment run NAME --json prints.`,
    );
  }
  if (!isExperimentName(saved.name)) {
    throw new Error(`${file.name} is of an experiment that is not known here: ${saved.name.slice(0, 80)}`);
  }
  const experiment = await loadExperiment(saved.name);
  if (!hasColumns(experiment, saved.rows)) {
    throw new Error(`${file.name} has not the columns of ${saved.name}: it is of another version.`);
  }
  const choice = choiceOf(file.name, experiment, saved);
  return { file: file.name, experiment, saved, choice, ...(await figuresOf(saved, files)) };
}

function choiceOf(file: string, experiment: Experiment, saved: SavedResult): ExperimentChoice {
  const seed = readSeed(String(saved.seed));
  if (seed === undefined) throw new Error(`${file} has a seed that no run has: ${saved.seed}`);
  try {
    return {
      seed,
      parameters: completeParameters(experiment.parameters, savedParameters(experiment, saved)),
    };
  } catch (error) {
    throw new Error(`${file} has parameters that ${saved.name} has not: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

type Figures = Pick<OpenedResult, 'figures' | 'missingFigures' | 'refusedFigures'>;

/** The figures that a result names, as far as they are among the files. */
async function figuresOf(saved: SavedResult, files: readonly File[]): Promise<Figures> {
  const figures: ReportedFigure[] = [];
  const missingFigures: string[] = [];
  const refusedFigures: string[] = [];
  for (const path of saved.figures.slice(0, MAX_FIGURES)) {
    const name = path.replace(/^.*[/\\]/s, '');
    const file = files.find((each) => each.name === name);
    const svg = file === undefined || file.size > MAX_FIGURE_LENGTH ? '' : await file.text();
    if (file === undefined) missingFigures.push(name);
    else if (!isSavedFigure(svg)) refusedFigures.push(name);
    else figures.push({ name: figureName(path, saved.name), svg });
  }
  return { figures, missingFigures, refusedFigures };
}
