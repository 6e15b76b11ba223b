/** The table of connections, each with its subflows: the busiest first, unless a reader sorts it. */
import type { JSX } from 'preact';
import {
  formatCount,
  formatDuration,
  formatRate,
  formatShare,
  formatSize,
  MILLISECOND,
} from '../../src/base/index.js';
import {
  connectionKey,
  type MachineConnection,
  type MachineSubflow,
  resentBytes,
  rowsOf,
  type SeenFor,
  shareOf,
  type SortKey,
} from '../../src/lab/index.js';
import type { PageFigureData } from '../../src/plot/index.js';
import type { LivePicture } from '../protocol/live.js';
import { shownColor } from '../plot/color.js';
import type { LiveSession } from './session.js';

interface Column {
  readonly title: string;
  readonly key?: SortKey;
  readonly isLeft?: true;
}

const columns: readonly Column[] = [
  { title: 'token', key: 'token', isLeft: true },
  { title: 'local', key: 'local', isLeft: true },
  { title: 'remote', key: 'remote', isLeft: true },
  { title: 'state', key: 'state', isLeft: true },
  { title: 'share', isLeft: true },
  { title: 'sending', key: 'sending' },
  { title: 'receiving', key: 'receiving' },
  { title: 'sent', key: 'sent' },
  { title: 'received', key: 'received' },
  { title: 'RTT', key: 'rtt' },
  { title: 'sent again', key: 'resent' },
  { title: 'seen' },
];

/** Connections that are shown before a reader asks for more. */
const FIRST_ROWS = 40;

interface TableProps {
  readonly session: LiveSession;
  readonly picture: LivePicture;
}

export function Connections({ session, picture }: TableProps): JSX.Element {
  const { state } = picture;
  const found = rowsOf(state.connections, session.filter.value, session.order.value);
  const shown = session.showsAll.value ? found : found.slice(0, FIRST_ROWS);
  const seenFor = new Map(state.connections.map((each, i) => [connectionKey(each), picture.seenFor[i]]));
  return (
    <section class="panel" aria-label="Connections">
      <div class="panel-head">
        <h3>Connections</h3>
        <label class="field inline">
          <span>filter</span>
          <input
            type="text"
            placeholder="address, port, token or state"
            maxLength={100}
            value={session.filter.value}
            onInput={(event) => (session.filter.value = event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') session.filter.value = '';
            }}
          />
        </label>
        <span class="soft" data-testid="shown">
          {countText(found.length, state.connections.length, state.moreConnections)}
        </span>
      </div>
      <div class="scroll tall" tabIndex={0} role="region" aria-label="List of connections">
        <table onKeyDown={moveFocus}>
          <Head session={session} />
          {shown.map((connection) => {
            const key = connectionKey(connection);
            return (
              <ConnectionRows
                key={key}
                {...{ session, connection }}
                seen={seenFor.get(key)}
                figure={
                  key === picture.drawn ? picture.figures.find(({ id }) => id === 'subflows') : undefined
                }
              />
            );
          })}
        </table>
        {shown.length === 0 ? <p class="soft none">{noneText(state.connections.length)}</p> : null}
        {found.length > shown.length ? (
          <button type="button" class="more" onClick={() => (session.showsAll.value = true)}>
            Show {formatCount(found.length - shown.length)} more
          </button>
        ) : null}
      </div>
    </section>
  );
}

function countText(shown: number, all: number, more: number): string {
  const ofAll = shown === all ? '' : `${formatCount(shown)} of ${formatCount(all)}`;
  if (more === 0) return ofAll;
  return `${ofAll === '' ? `the ${formatCount(all)} busiest` : ofAll}; ${formatCount(more)} more are not shown`;
}

function noneText(all: number): string {
  return all === 0 ? 'There is no connection of Multipath TCP at present.' : 'No connection fits the filter.';
}

/** Arrows go from one connection to the next. */
function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const buttons = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('tbody button')];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  if (by === undefined || at < 0) return;
  event.preventDefault();
  buttons[Math.min(Math.max(at + by, 0), buttons.length - 1)]?.focus();
}

