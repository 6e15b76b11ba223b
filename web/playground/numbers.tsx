/** The numbers of a run, the last decision of the scheduler, and what can be taken away. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { formatDuration, formatRate, formatShare, formatSize } from '../../src/base/index.js';
import { explainReason, type LabSummary, type LiveKind, writeScenario } from '../../src/lab/index.js';
import type { ExportKind } from '../protocol/playground.js';
import { SideTag } from './controls.js';
import type { Side } from './side.js';

interface SideProps {
  readonly side: Side;
}

export function Numbers({ side }: SideProps): JSX.Element | null {
  const summary = side.detail.value?.summary;
  if (summary === undefined) return null;
  const isB = side.name === 'B';
  return (
    <section class="numbers" aria-label={isB ? 'Numbers of B' : 'Numbers'}>
      <dl class="facts">
        {factsOf(summary).map(([name, value, id]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd data-testid={isB ? `${id} of B` : id}>{value}</dd>
          </div>
        ))}
      </dl>
      <PathTable summary={summary} label={isB ? 'Paths of B in numbers' : 'Paths in numbers'} />
    </section>
  );
}

function factsOf(summary: LabSummary): (readonly [string, string, string])[] {
  const { isMultipath, version, fallback, establishedAtNs, medianAnswerNs, longestAnswerNs } = summary;
  const protocol =
    establishedAtNs === null ? 'not connected' : isMultipath ? `MPTCP v${version}` : 'plain TCP';
  return [
    ['protocol', fallback === null ? protocol : `${protocol}: fell back (${fallback})`, 'protocol'],
    ['delivered', `${formatSize(summary.bytesDelivered)} of ${formatSize(summary.bytesWanted)}`, 'delivered'],
    ['goodput', formatRate(summary.goodputBps), 'goodput'],
    ['reinjected', formatSize(summary.reinjectedBytes), 'reinjected'],
    ['came twice', formatSize(summary.repeatedBytes), 'repeated'],
    ['answers', answers(medianAnswerNs, longestAnswerNs), 'answers'],
    ['digest of all packets', summary.digest, 'digest'],
    ...(summary.isIntact ? [] : [['data', 'NOT what was sent', 'intact'] as const]),
    ...(summary.errorCode === '' ? [] : [['ended by', summary.errorCode, 'error'] as const]),
  ];
}

function answers(median: number | null, longest: number | null): string {
  if (median === null || longest === null) return '–';
  return median === longest
    ? `in ${formatDuration(median)}`
    : `half within ${formatDuration(median)}, all within ${formatDuration(longest)}`;
}

interface PathTableProps {
  readonly summary: LabSummary;
  readonly label: string;
}

function PathTable({ summary, label }: PathTableProps): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            <th scope="col">path</th>
            <th scope="col">subflow</th>
            <th scope="col">data</th>
            <th scope="col">share</th>
            <th scope="col">packets</th>
            <th scope="col">buffer full</th>
            <th scope="col">lost</th>
            <th scope="col">RTT</th>
            <th scope="col">cwnd</th>
            <th scope="col">chosen</th>
          </tr>
        </thead>
        <tbody>
          {summary.paths.map((path) => (
            <tr key={path.name}>
              <th scope="row">{path.name}</th>
              <td>{path.isBackup ? `${path.subflow}, backup` : path.subflow}</td>
              <td data-testid={`bytes of ${path.name}`}>{formatSize(path.bytes)}</td>
              <td>{formatShare(path.share)}</td>
              <td>{path.deliveredPackets}</td>
              <td>{path.droppedPackets}</td>
              <td>{path.lostPackets}</td>
              <td>{path.srttNs === null ? '–' : formatDuration(path.srttNs)}</td>
              <td>{path.cwndBytes === null ? '–' : formatSize(path.cwndBytes)}</td>
              <td>{path.chosen}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The decision made last, in words. */
export function LastDecision({ side }: SideProps): JSX.Element {
  const decision = side.frame.value?.decision ?? null;
  const scenario = side.scenario.value;
  if (decision === null) return <p class="decision soft">The scheduler has decided nothing yet.</p>;
  const { atSeconds, path, reason } = decision;
  const name = scenario.paths[path]?.name ?? 'no path';
  return (
    <p class="decision">
      <span class="soft">last decision, at {atSeconds.toFixed(4)} s:</span> <b>{name}</b>
      {`: ${explainReason(reason, scenario.scheduler)}`}
    </p>
  );
}

const figureWords: Readonly<Record<LiveKind, string>> = {
  ...{ sequence: 'data sequence', goodput: 'goodput', rtt: 'round-trip time', windows: 'windows' },
  decisions: 'decisions',
};

interface ExportsProps extends SideProps {
  /** What is compared has a letter before it. */
  readonly isCompared: boolean;
}

export function Exports({ side, isCompared }: ExportsProps): JSX.Element {
  const [figure, setFigure] = useState<LiveKind>('sequence');
  const ofB = side.name === 'B' ? ' of B' : '';
  const file = (label: string, kind: ExportKind): JSX.Element => (
    <button
      type="button"
      aria-label={ofB === '' ? undefined : `${label}${ofB}`}
      onClick={() => side.export(kind, figure)}
    >
      {label}
    </button>
  );
  return (
    <section class="exports" aria-label={`Export${ofB}`}>
      <div class="buttons">
        {isCompared ? <SideTag name={side.name} /> : null}
        {file('pcapng', 'pcapng')}
        {file('numbers (JSON)', 'json')}
        <label class="field inline">
          <span>figure</span>
          <select
            aria-label={`figure${ofB}`}
            value={figure}
            onChange={(e) => setFigure(e.currentTarget.value as LiveKind)}
          >
            {Object.entries(figureWords).map(([kind, words]) => (
              <option key={kind} value={kind}>
                {words}
              </option>
            ))}
          </select>
        </label>
        {file('SVG', 'svg')}
        {file('CSV', 'csv')}
      </div>
      <p class="command">
        <span class="soft">the same on the command line:</span>
        <code data-testid={`command${ofB}`}>{`subflow lab run '${writeScenario(side.scenario.value)}'`}</code>
      </p>
    </section>
  );
}
