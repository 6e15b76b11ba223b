/** Sums of all connections, the commands that run, and what happened. */
import type { JSX } from 'preact';
import { formatCount } from '../../src/base/index.js';
import type { MachineEvent, MachineService, MachineState } from '../../src/lab/index.js';
import { Fact } from '../fact.js';
import { rateText } from './connections.js';
import type { LiveSession } from './session.js';

export function Facts({
  session,
  state,
}: {
  readonly session: LiveSession;
  readonly state: MachineState;
}): JSX.Element {
  const { totals, atMs } = state;
  const counts = [
    ['connections', totals.connections],
    ['subflows', totals.subflows],
    ['backups', totals.backups],
    ['fell back', totals.fallenBack],
    ['plain TCP', totals.plain],
    ['listeners', totals.listeners],
  ] as const;
  return (
    <section class="panel machine" aria-label="This machine">
      <dl class="facts">
        {counts.map(([name, count]) => (
          <Fact key={name} name={name} value={formatCount(count)} />
        ))}
        <Fact name="sending" value={rateText(totals.sendRateBps)} />
        <Fact name="receiving" value={rateText(totals.receiveRateBps)} />
        <Fact name="looked at" value={clockText(atMs)} />
      </dl>
      <button
        type="button"
        aria-pressed={session.isHeld.value}
        onClick={() => session.hold(!session.isHeld.value)}
      >
        {session.isHeld.value ? 'Go on' : 'Hold'}
      </button>
    </section>
  );
}

export function Services({ services }: { readonly services: readonly MachineService[] }): JSX.Element {
  return (
    <section class="panel" aria-label="Services">
      <h3>Services</h3>
      {services.length === 0 ? (
        <p class="soft">
          No proxy, converter, balancer or other command of Subflow that this user may see runs here.
        </p>
      ) : null}
      <ul class="services">
        {services.map((service) => (
          <li key={service.pid}>
            <Service service={service} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Service({ service }: { readonly service: MachineService }): JSX.Element {
  const { command, pid, uid, isHealthy, said, load, metrics, startedAtMs } = service;
  return (
    <>
      <p>
        <b>{command}</b>{' '}
        <span class={isHealthy === true ? '' : 'warning'}>
          {isHealthy === true ? said : `not well: ${said}`}
        </span>
        <span class="soft process">
          process {pid}, user {uid}, since {dateText(startedAtMs)}
        </span>
      </p>
      {load.length === 0 ? null : (
        <dl class="load">
          {load.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {metrics.length === 0 ? null : (
        <details>
          <summary>{formatCount(metrics.length)} metrics</summary>
          <pre tabIndex={0}>{metrics.join('\n')}</pre>
        </details>
      )}
    </>
  );
}

/** Events that something did not go as it was meant to. */
function isWarning({ type, said }: MachineEvent): boolean {
  return type === 'fell-back' || type === 'counted' || /error|reset/.test(said);
}

export function Events({ session }: { readonly session: LiveSession }): JSX.Element {
  const { value: events } = session.events;
  const { value: lost } = session.lostEvents;
  return (
    <section class="panel" aria-label="Events">
      <h3>Events</h3>
      {lost === 0 ? null : <p class="warning">{formatCount(lost)} or more are lost: too much at once.</p>}
      {events.length === 0 ? <p class="soft">Nothing has happened yet.</p> : null}
      <div class="scroll tall" tabIndex={0} role="region" aria-label="List of events">
        <table>
          <tbody>
            {events.map((event) => (
              <tr key={event.number} class={isWarning(event) ? 'warned' : ''}>
                <td class="soft">{clockText(event.atMs)}</td>
                <td class="left mono">{event.token}</td>
                <td class="left">{event.type.replaceAll('-', ' ')}</td>
                <td class="left mono wrap">{event.said}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The time of the day here, as every country reads it. */
function clockText(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => `${part}`.padStart(2, '0'))
    .join(':');
}

function dateText(atMs: number): string {
  const at = new Date(atMs);
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => `${part}`.padStart(2, '0'));
  return `${day.join('-')} ${clockText(atMs).slice(0, 5)}`;
}
