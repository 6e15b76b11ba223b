/** The data path in user space between Linux hosts: real clients, real servers, and threads. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type DesignName, type TokenEntry, verdictReasonNames } from '../../src/balancer/index.js';
import { kernelMptcp, mayCreateNamespaces, mayUseXdp } from '../../src/linux/index.js';
import { IpAddress } from '../../src/wire/index.js';
import { type LabConnection, serviceAddress, UserPathLab } from '../support/user-path-lab.js';
import { describeWith } from '../support/with-rights.js';

const connections = 16;
/** Others may use the machine too. */
const patience = { timeout: 20_000 };

describeWith('the data path in user space', [mayCreateNamespaces(), mayUseXdp(), kernelMptcp()], () => {
  let lab: UserPathLab;

  beforeEach(() => {
    lab = new UserPathLab(3);
  });
  afterEach(async () => {
    await lab.close();
  });

  async function connectAll(count = connections): Promise<LabConnection[]> {
    const made: LabConnection[] = [];
    for (let i = 0; i < count; i++) made.push(await lab.connect());
    return made;
  }

  it.each([
    'stateful',
    'stateless',
    'maglev',
    'token-map',
    'direct-address',
    'beamer',
  ] satisfies DesignName[])(
    'carries connections of Linux to servers that run Linux with %s',
    async (design) => {
      const path = await lab.open(design, lab.specs(3));
      const all = await connectAll();
      expect(new Set(all.map(({ server }) => server)).size).toBeGreaterThan(1);
      await Promise.all(all.map((each) => lab.echo(each, 20_000)));
      await vi.waitFor(async () => {
        const { reasons, forwardedByServer, more } = await path.counters();
        const forwarded = Object.values(forwardedByServer!).reduce((sum, each) => sum + each, 0);
        expect(forwarded).toBe(reasons['none']);
        expect(reasons['none']).toBeGreaterThan(connections * 5);
        // The kernel of the client leaves all checksums to its interface, which is none.
        expect(more['checksumsFinished']).toBeGreaterThan(0);
        expect(more['noRoute']! + more['tooLong']!).toBe(0);
      }, patience);
      expect(Object.keys((await path.counters()).reasons)).toEqual([...verdictReasonNames]);
    },
  );

  it('brings every join to its server with token-map, whichever thread learned the token', async () => {
    const path = await lab.open('token-map', lab.specs(3), { workers: 2 });
    const all = await connectAll();
    await vi.waitFor(() => expect(all.map((each) => lab.joined(each))).toEqual(all.map(() => 1)), patience);
    // A thread tells what it learned at the end of a batch, behind the packets that it moved.
    const learned: TokenEntry[] = [];
    await vi.waitFor(async () => {
      learned.push(...(await path.takeLearnedTokens()));
      expect(learned).toHaveLength(connections);
    }, patience);
    expect(await path.takeLearnedTokens()).toEqual([]);
    // One that overtakes its token is dropped, and comes again. Threads count each for itself.
    await vi.waitFor(
      async () => expect((await path.counters()).joins).toBeGreaterThanOrEqual(connections),
      patience,
    );
    const { joinsByChance, more } = await path.counters();
    expect({ joinsByChance, tokens: more['tokensLearned'], missed: more['tokensMissed'] }).toEqual({
      ...{ joinsByChance: 0, tokens: connections, missed: 0 },
    });
  });

  it('knows the tokens that other balancers learned', async () => {
    const path = await lab.open('token-map', lab.specs(3));
    await path.importTokens([{ token: 0xfeed_beef, version: 1, server: 2 }]);
    await vi.waitFor(async () => expect((await path.counters()).entries).toBe(1), patience);
    expect((await path.counters()).more['tokensLearned']).toBe(1);
    expect(await path.takeLearnedTokens()).toEqual([]);
  });

  it('carries joins past itself with direct-address, to addresses that servers announce', async () => {
    await lab.close();
    lab = new UserPathLab(3, false);
    const path = await lab.open('direct-address', lab.specs(3));
    const all = await connectAll(6);
    await vi.waitFor(() => {
      for (const each of all) expect(lab.joined(each)).toBeGreaterThanOrEqual(1);
    }, patience);
    expect((await path.counters()).joinsByChance).toBe(0);
  });

  it('takes generations while connections go on', async () => {
    const path = await lab.open('stateful', lab.specs(1));
    const first = await connectAll(4);
    expect(first.map(({ server }) => server)).toEqual([1, 1, 1, 1]);
    await path.apply(lab.generation(lab.specs(2, { 1: { state: 'draining' } })));
    const second = await connectAll(4);
    expect(second.map(({ server }) => server)).toEqual([2, 2, 2, 2]);
    await Promise.all([...first, ...second].map((each) => lab.echo(each, 5000)));
  });

  it('refuses a generation that makes no sense, and keeps the one before', async () => {
    const path = await lab.open('key-select', lab.specs(1), { settings: { serverBits: 2 } });
    const tooHigh = [{ id: 9, address: IpAddress.parse('10.2.2.2')! }];
    await expect(path.apply(lab.generation(tooHigh))).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_BAD_SERVER',
    });
    expect((await lab.connect()).server).toBe(1);
  });

  it('answers what nobody takes by resets, so many a second and no more (RFC 9293 §3.10.7.1)', async () => {
    const path = await lab.open('maglev', lab.specs(1), { answersPerSecond: 20 });
    await expect(lab.connect(81)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await path.apply(lab.generation(lab.specs(1, { 1: { state: 'gone' } })));
    await expect(lab.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const attempts = Array.from({ length: 30 }, () => lab.connect(81).catch((error: unknown) => error));
    await vi.waitFor(async () => {
      const { more, reasons } = await path.counters();
      expect(more['resetsWithheld']).toBeGreaterThan(0);
      expect(more['resetsSent']! + more['resetsWithheld']!).toBe(
        reasons['no-service']! + reasons['no-server']!,
      );
    }, patience);
    void Promise.all(attempts);
  });

  it('tells senders what fits where there is no room for another header (RFC 1191 §4)', async () => {
    await lab.close();
    lab = new UserPathLab(1, true, 1500);
    const path = await lab.open('beamer', lab.specs(1));
    await lab.echo(await lab.connect(), 50_000);
    // Threads show what they counted between batches: on a busy machine the echo may be here first.
    await vi.waitFor(
      async () => expect((await path.counters()).more['tooLong']).toBeGreaterThan(0),
      patience,
    );
  });

  it('keeps the kernel of its machine from answering for the service', async () => {
    // With the service's address of its own it would.
    lab.middle.ip(`address add ${serviceAddress}/32 dev lo`);
    const path = await lab.open('maglev', lab.specs(2));
    lab.connect().catch(() => undefined);
    await vi.waitFor(
      async () => expect((await path.counters()).reasons['none']).toBeGreaterThan(0),
      patience,
    );
    expect(lab.middle.counters().get('TcpInSegs')).toBe(0);
  });

  it('ends, and says so, when an interface goes away', async () => {
    const path = await lab.open('maglev', lab.specs(1));
    lab.middle.ip('link delete b1');
    expect(await path.failed).toMatchObject({ code: 'ERR_SUBFLOW_PATH_FAILED' });
    expect(lab.middle.ip('link show dev b0')).not.toMatch(/\bxdp/);
    await expect(path.apply(lab.generation(lab.specs(2)))).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_CLOSED',
    });
  });

  it('leaves nothing behind, and can be had again', async () => {
    for (let round = 0; round < 3; round++) {
      const path = await lab.open('beamer', lab.specs(3), { workers: 2 });
      expect(lab.middle.ip('link show dev b0')).toMatch(/\bxdp/);
      await lab.connect();
      await path.close();
      await path.close();
      expect(lab.middle.ip('link show dev b0')).not.toMatch(/\bxdp/);
    }
  });

  it('says what cannot be had, and leaves nothing of it', async () => {
    const specs = lab.specs(1);
    await expect(lab.open('maglev', specs, { interfaces: ['nowhere'] })).rejects.toMatchObject({
      code: 'ENODEV',
    });
    await expect(lab.open('maglev', specs, { interfaces: ['b0', 'lo'] })).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_LINK_TYPE',
    });
    await expect(lab.open('maglev', specs, { workers: 65 })).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_BAD_SETTING',
    });
    await lab.open('maglev', specs);
    await expect(lab.open('maglev', specs)).rejects.toMatchObject({ code: 'EBUSY' });
    expect((await lab.connect()).server).toBe(1);
  });

  it('leaves nothing behind when its process is killed', async () => {
    const module = join(import.meta.dirname, '../../dist/node/balancer/user-path.js');
    const wire = join(import.meta.dirname, '../../dist/wire/index.js');
    const script = `
      const { userPath } = await import(${JSON.stringify(module)});
      const { IpAddress } = await import(${JSON.stringify(wire)});
      const generation = { number: 1, atNs: 1, reason: '', servers: [{ id: 1, address: IpAddress.parse('10.2.1.2') }] };
      const services = [{ address: IpAddress.parse('${serviceAddress}'), port: 80 }];
      await userPath({ design: 'maglev', services, start: { generation }, interfaces: ['b0'] });
      console.log('at work');`;
    const child = lab.middle.run(() =>
      spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    await once(child.stdout, 'data');
    expect(lab.middle.ip('link show dev b0')).toMatch(/\bxdp/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await vi.waitFor(() => expect(lab.middle.ip('link show dev b0')).not.toMatch(/\bxdp/), patience);
  });
});
