/** One connection: its subflows, findings, signals, and what the options of its handshakes say. */
import type { JSX } from 'preact';
import { formatDuration, formatShare, formatSize } from '../../src/base/index.js';
import type {
  ConnectionOptionsReport,
  ConnectionReport,
  PacketOptionsReport,
  Sender,
  SubflowReport,
} from '../../src/trace/index.js';
import { Findings } from './report.js';
import type { CaptureSession } from './session.js';

interface DetailProps {
  readonly session: CaptureSession;
  readonly connection: ConnectionReport;
  readonly options: ConnectionOptionsReport | undefined;
}

const senders: readonly Sender[] = ['server', 'client'];

export function ConnectionDetail({ session, connection, options }: DetailProps): JSX.Element {
  return (
    <section class="panel" aria-label="Connection" data-testid="detail">
      <div class="panel-head">
        <h3>
          Connection {connection.id}: {connection.client} to {connection.server}
        </h3>
        <fieldset class="switch">
          <legend class="unseen">Whose data is drawn</legend>
          {senders.map((sender) => (
            <label key={sender}>
              <input
                type="radio"
                name="sender"
                checked={session.sender.value === sender}
                onChange={() => session.choose(connection, sender)}
              />
              <span>data of the {sender}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <Subflows connection={connection} sender={session.sender.value} />
      <Findings findings={connection.findings} />
      <Signals connection={connection} />
      {options === undefined ? null : <Options options={options} />}
    </section>
  );
}

interface SubflowsProps {
  readonly connection: ConnectionReport;
  readonly sender: Sender;
}

function Subflows({ connection, sender }: SubflowsProps): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Subflows">
      <table>
        <thead>
          <tr>
            <th scope="col">subflow</th>
            <th scope="col" class="left">
              client
            </th>
            <th scope="col" class="left">
              server
            </th>
            <th scope="col" class="left">
              how
            </th>
            <th scope="col">share</th>
            <th scope="col">sent</th>
            <th scope="col">retransmitted</th>
            <th scope="col">reinjected</th>
            <th scope="col">RTT, median</th>
            <th scope="col">lasts</th>
            <th scope="col" class="left">
              ends by
            </th>
          </tr>
        </thead>
        <tbody>
          {connection.subflows.map((flow) => (
            <SubflowRow key={flow.id} flow={flow} sender={sender} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SubflowRow({
  flow,
  sender,
}: {
  readonly flow: SubflowReport;
  readonly sender: Sender;
}): JSX.Element {
  const sent = sender === 'client' ? flow.clientToServer : flow.serverToClient;
  return (
    <tr>
      <th scope="row">{flow.id}</th>
      <td class="left mono">{flow.client}</td>
      <td class="left mono">{flow.server}</td>
      <td class="left">{`${flow.joined ? 'MP_JOIN' : 'MP_CAPABLE'}${flow.backup ? ', backup' : ''}`}</td>
      <td>{sent.share === null ? '–' : formatShare(sent.share)}</td>
      <td>{formatSize(sent.bytes)}</td>
      <td>{formatSize(sent.retransmittedBytes)}</td>
      <td>{formatSize(sent.reinjectedBytes)}</td>
      <td>{sent.rtt === null ? '–' : formatDuration(sent.rtt.median)}</td>
      <td>{formatDuration(flow.durationNs)}</td>
      <td class="left">{flow.ending}</td>
    </tr>
  );
}

function Signals({ connection }: { readonly connection: ConnectionReport }): JSX.Element | null {
  const { signals } = connection;
  if (signals.length === 0) return null;
  return (
    <details>
      <summary>Signals ({signals.length})</summary>
      <ul class="plain-list">
        {signals.map(({ packet, atNs, by, subflow, option, meaning }, index) => (
          <li key={index}>
            <span class="mono">{(atNs / 1e9).toFixed(6)} s</span> {option} by the {by} on subflow {subflow}:{' '}
            {meaning} <span class="soft">[{packet}]</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Options({ options }: { readonly options: ConnectionOptionsReport }): JSX.Element {
  return (
    <details>
      <summary>Options of the handshakes</summary>
      {options.subflows.map(({ subflow, client, server, packets }) => (
        <section key={subflow} aria-label={`Options of subflow ${subflow}`}>
          <h4>
            Subflow {subflow}: {client} to {server}
          </h4>
          {packets.map((packet) => (
            <PacketOptions key={packet.packet} packet={packet} />
          ))}
        </section>
      ))}
    </details>
  );
}

const roles = { syn: 'SYN', 'syn-ack': 'SYN+ACK', third: 'third packet', data: 'data' } as const;

function PacketOptions({ packet }: { readonly packet: PacketOptionsReport }): JSX.Element {
  return (
    <div class="packet-options">
      <p>
        <b>{roles[packet.role]}</b> of the {packet.sender} at {(packet.atNs / 1e9).toFixed(6)} s{' '}
        <span class="soft">[{packet.packet}]</span>
      </p>
      <dl>
        {packet.options.map(({ name, text, offset, notes }) => (
          <div key={offset}>
            <dt>{name}</dt>
            <dd>
              {text}
              {notes.map((note) => (
                <em key={note.text} class={note.severity}>
                  {note.text}
                </em>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      {packet.notes.map((note) => (
        <p key={note.text} class={note.severity}>
          {note.text}
        </p>
      ))}
    </div>
  );
}
