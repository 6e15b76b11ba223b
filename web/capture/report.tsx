/** What is in a capture as a whole: facts, findings, and its connections to choose from. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { formatCount, formatDuration, formatSize } from '../../src/base/index.js';
import type { ConnectionReport, Finding, TraceReport } from '../../src/trace/index.js';
import { type CaptureSession, sentBytes } from './session.js';

/** Rows that are shown; a reader finds others with the filter. */
const MAX_ROWS = 200;

export function CaptureFacts({ report }: { readonly report: TraceReport }): JSX.Element {
  const file = report.files[0];
  const used = Object.entries(report.options).filter(([, count]) => count > 0);
  return (
    <section class="panel" aria-label="The capture">
      <dl class="facts">
        <Fact name="format" id="format" value={file?.format ?? 'unknown'} />
        <Fact name="packets" id="packets" value={formatCount(report.packets)} />
        <Fact name="time" id="duration" value={formatDuration(report.durationNs)} />
        <Fact name="connections" id="connections" value={formatCount(report.connections.length)} />
        <Fact name="plain TCP" id="plain" value={formatCount(report.plainConnections)} />
        <Fact
          name="MPTCP options"
          id="options"
          value={used.map(([name, count]) => `${name} ${formatCount(count)}`).join(', ') || 'none'}
        />
      </dl>
      {file?.problem ? <p class="warning">Reading stopped early: {file.problem.message}</p> : null}
      <Findings findings={report.findings} />
    </section>
  );
}

function Fact({
  name,
  id,
  value,
}: {
  readonly name: string;
  readonly id: string;
  readonly value: string;
}): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={id}>{value}</dd>
    </div>
  );
}

const severities = { info: 'Note', warning: 'Warning', problem: 'Problem' } as const;

export function Findings({ findings }: { readonly findings: readonly Finding[] }): JSX.Element | null {
  if (findings.length === 0) return null;
  return (
    <ul class="findings">
      {findings.map(({ code, severity, text, packets }, index) => (
        <li key={index} class={severity} data-code={code}>
          <b>{severities[severity]}</b> {text}
          {packets.length === 0 ? null : <span class="soft"> [{packets.join(', ')}]</span>}
        </li>
      ))}
    </ul>
  );
}

interface TableProps {
  readonly session: CaptureSession;
  readonly report: TraceReport;
}

export function ConnectionTable({ session, report }: TableProps): JSX.Element {
  const [filter, setFilter] = useState('');
  const found = report.connections.filter((connection) => fits(connection, filter));
  const shown = found.slice(0, MAX_ROWS);
  return (
    <section class="panel" aria-label="Connections">
      <div class="panel-head">
        <h3>Connections</h3>
        <label class="field inline">
          <span>filter</span>
          <input
            type="text"
            placeholder="address, port or number"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        {found.length > shown.length ? (
          <span class="soft">
            the first {MAX_ROWS} of {formatCount(found.length)}
          </span>
        ) : null}
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
            {shown.map((connection) => (
              <ConnectionRow key={connection.id} session={session} connection={connection} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function fits({ id, client, server, subflows }: ConnectionReport, filter: string): boolean {
  const wanted = filter.trim().toLowerCase();
  if (wanted === '' || `${id}` === wanted) return true;
  const ends = [client, server, ...subflows.flatMap((flow) => [flow.client, flow.server])];
  return ends.some((end) => end.includes(wanted));
}

interface RowProps {
  readonly session: CaptureSession;
  readonly connection: ConnectionReport;
}

function ConnectionRow({ session, connection }: RowProps): JSX.Element {
  const { id, client, server, subflows, startNs, durationNs, findings } = connection;
  const isChosen = session.chosen.value?.id === id;
  return (
    <tr aria-selected={isChosen} class={isChosen ? 'chosen' : ''} onClick={() => session.choose(connection)}>
      <td>
        <button type="button" class="link" aria-pressed={isChosen} aria-label={`Connection ${id}`}>
          {id}
        </button>
      </td>
      <td class="left mono">{client}</td>
      <td class="left mono">{server}</td>
      <td class="left">{protocolOf(connection)}</td>
      <td>{subflows.length}</td>
      <td>{formatSize(sentBytes(connection, 'client'))}</td>
      <td>{formatSize(sentBytes(connection, 'server'))}</td>
      <td>{(startNs / 1e9).toFixed(3)} s</td>
      <td>{formatDuration(durationNs)}</td>
      <td>{findings.length}</td>
    </tr>
  );
}

function protocolOf({ protocol, version, fallback }: ConnectionReport): string {
  if (protocol === 'tcp') return 'TCP';
  return `MPTCP${version === null ? '' : ` v${version}`}${fallback ? ', fell back' : ''}`;
}
