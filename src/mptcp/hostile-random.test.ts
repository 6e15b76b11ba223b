/** A peer that has the right keys and uses them for everything that makes no sense. */
import { expect, it } from 'vitest';
import { MILLISECOND, NEVER, SECOND, SeededRandom, randomBelow } from '../base/index.js';
import { Impostor, impostorKey, ownKey } from '../../test/support/mptcp-impostor.js';
import { IpAddress, TcpFlag, addAddrHmac } from '../wire/index.js';
import type { MptcpOption } from '../wire/index.js';
import { Subflow } from './subflow.js';

/** Most segments that one input may lead to; a connection that sends more than that of itself does not end. */
const MAX_ANSWERS = 2000;

class Attack {
  readonly impostor: Impostor;
  readonly random: SeededRandom;
  private readonly checksum: boolean;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.checksum = seed % 4 === 0;
    this.impostor = new Impostor({
      versions: seed % 3 === 0 ? [0] : [1],
      acceptPriorityForAddress: true,
      checksum: this.checksum,
      maxUnmappedBytes: 20_000,
      receiveBufferBytes: 50_000,
      sendBufferBytes: 50_000,
    });
  }

  private pick<T>(...values: readonly T[]): T {
    return values[randomBelow(this.random, values.length)]!;
  }

  private option(): MptcpOption {
    const { impostor, random } = this;
    const near = (base: number): number =>
      Math.max(0, base + this.pick(0, 0, 0, 1, -1, 10, -10, 1000, randomBelow(random, 200_000), 2 ** 31));
    const { core } = impostor.connection as unknown as {
      core: { receiver: { next: number }; sender: { una: number; nxt: number } };
    };
    const subflow = this.subflow();
    switch (randomBelow(random, 9)) {
      case 0:
      case 1:
      case 2: {
        const mapping = impostor.mapping(
          near(subflow.tcp.rcvNxt) >>> 0,
          near(core.receiver.next),
          this.pick(0, 1, 10, 1000, 65_535),
          {
            dataFin: this.pick(false, false, false, false, true),
            ...(this.checksum === this.pick(true, true, true, false) && {
              checksum: randomBelow(random, 65_536),
            }),
          },
        );
        return mapping;
      }
      case 3:
        return impostor.dataAck(near(this.pick(core.sender.una, core.sender.nxt)));
      case 4: {
        const id = randomBelow(random, 256);
        const address = IpAddress.parse(`10.${randomBelow(random, 3)}.0.${randomBelow(random, 256)}`)!;
        const port = this.pick(0, 80, 1);
        const hmac = addAddrHmac(impostorKey, ownKey, { addressId: id, address, port });
        const echo = this.pick(false, false, true);
        if (this.pick(true, false))
          return { subtype: 'ADD_ADDR', version: 0, echo: false, addressId: id, address };
        return {
          subtype: 'ADD_ADDR',
          version: 1,
          echo,
          addressId: id,
          address,
          ...(!echo && { hmac }),
          ...(port > 0 && { port }),
        };
      }
      case 5:
        return {
          subtype: 'REMOVE_ADDR',
          addressIds: Array.from({ length: 1 + randomBelow(random, 16) }, () => randomBelow(random, 256)),
        };
      case 6:
        return {
          subtype: 'MP_PRIO',
          backup: this.pick(true, false),
          ...(this.pick(true, false) && { addressId: randomBelow(random, 256) }),
        };
      case 7:
        return this.pick<MptcpOption>(
          { subtype: 'MP_FAIL', dataSeq: impostor.peerSeq(near(core.receiver.next)) },
          impostor.dataAck(near(core.sender.nxt)),
          impostor.dataAck(near(core.sender.nxt)),
        );
      default:
        return {
          subtype: 'DSS',
          dataFin: true,
          dataAck: { value: impostor.ownSeq(near(core.sender.una)), bits: 64 },
        };
    }
  }

  private subflow(): Subflow {
    const { subflows } = this.impostor.connection;
    return subflows[randomBelow(this.random, subflows.length)]!;
  }

  step(): void {
    const { impostor, random } = this;
    const { connection } = impostor;
    if (connection.subflows.length === 0) {
      impostor.run(SECOND);
      return;
    }
    switch (randomBelow(random, 16)) {
      case 0:
        try {
          connection.write(impostor.now, new Uint8Array(randomBelow(random, 5000)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SUBFLOW_STATE' });
        }
        impostor.poll();
        break;
      case 1:
        impostor.run(randomBelow(random, 3) * SECOND + MILLISECOND);
        break;
      case 2: {
        const nonce = randomBelow(random, 2 ** 32);
        const token = this.pick(connection.localToken ?? 0, 1);
        const joined = impostor.join(token >>> 0, nonce, randomBelow(random, 256));
        if (joined instanceof Subflow && this.pick(true, false)) impostor.joinAck(joined, nonce);
        break;
      }
      case 3:
        if (randomBelow(random, 50) === 0)
          this.pick(
            () => connection.shutdown(impostor.now),
            () => connection.close(impostor.now),
          )();
        else connection.read(impostor.now, randomBelow(random, 2000));
        impostor.poll();
        break;
      case 4:
        connection.handlePathMtu(
          impostor.now,
          this.subflow(),
          this.pick(0, 1, 68, 552, 1280, 65_535),
          500 as never,
        );
        impostor.poll();
        break;
      default: {
        const subflow = this.subflow();
        const options = Array.from({ length: this.pick(0, 1, 1, 1, 2) }, () => this.option());
        const bytes = options.reduce(
          (sum, option) =>
            sum + (option.subtype === 'ADD_ADDR' ? 18 : option.subtype === 'REMOVE_ADDR' ? 20 : 28),
          0,
        );
        impostor.send(
          {
            flags: this.pick(
              TcpFlag.ACK,
              TcpFlag.ACK,
              TcpFlag.ACK,
              TcpFlag.ACK,
              TcpFlag.ACK | TcpFlag.PSH,
              randomBelow(random, 30) === 0 ? TcpFlag.FIN | TcpFlag.ACK : TcpFlag.ACK,
            ),
            window: this.pick(0, 1, 500, 65_535, 65_535),
            options: bytes > 40 ? options.slice(0, 1) : options,
            payload: new Uint8Array(this.pick(0, 0, 1, 10, 1000)),
          },
          subflow,
        );
      }
    }
  }

  /** What is wrong; undefined when nothing is. */
  fault(): string | undefined {
    const { impostor } = this;
    const { connection } = impostor;
    const core = (connection as unknown as { core: Record<string, unknown> }).core as {
      receiver: { readableBytes: number; reassembly: { heldBytes?: number } };
      addresses?: { remote: unknown[]; local: unknown[]; removals: unknown[] };
      paths?: { attempts: unknown[] };
      counters: object;
      pathEvents?: unknown;
    };
    if (impostor.sent.length > MAX_ANSWERS) return 'it does not stop sending';
    if (core.receiver.readableBytes > 50_000 + 10) return 'more than the buffer is held';
    if (connection.subflows.length > 40) return 'subflows grow';
    if ((core.addresses?.remote.length ?? 0) > 20 || (core.addresses?.removals.length ?? 0) > 20)
      return 'addresses grow';
    if ((core.paths?.attempts.length ?? 0) > 64) return 'pairs grow';
    for (const subflow of connection.subflows) {
      if ((subflow.mappings?.unmappedBytes ?? 0) > 20_000 + 2000) return 'unmapped bytes grow';
      if ((subflow.mappings?.size ?? 0) > 2000) return 'mappings grow';
      const waiting = (subflow as unknown as { options?: { length: number } }).options?.length ?? 0;
      if (waiting > 200) return `options grow ${waiting}`;
    }
    for (let i = 0; connection.pollTimeout() <= impostor.now; i++) {
      if (i === 10) return 'a timer is due and stays so';
      connection.handleTimeout(impostor.now);
      impostor.poll();
    }
    impostor.sent.length = 0;
    return undefined;
  }
}

it('breaks nothing and makes nothing grow', () => {
  const seeds = Number(process.env['SUBFLOW_MPTCP_SEEDS'] ?? 60);
  for (let seed = 1; seed <= seeds; seed++) {
    const attack = new Attack(seed);
    for (let i = 0; i < 300; i++) {
      try {
        attack.step();
      } catch (error) {
        throw new Error(`seed ${seed}, step ${i}`, { cause: error });
      }
      const fault = attack.fault();
      if (fault !== undefined) expect(`seed ${seed}, step ${i}: ${fault}`).toBe('');
    }
    // Closed by its owner, it is over within days, whatever the peer has done.
    attack.impostor.connection.close(attack.impostor.now);
    attack.impostor.poll();
    attack.impostor.run(86_400 * SECOND);
    expect([seed, attack.impostor.connection.pollTimeout()]).toEqual([seed, NEVER]);
  }
});
