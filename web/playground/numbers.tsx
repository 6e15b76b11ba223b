/** The numbers of a run, the last decision of the scheduler, and what can be taken away. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { formatDuration, formatRate, formatShare, formatSize } from '../../src/base/index.js';
import {
  explainReason,
  type LabSummary,
  type LastDecision,
  type LiveKind,
  type Scenario,
} from '../../src/lab/index.js';
import type { PlaygroundSession } from './session.js';

export function Numbers({ session }: { readonly session: PlaygroundSession }): JSX.Element | null {
  const summary = session.detail.value?.summary;
  if (summary === undefined) return null;
  return (
    <section class="numbers" aria-label="Numbers">
      <dl class="facts">
        {factsOf(summary).map(([name, value, id]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd data-testid={id}>{value}</dd>
          </div>
        ))}
      </dl>
      <PathTable summary={summary} />
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

function PathTable({ summary }: { readonly summary: LabSummary }): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Paths in numbers">
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
export function Decision({
  decision,
  scenario,
}: {
  readonly decision: LastDecision | null;
  readonly scenario: Scenario;
}): JSX.Element {
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

export function Exports({ session }: { readonly session: PlaygroundSession }): JSX.Element {
  const [figure, setFigure] = useState<LiveKind>('sequence');
  const scenario = session.frame.value?.scenario ?? '';
  return (
    <section class="exports" aria-label="Export">
      <div class="buttons">
        <button type="button" onClick={() => session.export('pcapng', figure)}>
          pcapng
        </button>
        <button type="button" onClick={() => session.export('json', figure)}>
          numbers (JSON)
        </button>
        <label class="field inline">
          <span>figure</span>
          <select value={figure} onChange={(e) => setFigure(e.currentTarget.value as LiveKind)}>
            {Object.entries(figureWords).map(([kind, words]) => (
              <option key={kind} value={kind}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => session.export('svg', figure)}>
          SVG
        </button>
        <button type="button" onClick={() => session.export('csv', figure)}>
          CSV
        </button>
      </div>
      <p class="command">
        <span class="soft">the same on the command line:</span>
        <code data-testid="command">{`subflow lab run '${scenario}'`}</code>
      </p>
    </section>
  );
}
