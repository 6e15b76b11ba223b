/**
 * One client of a proxy: what it says is for its {@link Dialogue}, what it wants for the {@link Upstream}; this does what they
 * say, in time. Read first: relay/client-session.ts.
 */
import { isMultipath } from '../../linux/index.js';
import { formatEndpoint, type IpAddress } from '../../wire/index.js';
import { netError } from '../net-error.js';
import { ClientSession, type Place, type RelaySocket } from '../relay/index.js';
import type { Dialogue, DialogueStep, Wanted } from './dialogue.js';
import { localEndpoint } from './direct-upstream.js';
import { failureOf } from './failure.js';
import type { ProxyContext } from './proxy-context.js';
import { ProxyError } from '../tunnel/proxy-error.js';
import { UdpAssociation } from './udp-association.js';
import type { OpenedConnection } from './upstream.js';

/** See the module. */
export class ProxySession extends ClientSession {
  private readonly context: ProxyContext;
  private readonly dialogue: Dialogue;
  /** Datagrams that are relayed for it. */
  private association: UdpAssociation | undefined = undefined;
  private idleTimer: NodeJS.Timeout | undefined = undefined;
  /** Gives up what is being opened. */
  private readonly controller = new AbortController();

  constructor(
    context: ProxyContext,
    client: RelaySocket,
    address: IpAddress,
    place: Place,
    dialogue: Dialogue,
  ) {
    super(context, client, address, place);
    this.context = context;
    this.dialogue = dialogue;
  }

  /** Begins to read. */
  begin(): void {
    this.startTimer(this.context.times.requestMs, () => this.abort('request-timeout'));
    if (this.carryOut(this.dialogue.begin())) this.client.resume();
  }

  override onEnd(): void {
    // RFC 1928 §6: datagrams are relayed for as long as the connection is there.
    if (this.association === undefined) {
      super.onEnd();
      return;
    }
    this.giveUp();
    this.end();
  }

  onBytes(bytes: Uint8Array): boolean {
    // Beside datagrams the connection has nothing to say: only that it is there.
    if (this.phase !== 'asking') return this.phase === 'answered' || this.association !== undefined;
    return this.carryOut(this.dialogue.read(bytes));
  }

  protected override giveUp(): void {
    this.controller.abort(netError('ECANCELED', 'connect'));
    clearInterval(this.idleTimer);
    this.association?.close();
    if (this.association !== undefined) Object.assign(this.record, this.association.counts);
  }

  /** Does what the dialogue says; whether more is to be read. */
  private carryOut(step: DialogueStep): boolean {
    const { protocol } = this.dialogue;
    if (protocol !== undefined) this.record['protocol'] = protocol;
    switch (step.act) {
      case 'wait':
        if (step.send !== undefined) this.client.write(step.send);
        return true;
      case 'authenticate':
        if (step.send !== undefined) this.client.write(step.send);
        this.authenticate(step.user, step.password);
        return false;
      case 'open':
        if (step.send !== undefined) this.client.write(step.send);
        void this.open(step);
        return false;
      case 'associate':
        if (step.send !== undefined) this.client.write(step.send);
        void this.associate(step.port);
        return false;
      case 'end':
        this.end(step.send, step.error);
        return true;
      case 'reset':
        this.record['error'] = step.error;
        this.abort(step.error);
        return false;
    }
  }

  private end(bytes: Uint8Array = new Uint8Array(0), error?: string): void {
    if (error === undefined) this.outcome = 'ended';
    else this.record['error'] = error;
    this.answer(bytes);
  }

  private authenticate(user: Uint8Array, password: Uint8Array): void {
    const authenticate = this.context.authenticate();
    // Users may have been taken away since they were asked for: nobody is known then.
    const verdict = authenticate?.(this.address.toString(), user, password) ?? Promise.resolve(false);
    // Whoever could not be looked at is not let in; the others are served on.
    const settled = verdict.catch(() => false);
    void settled.then((isWelcome) => {
      if (this.phase !== 'asking') return;
      if (isWelcome) this.record['user'] = Buffer.from(user).toString('utf8');
      if (this.carryOut(this.dialogue.authenticated(isWelcome))) this.client.resume();
    });
  }

  private async open(wanted: Wanted): Promise<void> {
    const { host, port } = wanted;
    const { context, controller } = this;
    this.phase = 'opening';
    this.record['server'] =
      typeof host === 'string' ? `${host}:${port}` : formatEndpoint({ address: host, port });
    const signal = controller.signal;
    this.startTimer(context.times.connectMs, () => controller.abort(netError('ETIMEDOUT', 'connect')));
    const client = { address: this.address, port: this.client.remotePort };
    try {
      const connection = await context.upstream().open({ ...wanted, client, rules: context.rules(), signal });
      this.relay(connection, wanted.early);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  /** Relays datagrams until the connection ends, or none has come for as long as a connection may be idle. */
  private async associate(port: number): Promise<void> {
    const { context, client, address, dialogue } = this;
    this.phase = 'opening';
    const local = client.fd === undefined ? undefined : localEndpoint(client.fd)?.address;
    const upstream = context.upstream();
    if (!upstream.isDirect || local === undefined) {
      this.fail(new ProxyError('ERR_SUBFLOW_PROXY_UNSUPPORTED', 'no datagrams here'), 'unsupported');
      return;
    }
    let isQuiet = false;
    const options = { client: address, local, port, lookup: upstream.lookup };
    try {
      const opened = await UdpAssociation.open({
        ...{ ...options, rules: () => context.rules() },
        onActivity: () => (isQuiet = false),
      });
      if (this.phase !== 'opening') {
        opened.association.close();
        return;
      }
      this.association = opened.association;
      this.stopTimer();
      this.settle();
      client.write(dialogue.associated(opened.at.address, opened.at.port));
      client.resume();
      context.log('associated', { ...this.record });
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    this.idleTimer = setInterval(() => {
      if (isQuiet) this.abort('idle');
      isQuiet = true;
    }, context.relays.idleMs / 2);
  }

  private relay(connection: OpenedConnection, early: Uint8Array): void {
    const { end, earlyBytes, received, way } = connection;
    // The client went away in the meantime.
    if (this.phase !== 'opening') {
      end.reset();
      return;
    }
    this.record['way'] = way;
    const { fd } = this.client;
    const answer = this.dialogue.opened(connection, fd !== undefined && isMultipath(fd));
    this.relayTo(end, answer, early.subarray(earlyBytes), received);
  }

  private fail(error: Error, failure = failureOf(error)): void {
    if (this.phase !== 'opening') return;
    this.record['error'] = failure;
    this.record['reason'] = (error as NodeJS.ErrnoException).code ?? error.message;
    this.answer(this.dialogue.failed(failure));
  }
}
