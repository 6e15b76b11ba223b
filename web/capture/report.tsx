/** What is in a capture as a whole: facts, findings, and its connections to choose from. */
import type { JSX } from 'preact';
import { formatCount, formatDuration, formatSize } from '../../src/base/index.js';
import { type ConnectionFilter, type ConnectionRow, visibleText } from '../../src/lab/index.js';
import { tcpKindName } from '../../src/trace/index.js';
import { Fact } from '../fact.js';
import type { CaptureSummary } from '../protocol/capture.js';
import { Findings, PacketLinks } from './findings.js';
import type { CaptureSession } from './session.js';

interface Props {
  readonly session: CaptureSession;
  readonly summary: CaptureSummary;
}

export function CaptureFacts({ session, summary }: Props): JSX.Element {
  const file = summary.files[0];
  const used = Object.entries(summary.options).filter(([, count]) => count > 0);
  return (
    <section class="panel" aria-label="The capture">
      <div class="facts-row">
        <dl class="facts">
          <Fact name="format" value={file?.format ?? 'unknown'} />
          <Fact name="packets" value={formatCount(summary.packets)} />
          <Fact name="time" id="duration" value={formatDuration(summary.durationNs)} />
          <Fact name="connections" value={formatCount(summary.connections)} />
          <Fact name="plain TCP" id="plain" value={formatCount(summary.plainConnections)} />
          <Fact
            name="MPTCP options"
            id="options"
            value={used.map(([name, count]) => `${name} ${formatCount(count)}`).join(', ') || 'none'}
          />
        </dl>
        <button type="button" onClick={() => session.exportReport()}>
          report (JSON)
        </button>
      </div>
      {file?.problem ? (
        <p class="warning" data-testid="problem">
          Reading stopped early: {visibleText(file.problem.message)}
        </p>
      ) : null}
      <Findings session={session} findings={summary.findings} />
      <OptionCounts session={session} summary={summary} />
    </section>
  );
}

/** How often each option occurs in all headers of the capture. */
function OptionCounts({ session, summary }: Props): JSX.Element {
  const { tcpOptions, options, malformedOptions, malformedFrames, unmatchedJoins, unmatchedJoinFrames } =
    summary;
  return (
    <details data-testid="option-counts">
      <summary>Options in the whole capture</summary>
      <dl class="counts">
        {Object.entries(tcpOptions).map(([kind, count]) => (
          <Count key={kind} name={tcpKindName(Number(kind))} count={count} />
        ))}
        {Object.entries(options)
          .filter(([, count]) => count > 0)
          .map(([name, count]) => (
            <Count key={name} name={name} count={count} />
          ))}
        {malformedOptions > 0 ? <Count name="malformed" count={malformedOptions} /> : null}
      </dl>
      {malformedFrames.length === 0 ? null : (
        <p>
          malformed in <PacketLinks session={session} packets={malformedFrames} />
        </p>
      )}
      {unmatchedJoins === 0 ? null : (
        <p>
          {unmatchedJoins} joins of connections that are not in the capture:{' '}
          <PacketLinks session={session} packets={unmatchedJoinFrames} />
        </p>
      )}
    </details>
  );
}

function Count({ name, count }: { readonly name: string; readonly count: number }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{formatCount(count)}</dd>
    </div>
  );
}

const kinds: Readonly<Record<ConnectionFilter['kind'], string>> = {
  ...{ all: 'all', mptcp: 'Multipath TCP', fallback: 'fell back', tcp: 'plain TCP' },
};

export function ConnectionTable({ session, summary }: Props): JSX.Element {
  const { rows, found } = session.list.value;
  return (
    <section class="panel" aria-label="Connections">
      <div class="panel-head">
        <h3>Connections</h3>
        <Filters session={session} summary={summary} />
        <span class="soft" data-testid="found">
          {found === summary.connections
            ? ''
            : `${formatCount(found)} of ${formatCount(summary.connections)}`}
          {found > rows.length ? `, the first ${rows.length}` : ''}
        </span>
      </div>
      <div class="scroll tall" tabIndex={0} role="region" aria-label="List of connections">
        <table>
          <thead>
            <tr>
              <th scope="col">no.</th>
              <th scope="col" class="left">
                client
              </th>
              <th scope="col" class="left">
                server
              </th>
              <th scope="col" class="left">
                protocol
              </th>
              <th scope="col">subflows</th>
              <th scope="col">from client</th>
              <th scope="col">from server</th>
              <th scope="col">begins</th>
              <th scope="col">lasts</th>
              <th scope="col">findings</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.id} session={session} row={row} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Filters({ session, summary }: Props): JSX.Element {
  const filter = session.filter.value;
  const set = (part: Partial<ConnectionFilter>): void => session.search({ ...filter, ...part });
  return (
    <>
      <label class="field inline">
        <span>filter</span>
        <input
          type="text"
          placeholder="address, port, token, finding"
          value={filter.text}
          onInput={(event) => set({ text: event.currentTarget.value })}
        />
      </label>
      <label class="field inline">
        <span>kind</span>
        <select
          value={filter.kind}
          onChange={(event) => set({ kind: event.currentTarget.value as ConnectionFilter['kind'] })}
        >
          {Object.entries(kinds).map(([kind, words]) => (
            <option key={kind} value={kind}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label class="field inline">
        <span>finding</span>
        <select value={filter.finding} onChange={(event) => set({ finding: event.currentTarget.value })}>
          <option value="">no matter</option>
          <option value="any">any</option>
          {summary.findingCodes.map(([code, count]) => (
            <option key={code} value={code}>
              {code} ({count})
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

function Row({
  session,
  row,
}: {
  readonly session: CaptureSession;
  readonly row: ConnectionRow;
}): JSX.Element {
  const { id, client, server, startNs, durationNs } = row;
  const isChosen = session.connection.value === id;
  return (
    <tr aria-selected={isChosen} class={isChosen ? 'chosen' : ''} onClick={() => session.look(id)}>
      <td>
        <button type="button" class="link" aria-pressed={isChosen} aria-label={`Connection ${id}`}>
          {id}
        </button>
      </td>
      <td class="left mono">{client}</td>
      <td class="left mono">{server}</td>
      <td class="left">{row.protocol}</td>
      <td>{row.subflows}</td>
      <td>{formatSize(row.clientBytes)}</td>
      <td>{formatSize(row.serverBytes)}</td>
      <td>{(startNs / 1e9).toFixed(3)} s</td>
      <td>{formatDuration(durationNs)}</td>
      <td>{row.findings}</td>
    </tr>
  );
}
