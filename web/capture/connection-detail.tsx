/** One connection: its subflows, findings, signals, and what the options of its handshakes say. */
import type { JSX } from 'preact';
import { formatCount, formatDuration, formatShare, formatSize } from '../../src/base/index.js';
import { plotCommand, traceCommand } from '../../src/lab/index.js';
import {
  agreedText,
  type ConnectionOptionsReport,
  type ConnectionReport,
  type PacketOptionsReport,
  type Sender,
  SEPARATE_SUBFLOWS,
  type SubflowReport,
} from '../../src/trace/index.js';
import { colorAt } from '../plot/color.js';
import { Findings, PacketLinks } from './findings.js';
import type { CaptureSession } from './session.js';

interface DetailProps {
  readonly session: CaptureSession;
  readonly connection: ConnectionReport;
  readonly options: ConnectionOptionsReport;
}

/** What a connection is, in a line. */
function kindOf({ protocol, version, fallback, fallbackCause, ending }: ConnectionReport): string {
  const name =
    protocol === 'tcp' ? 'plain TCP' : `Multipath TCP${version === null ? '' : ` version ${version}`}`;
  return `${name}${fallback ? `, fell back (${fallbackCause ?? 'cause not captured'})` : ''}, ${ending}`;
}

export function ConnectionDetail({ session, connection, options }: DetailProps): JSX.Element {
  const { fallbackPacket } = connection;
  return (
    <section class="panel" aria-label="Connection" data-testid="detail">
      <div class="panel-head">
        <h3>
          Connection {connection.id}: {connection.client} to {connection.server}
        </h3>
        <span class="soft">
          {kindOf(connection)}{' '}
          {fallbackPacket === null ? null : <PacketLinks session={session} packets={[fallbackPacket]} />}
        </span>
      </div>
      <Subflows session={session} connection={connection} sender={session.sender.value} />
      <Findings session={session} findings={connection.findings} />
      <Signals session={session} connection={connection} />
      <Options session={session} options={options} />
      <Commands session={session} connection={connection} />
    </section>
  );
}

interface SubflowsProps {
  readonly session: CaptureSession;
  readonly connection: ConnectionReport;
  readonly sender: Sender;
}

function Subflows({ session, connection, sender }: SubflowsProps): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Subflows">
      <table>
        <thead>
          <tr>
            <th scope="col">subflow</th>
            <th scope="col" class="left">
              shown
            </th>
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
            <SubflowRow key={flow.id} session={session} flow={flow} sender={sender} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SubflowRow({
  session,
  flow,
  sender,
}: {
  readonly session: CaptureSession;
  readonly flow: SubflowReport;
  readonly sender: Sender;
}): JSX.Element {
  const sent = sender === 'client' ? flow.clientToServer : flow.serverToClient;
  return (
    <tr>
      <th scope="row">
        <Swatch subflow={flow.id} /> {flow.id}
      </th>
      <td class="left">
        <input
          type="checkbox"
          aria-label={`Show subflow ${flow.id}`}
          checked={!session.hidden.value.includes(flow.id)}
          onChange={(event) => session.hide(flow.id, !event.currentTarget.checked)}
        />
      </td>
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

/** The colour that figures give to a subflow. */
export function Swatch({ subflow }: { readonly subflow: number }): JSX.Element {
  return (
    <span
      class="swatch"
      aria-hidden="true"
      style={{ background: colorAt(Math.min(subflow, SEPARATE_SUBFLOWS)) }}
    />
  );
}

interface SignalsProps {
  readonly session: CaptureSession;
  readonly connection: ConnectionReport;
}

function Signals({ session, connection }: SignalsProps): JSX.Element | null {
  const { signals, addresses } = connection;
  if (signals.length + addresses.length === 0) return null;
  return (
    <details>
      <summary>Addresses and signals ({addresses.length + signals.length})</summary>
      <ul class="plain-list">
        {addresses.map(({ announcedPacket, owner, addressId, address, port, announcements }) => (
          <li key={`${owner} ${addressId} ${address} ${announcedPacket}`}>
            ADD_ADDR of the {owner}: address {addressId} is {address}
            {port === null ? '' : ` port ${port}`},{' '}
            {announcements === 1 ? 'said once' : `said ${announcements} times`}{' '}
            <PacketLinks session={session} packets={[announcedPacket]} />
          </li>
        ))}
        {signals.map(({ packet, atNs, by, subflow, option, meaning }, index) => (
          <li key={index}>
            <span class="mono">{(atNs / 1e9).toFixed(6)} s</span> {option} by the {by} on subflow {subflow}:{' '}
            {meaning} <PacketLinks session={session} packets={[packet]} />
          </li>
        ))}
      </ul>
    </details>
  );
}

interface OptionsProps {
  readonly session: CaptureSession;
  readonly options: ConnectionOptionsReport;
}

function Options({ session, options }: OptionsProps): JSX.Element {
  return (
    <details data-testid="option-report">
      <summary>Options of the handshakes</summary>
      {options.subflows.map(({ subflow, client, server, packets, agreed }) => (
        <section key={subflow} aria-label={`Options of subflow ${subflow}`}>
          <h4>
            Subflow {subflow}: {client} to {server}
          </h4>
          {packets.map((packet) => (
            <PacketOptions key={packet.packet} session={session} packet={packet} />
          ))}
          <p>{packets.length === 0 ? 'Its handshake was not captured.' : `Agreed: ${agreedText(agreed)}.`}</p>
        </section>
      ))}
    </details>
  );
}

const roles = { syn: 'SYN', 'syn-ack': 'SYN+ACK', third: 'third packet', data: 'data' } as const;

interface PacketOptionsProps {
  readonly session: CaptureSession;
  readonly packet: PacketOptionsReport;
}

function PacketOptions({ session, packet }: PacketOptionsProps): JSX.Element {
  const { role, sender, atNs, payloadLength, options, notes } = packet;
  return (
    <div class="packet-options">
      <p>
        <b>{roles[role]}</b> of the {sender} at {(atNs / 1e9).toFixed(6)} s
        {payloadLength === 0 ? '' : `, ${formatCount(payloadLength)} bytes of payload`}{' '}
        <PacketLinks session={session} packets={[packet.packet]} />
      </p>
      <dl>
        {options.map(({ name, text, offset, notes: remarks }) => (
          <div key={offset}>
            <dt>{name}</dt>
            <dd>
              {text}
              {remarks.map((note) => (
                <em key={note.text} class={note.severity}>
                  {note.text}
                </em>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      {options.length === 0 ? <p class="soft">no options</p> : null}
      {notes.map((note) => (
        <p key={note.text} class={note.severity}>
          {note.text}
        </p>
      ))}
    </div>
  );
}

/** What a terminal would be told to get the same. */
function Commands({ session, connection }: SignalsProps): JSX.Element {
  const looked = {
    ...{ file: session.file.value?.name ?? 'capture', connection },
    ...{ sender: session.sender.value, span: session.span.value },
    includesPlain: session.includesPlain.value,
  };
  return (
    <p class="command">
      <span class="soft">the same on the command line:</span>
      <code data-testid="trace-command">{traceCommand(looked)}</code>
      <code data-testid="plot-command">{plotCommand(looked)}</code>
    </p>
  );
}
