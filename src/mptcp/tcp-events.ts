/** What the events of a subflow's TCP connection mean to the connection. */
import type { TcpEvent } from '../tcp/index.js';
import { checkFinished, errorFor, fail } from './close.js';
import type { ConnectionCore } from './core.js';
import { noteStreamEnd } from './fallback.js';
import { settleFastOpen } from './fast-open.js';
import { noteStall, reinjectUnacked } from './send-recovery.js';
import type { Subflow } from './subflow.js';
import { closeSubflow, endSubflow } from './subflow-end.js';

/** Deals with everything that the TCP connection of `subflow` has to say. */
export function handleTcpEvents(core: ConnectionCore, now: number, subflow: Subflow): void {
  const { tcp } = subflow;
  for (let event = tcp.pollEvent(); event !== undefined; event = tcp.pollEvent()) {
    handleTcpEvent(core, now, subflow, event);
  }
}

/** Deals with one event of the TCP connection of `subflow`. */
export function handleTcpEvent(core: ConnectionCore, now: number, subflow: Subflow, event: TcpEvent): void {
  switch (event.type) {
    case 'established':
      handleEstablished(core, now, subflow);
      break;
    case 'peer-fin':
      handlePeerFin(core, now, subflow);
      break;
    case 'timeout':
      subflow.timeouts = event.count;
      if (subflow.state === 'active' || subflow.state === 'closing') reinjectUnacked(core, subflow);
      noteStall(core, subflow);
      break;
    case 'time-wait':
      endSubflow(core, now, subflow, 'normal');
      break;
    case 'closed':
      endSubflow(core, now, subflow, event.reason);
      checkFinished(core, now);
      if (subflow.isInitial && (core.phase === 'handshake' || core.isFallback))
        fail(core, now, errorFor(event.reason));
      break;
  }
}

/** TCP's handshake is through: the initial subflow carries data now, a join still has to prove itself. */
function handleEstablished(core: ConnectionCore, now: number, subflow: Subflow): void {
  core.hasWindowMoved = true;
  if (!core.isClient && subflow.isInitial) settleFastOpen(core);
  if (subflow.state !== 'opening') return;
  if (subflow.join !== undefined) subflow.state = 'joining';
  else openInitial(core, now, subflow);
}

/** The initial subflow carries data from now on, and with it the connection is open. */
export function openInitial(core: ConnectionCore, now: number, subflow: Subflow): void {
  const { tcp } = subflow;
  subflow.state = 'active';
  subflow.wasOpened = true;
  core.phase = 'open';
  // Until the first DATA_ACK the peer's window counts from the first byte (RFC 8684 §3.3.5).
  core.sender.windowEdge = Math.max(
    core.sender.windowEdge,
    core.sender.una + tcp.peerWindowEdge - tcp.sndUna,
  );
  core.dataProgressAt = now;
  core.maySchedule = true;
  core.tell({
    type: 'established',
    fallback: core.isFallback,
    version: core.isFallback ? undefined : core.rules.number,
  });
  core.tell({ type: 'subflow-opened', subflow });
}

/**
 * The peer sends no more on this subflow. In plain TCP that is the end of its stream. Otherwise it says nothing of the
 * stream (RFC 8684 §3.3.3), only that the peer is done with the subflow; what it has not acknowledged goes over others,
 * the ones to come included.
 */
function handlePeerFin(core: ConnectionCore, now: number, subflow: Subflow): void {
  if (core.isFallback) noteStreamEnd(core, subflow);
  else closeSubflow(core, now, subflow);
}
