/** What the machine has, asked of a namespace's kernel; and connections to servers with and without Multipath TCP. */
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, listenKernel, mayCreateNamespaces, NetworkNamespace } from '../../linux/index.js';
import { resolveTarget } from '../target.js';
import { checkMachine, type MachineReport } from './machine.js';
import { checkServer } from './server.js';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

function namespace(): NetworkNamespace {
  const one = NetworkNamespace.create('checked');
  cleanUps.push(() => one.close());
  return one;
}

const good = ({ answers }: MachineReport): Record<string, boolean> =>
  Object.fromEntries(answers.map(({ name, isGood }) => [name, isGood]));

describeWith('a check of the machine', [kernelMptcp(), mayCreateNamespaces()], () => {
  it('reads limits and endpoints of the kernel', () => {
    const checked = namespace();
    checked.ip(
      'address add 10.9.0.1/24 dev lo',
      'address add fd09::1/64 dev lo',
      'mptcp limits set subflows 3 add_addr_accepted 5',
      'mptcp endpoint add 10.9.0.1 id 7 subflow backup',
      'mptcp endpoint add fd09::1 id 8 signal',
    );
    const report = checked.run(checkMachine);
    expect(report.limits).toEqual({ subflows: 3, addAddrAccepted: 5 });
    const anywhere = { port: 0, interfaceIndex: 0 };
    expect(report.endpoints).toEqual([
      { id: 7, address: '10.9.0.1', flags: ['subflow', 'backup'], ...anywhere },
      { id: 8, address: 'fd09::1', flags: ['signal'], ...anywhere },
    ]);
    expect(good(report)).toEqual({
      ...{ kernel: true, subflows: true, announcements: true },
      ...{ endpoints: true, applications: false },
    });
  });

  it('says what to do where Multipath TCP is off', () => {
    const checked = namespace();
    checked.sysctl('net.mptcp.enabled', 0);
    const { answers } = checked.run(checkMachine);
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({ name: 'kernel', isGood: false, isNeeded: true });
    expect(answers[0]!.advice).toContain('net.mptcp.enabled=1');
  });

  it('names the program that has a Multipath TCP socket', async () => {
    const checked = namespace();
    const server = net.createServer();
    cleanUps.push(() => server.close());
    server.listen({ fd: listenKernel({ address: '127.0.0.1', port: 8080, namespace: checked }) });
    const { applications } = checked.run(checkMachine);
    expect(applications).toMatchObject([{ isListener: true, local: '127.0.0.1:8080' }]);
    expect(applications[0]!.owners.map(({ pid }) => pid)).toContain(process.pid);
  });
});

describeWith('a check of a server', [kernelMptcp()], () => {
  async function serve(protocol: 'mptcp' | 'tcp'): Promise<number> {
    const server = net.createServer((socket) => socket.on('error', () => undefined).resume());
    cleanUps.push(() => server.close());
    server.listen({ fd: listenKernel({ address: '127.0.0.1', port: 0, protocol }) });
    await new Promise((resolve) => server.once('listening', resolve));
    return (server.address() as AddressInfo).port;
  }

  it.each([
    ['mptcp', true],
    ['tcp', false],
  ] as const)('of %s says whether a connection is Multipath TCP', async (protocol, isMultipath) => {
    const port = await serve(protocol);
    const report = await checkServer(await resolveTarget({ host: '127.0.0.1', port }, 0));
    expect(report).toMatchObject({ isConnected: true, isMultipath });
    expect(report.advice === '').toBe(isMultipath);
  });

  it('that is not there says so', async () => {
    const report = await checkServer(await resolveTarget({ host: '127.0.0.1', port: 1 }, 0));
    expect(report).toMatchObject({ isConnected: false, isMultipath: false });
    expect(report.sentence).toContain('ECONNREFUSED');
  });
});
