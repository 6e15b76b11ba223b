/**
 * How a path stands: killed, faded, or with what the radio leaves of it where the phone is. Owns what incidents make of the
 * options of its link, and what the client's system tells its stack of that: a phone knows that its association has ended,
 * and nobody is told of a path that was killed.
 */
import { NEVER } from '../base/index.js';
import {
  type EventItem,
  type Host,
  type Link,
  type LinkOptions,
  type RadioConditions,
  randomLoss,
  type Simulator,
  WifiAssociation,
} from '../network/index.js';
import { floorPlan, type Place, type WifiAtPlace, wifiAtPlace } from './floor-plan.js';
import { type Incident, linkKindOf, type PathScenario } from './scenario.js';

/** What a path that fades has left of its rate, and how many of its packets are lost at least. */
const FADED_RATE = 0.1;
const FADED_LOSS = 0.1;
/** Losses of the radio that are rarer are none: they would cost a draw for each packet. */
const LEAST_LOSS = 1e-6;
/**
 * An association changes between two incidents, which are half a nanosecond after a whole one: so it cannot matter for their
 * order when each was asked for.
 */
const AFTER_INCIDENTS_NS = 0.25;

/** Where a condition lives. */
export interface ConditionSite {
  readonly simulator: Simulator;
  readonly client: Host;
  /** The client's interface, and index of the path. */
  readonly index: number;
  readonly link: Link;
}

export class PathCondition implements EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  /** Packets vanish, and nobody is told. */
  isDead = false;
  isFaded = false;
  /** What the Wi-Fi is worth where the phone is; undefined while it was not moved: then the path is as the scenario has it. */
  wifi: WifiAtPlace | undefined = undefined;
  private readonly site: ConditionSite;
  private readonly path: PathScenario;
  private association: WifiAssociation | undefined = undefined;
  private hasAssociation = true;

  constructor(site: ConditionSite, path: PathScenario) {
    this.site = site;
    this.path = path;
  }

  /** Whether the phone has the access point; true while it was not moved. */
  get isAssociated(): boolean {
    return this.hasAssociation;
  }

  happen(now: number, incident: Incident): void {
    if (incident.what === 'place') return this.move(now, incident.place);
    if (incident.what !== 'kill') this.isFaded = incident.what === 'fade';
    this.isDead = incident.what === 'kill';
    this.apply(now);
  }

  /** The association has lasted without a signal, or the signal without one, for as long as it does. */
  handleDue(now: number): void {
    this.look(now);
  }

  private move(now: number, place: Place): void {
    if (this.association === undefined) {
      this.association = new WifiAssociation();
      this.association.take(now, wifiAtPlace(floorPlan.start));
    }
    this.wifi = wifiAtPlace(place);
    this.look(now);
  }

  private look(now: number): void {
    const { association, wifi } = this;
    if (association === undefined || wifi === undefined) return;
    this.hasAssociation = association.take(now, wifi);
    const { simulator } = this.site;
    if (association.changesAt < NEVER) simulator.schedule(this, association.changesAt + AFTER_INCIDENTS_NS);
    else simulator.cancel(this);
    this.apply(now);
    this.tell(now, wifi.downDbm);
  }

  private apply(now: number): void {
    const { forward, backward } = this.site.link;
    const { hasAssociation, isDead, wifi } = this;
    forward.setState(now, isDead || !hasAssociation ? 'blackhole' : 'up');
    // The server is elsewhere: only the phone can lose its carrier.
    backward.setState(now, !hasAssociation ? 'down' : isDead ? 'blackhole' : 'up');
    forward.configure(now, this.optionsWith(wifi?.up));
    backward.configure(now, this.optionsWith(wifi?.down));
  }

  private optionsWith(radio: RadioConditions | undefined): Partial<LinkOptions> {
    const { isFaded, path } = this;
    const rateBps = path.rateBps * (isFaded ? FADED_RATE : 1);
    const own = isFaded ? Math.max(FADED_LOSS, path.loss) : path.loss;
    if (radio === undefined) return { rateBps, loss: randomLoss(own) };
    const radioLoss = radio.loss < LEAST_LOSS ? 0 : radio.loss;
    return {
      rateBps: Math.min(rateBps, radio.rateBps),
      jitterNs: radio.jitterNs,
      loss: randomLoss(1 - (1 - own) * (1 - radioLoss)),
    };
  }

  private tell(now: number, signalDbm: number): void {
    const { client, index } = this.site;
    const kind = linkKindOf(this.path.name);
    const facts = { kind, isMetered: kind === 'cellular', hasCarrier: this.hasAssociation };
    client.stack.setLinkFacts(now, index, { ...facts, signalDbm: Math.round(signalDbm) });
    client.wake(now);
  }
}
