import { once } from 'node:events';
import { closeSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { mayCreateNamespaces, mayUseXdp } from '../capabilities.js';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOL_SOCKET } from '../constants.js';
import { bind, connect, setsockopt, socket } from '../libc.js';
import { NetworkNamespace } from '../namespace.js';
import { encodeSocketAddress } from '../socket-address.js';
import { BpfObject, readPackagedObject } from './bpf-object.js';
import { BpfProgram } from './bpf-program.js';
import { passEverything } from './object-file.js';
import { XdpLink, type XdpMode } from './xdp-link.js';

const SO_NO_CHECK = 11;

describeWith('an XDP program on an interface', [mayCreateNamespaces(), mayUseXdp()], () => {
  let near: NetworkNamespace;
  let far: NetworkNamespace;
  let swap: BpfProgram;
  let pass: BpfProgram;
  let peerLink: XdpLink;

  beforeAll(() => {
    near = NetworkNamespace.create('near');
    far = NetworkNamespace.create('far');
    near.connectTo(far, 'veth0', 'veth0');
    near.ip('address add 10.9.0.1/24 dev veth0');
    far.ip('address add 10.9.0.2/24 dev veth0');
    const object = new BpfObject(readPackagedObject('swap'));
    swap = object.load('swap');
    pass = BpfProgram.load(passEverything, new Map(), '');
    object.close();
    // What a veth sends back from its driver, its peer takes only when it has a program too.
    peerLink = XdpLink.attach(pass, { device: 'veth0', mode: 'native', namespace: near });
  });
  afterAll(() => {
    peerLink.close();
    swap.close();
    pass.close();
    near.close();
    far.close();
  });

  const attached = (): boolean => /\bxdp/.test(far.ip('link show dev veth0'));

  /** A datagram socket of `near` whose datagrams come back when their addresses are swapped on the way. */
  function mirrorSocket(): number {
    const fd = near.run(() => socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // A checksum that the kernel leaves to the interface would be missing when the program turns the packet round.
    setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, 1);
    bind(fd, encodeSocketAddress('10.9.0.1', 700));
    connect(fd, encodeSocketAddress('10.9.0.2', 700));
    return fd;
  }

  /** The numbers in the datagrams that wait. */
  function received(fd: number): number[] {
    const numbers: number[] = [];
    const room = Buffer.alloc(64);
    for (;;) {
      try {
        if (readSync(fd, room) < 4) return numbers;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return numbers;
        throw error;
      }
      numbers.push(room.readUInt32LE());
    }
  }

  it.each<XdpMode>(['native', 'generic'])(
    'meets every packet until it is detached, in %s mode',
    async (mode) => {
      const link = XdpLink.attach(swap, { device: 'veth0', mode, namespace: far });
      expect(attached()).toBe(true);
      const fd = mirrorSocket();
      writeSync(fd, Buffer.alloc(64, 7));
      const back: number[] = [];
      await vi.waitUntil(() => back.push(...received(fd)) > 0);
      expect(back).toEqual([0x07070707]);
      closeSync(fd);
      link.close();
      expect(attached()).toBe(false);
    },
  );

  it('gives way to another in one step: of 3,000 packets under 300 changes none is lost', async () => {
    const object = new BpfObject(readPackagedObject('swap'));
    const others = [swap, object.load('swap')] as const;
    const link = XdpLink.attach(swap, { device: 'veth0', mode: 'native', namespace: far });
    const fd = mirrorSocket();
    const back = new Set<number>();
    const payload = Buffer.alloc(64);
    for (let i = 0; i < 3000; i++) {
      payload.writeUInt32LE(i);
      writeSync(fd, payload);
      if (i % 10 === 0) link.replace(others[(i / 10) % 2]!);
      for (const number of received(fd)) back.add(number);
      if (i % 50 === 0) await setImmediate();
    }
    await vi.waitUntil(() => {
      for (const number of received(fd)) back.add(number);
      return back.size === 3000;
    });
    expect(back.size).toBe(3000);
    closeSync(fd);
    link.close();
    others[1].close();
    object.close();
    expect(() => link.replace(swap)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_CLOSED' }));
  });

  it('is detached when its process is killed', async () => {
    const library = join(import.meta.dirname, '../../../dist/linux/index.js');
    const code = `
      const { BpfProgram, XdpLink, passEverything } = await import(${JSON.stringify(library)});
      const program = BpfProgram.load(passEverything, new Map(), '');
      globalThis.link = XdpLink.attach(program, { device: 'veth0', mode: 'native' });
      console.log('attached');
      setInterval(() => undefined, 1000);`;
    const child = far.spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')]);
    expect(attached()).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await vi.waitUntil(() => !attached());
    expect(attached()).toBe(false);
  });

  it('says what is wrong: no such interface, another program there', () => {
    const attach = (device: string): XdpLink =>
      XdpLink.attach(pass, { device, mode: 'native', namespace: far });
    expect(() => attach('veth9')).toThrow(expect.objectContaining({ code: 'ENODEV' }));
    const link = attach('veth0');
    expect(() => attach('veth0')).toThrow(
      expect.objectContaining({ code: 'EBUSY', hint: expect.stringContaining('ip link') as string }),
    );
    link.close();
  });
});