function Head({ session }: { readonly session: LiveSession }): JSX.Element {
  const { value: order } = session.order;
  /** The first click sorts, the second turns the order around, the third leaves it to the machine. */
  const sort = (key: SortKey): void => {
    if (order?.key !== key) session.order.value = { key, isReversed: false };
    else session.order.value = order.isReversed ? undefined : { key, isReversed: true };
  };
  return (
    <thead>
      <tr>
        {columns.map(({ title, key, isLeft }) => {
          const isSorted = key !== undefined && order?.key === key;
          // Words from a, numbers from the largest.
          const isAscending = isSorted && (isLeft === true) !== order.isReversed;
          return (
            <th
              key={title}
              scope="col"
              class={isLeft === true ? 'left' : ''}
              aria-sort={isSorted ? (isAscending ? 'ascending' : 'descending') : undefined}
            >
              {key === undefined ? (
                title
              ) : (
                <button type="button" class="sort" onClick={() => sort(key)}>
                  {title}
                  <span aria-hidden="true">{isSorted ? (isAscending ? ' ▴' : ' ▾') : ''}</span>
                </button>
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

interface RowProps {
  readonly session: LiveSession;
  readonly connection: MachineConnection;
  readonly seen: SeenFor | undefined;
  /** What its subflows are drawn in, where they are. */
  readonly figure: PageFigureData | undefined;
}

function ConnectionRows({ session, connection, seen, figure }: RowProps): JSX.Element {
  const { token, local, remote, subflows } = connection;
  const key = connectionKey(connection);
  const resent = resentBytes(connection);
  return (
    <tbody class={figure === undefined ? '' : 'chosen'} data-token={token}>
      <tr class="connection" onClick={() => session.choose(key)}>
        <td>
          <button
            type="button"
            class="link mono"
            aria-pressed={session.chosen.value === key}
            aria-label={`Connection ${token}`}
          >
            {token}
          </button>
        </td>
        <td class="left mono">{local}</td>
        <td class="left mono">{remote}</td>
        <td class="left">
          <Notes connection={connection} />
        </td>
        <td class="left">{subflowText(connection)}</td>
        <TrafficCells traffic={connection} />
        <td />
        <td>{resent === 0 ? '' : formatSize(resent)}</td>
        <td>{seen === undefined ? '' : seenText(seen)}</td>
      </tr>
      {subflows.map((subflow) => (
        <SubflowRow
          key={`${subflow.local} ${subflow.remote}`}
          subflow={subflow}
          color={colorOf(figure, `${subflow.local} to ${subflow.remote}`)}
        />
      ))}
    </tbody>
  );
}

function Notes({ connection }: { readonly connection: MachineConnection }): JSX.Element {
  const { state, fallback, checksum } = connection;
  return (
    <>
      {state}
      {fallback ? <b class="warning"> fell back</b> : null}
      {checksum ? <span class="soft"> checksum</span> : null}
    </>
  );
}

/** What the rows below do not say. */
function subflowText({ subflows, subflowCount }: MachineConnection): string {
  const count = Math.max(subflows.length, subflowCount ?? 0);
  if (subflows.length === 0) return count > 0 ? `${count} subflows` : '';
  return count > subflows.length ? `${subflows.length} of ${count}` : '';
}

/** In whole seconds: it is looked at no more often. */
function seenText({ ms, isLeast }: SeenFor): string {
  const seconds = Math.round(ms / 1000);
  const text =
    seconds < 120
      ? `${seconds} s`
      : seconds < 7200
        ? `${Math.floor(seconds / 60)} min`
        : `${Math.floor(seconds / 3600)} h`;
  return isLeast ? `> ${text}` : text;
}

function SubflowRow({
  subflow,
  color,
}: {
  readonly subflow: MachineSubflow;
  readonly color: string | undefined;
}): JSX.Element {
  const { local, remote, state, joined, backup, localId, remoteId, rttMs, retransmittedBytes } = subflow;
  const share = shareOf(subflow);
  return (
    <tr class="subflow">
      <td class="soft">{joined ? `joined ${localId}→${remoteId}` : 'first'}</td>
      <td class="left mono">{local}</td>
      <td class="left mono">{remote}</td>
      <td class="left">
        {state}
        {backup === 'none' ? null : <b class="backup"> backup ({backup})</b>}
      </td>
      <td class="left">
        <span class="share">
          <span class="share-bar" aria-hidden="true">
            <span style={{ width: `${Math.round(share * 100)}%`, ...(color && { background: color }) }} />
          </span>
          {formatShare(share)}
        </span>
      </td>
      <TrafficCells traffic={subflow} />
      <td>{formatDuration(rttMs * MILLISECOND)}</td>
      <td>{retransmittedBytes === 0 ? '' : formatSize(retransmittedBytes)}</td>
      <td />
    </tr>
  );
}

function TrafficCells({ traffic }: { readonly traffic: MachineConnection | MachineSubflow }): JSX.Element {
  const { sendRateBps, receiveRateBps, sentBytes, receivedBytes } = traffic;
  return (
    <>
      <td>{rateText(sendRateBps)}</td>
      <td>{rateText(receiveRateBps)}</td>
      <td>{formatSize(sentBytes)}</td>
      <td>{formatSize(receivedBytes)}</td>
    </>
  );
}

export function rateText(bps: number | null): string {
  return bps === null ? '–' : formatRate(bps);
}

/** The colour of a series, so that the row is its legend. */
function colorOf(figure: PageFigureData | undefined, name: string): string | undefined {
  const series = figure?.series.find((each) => each.name === name);
  return series && shownColor(series);
}
