/** How far an experiment is, on a terminal: a chart where there is one to show and room for it, or a line. */

import type { Experiment, RunOptions } from '../../experiments/index.js';
import { LiveChart, mayShowCharts } from './live-chart.js';
import type { ScreenStream } from './screen.js';
import { StepLine } from './step-line.js';

/** Told how far it is; takes away what it drew at the end. */
export interface Progress extends Required<Pick<RunOptions, 'step' | 'watch'>> {
  readonly end: () => void;
}

/** How often the time is brought up to date while nothing else happens, ms. */
const TICK_MS = 1000;

/** What shows the progress of `experiment` on `stream`; nothing unless it is `wanted` and the stream a terminal. */
export function openProgress({ live }: Experiment, stream: ScreenStream, wanted: boolean): Progress {
  const { env } = process;
  if (live === undefined || !wanted || !mayShowCharts(stream, env)) {
    const line = new StepLine(stream, wanted);
    const step: Progress['step'] = (done, total, what) => line.step(done, total, what);
    return { step, watch: () => undefined, end: () => line.end() };
  }
  const hasColor = env['NO_COLOR'] === undefined || env['NO_COLOR'] === '';
  const chart = new LiveChart(live, { stream, hasColor, now: () => Number(process.hrtime.bigint()) });
  const timer = setInterval(() => chart.refresh(), TICK_MS);
  timer.unref();
  const forget = beforeSignal(() => chart.end());
  return {
    step: (done, total, what) => chart.step(done, total, what),
    watch: (finished) => chart.watch(finished),
    end: () => {
      forget();
      clearInterval(timer);
      chart.end();
    },
  };
}

/** Has `act` done before SIGINT or SIGTERM end the program, as they would without it; gives what forgets that again. */
function beforeSignal(act: () => void): () => void {
  const handle = (name: NodeJS.Signals): void => {
    forget();
    act();
    process.kill(process.pid, name);
  };
  const forget = (): void => {
    process.off('SIGINT', handle).off('SIGTERM', handle);
  };
  process.on('SIGINT', handle).on('SIGTERM', handle);
  return forget;
}
