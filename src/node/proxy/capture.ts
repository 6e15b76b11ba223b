/**
 * Rules of a transparent proxy at work: brings those of transparent-rules.ts into the kernel by `nft` and `ip`, and takes them out again.
 * What an earlier proxy on the same port left behind, killed before it could clean up, is replaced. Knows no sockets.
 *
 * Read first: transparent-rules.ts; nft(8).
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { SubflowError } from '../../base/index.js';
import { inside, type NetworkNamespace, runIp } from '../../linux/index.js';
import { codeOf } from '../net-error.js';
import { type CapturePlan, captureRules, type CaptureRules, type IpCommand } from './transparent-rules.js';

/** Longest that a program may take, in ms. */
const TOOL_MS = 20_000;
/** Times that a command that undoes something is repeated at most: a rule may be there more than once. */
const MAX_REPEATS = 16;

/** What was refused aloud, since the rules were made. */
export interface RefusedCount {
  /** Which of it: `udp`, `icmp`, `tcp` or `other`. */
  readonly kind: string;
  readonly packets: number;
  readonly bytes: number;
}

/** Versions of IP that this machine has, or the namespace of the calling thread. */
export function familiesHere(namespace?: NetworkNamespace): readonly (4 | 6)[] {
  return inside(namespace, () => existsSync('/proc/thread-self/net/if_inet6')) ? [4, 6] : [4];
}

/** See the module. */
export class Capture {
  readonly rules: CaptureRules;
  private readonly namespace: NetworkNamespace | undefined;
  private isApplied = false;

  private constructor(rules: CaptureRules, namespace: NetworkNamespace | undefined) {
    this.rules = rules;
    this.namespace = namespace;
  }

  /**
   * Makes the rules hold. Where that fails halfway, nothing of them is left.
   * @throws SubflowError `ERR_SUBFLOW_BAD_CAPTURE`, `ERR_SUBFLOW_MISSING_TOOL` without nft or ip, `ERR_SUBFLOW_COMMAND_FAILED` with what
   * they said.
   */
  static apply(plan: CapturePlan, namespace?: NetworkNamespace): Capture {
    const capture = new Capture(captureRules(plan), namespace);
    try {
      capture.undoRouting();
      for (const command of capture.rules.ip) capture.ip(command);
      // Last: from here on connections come.
      capture.nft(['-f', '-'], capture.rules.nft);
      capture.isApplied = true;
      return capture;
    } catch (error) {
      capture.undoRouting();
      throw error;
    }
  }

  /** What hosts behind the interfaces were refused; nothing where the rules are gone. */
  async refused(): Promise<RefusedCount[]> {
    const args = ['-j', 'list', 'counters', 'table', 'inet', this.rules.table];
    const said = await new Promise<string>((resolve) => {
      inside(this.namespace, () => {
        execFile('nft', args, { timeout: TOOL_MS }, (error, out) => resolve(error === null ? out : '{}'));
      });
    });
    const { nftables = [] } = JSON.parse(said) as { nftables?: { counter?: NftCounter }[] };
    return nftables.flatMap(({ counter }) => {
      if (counter === undefined || !counter.name.startsWith(COUNTER_PREFIX)) return [];
      const { packets, bytes } = counter;
      return [{ kind: counter.name.slice(COUNTER_PREFIX.length), packets, bytes }];
    });
  }

  /** Takes the rules out. Twice does nothing; nothing is left undone for the failure of something else. */
  undo(): void {
    if (!this.isApplied) return;
    this.isApplied = false;
    try {
      this.nft(['-f', '-'], this.rules.undoNft);
    } finally {
      this.undoRouting();
    }
  }

  private undoRouting(): void {
    for (const command of this.rules.undoIp) {
      for (let left = MAX_REPEATS; left > 0; left--) {
        try {
          this.ip(command);
        } catch (error) {
          if (codeOf(error) !== 'ERR_SUBFLOW_COMMAND_FAILED') throw error;
          // There is none (any more).
          break;
        }
      }
    }
  }

  private ip({ family, command }: IpCommand): void {
    inside(this.namespace, () => runIp(this.rules.table, [command], [`-${family}`]));
  }

  private nft(args: readonly string[], input = ''): string {
    const options = { input, encoding: 'utf8', timeout: TOOL_MS, stdio: 'pipe' } as const;
    try {
      return inside(this.namespace, () => execFileSync('nft', args, options));
    } catch (cause) {
      const failure = cause as NodeJS.ErrnoException & { readonly stderr?: string };
      if (failure.code === 'ENOENT') {
        throw new SubflowError('ERR_SUBFLOW_MISSING_TOOL', 'the program "nft" is not installed', {
          cause,
          hint: 'Install nftables: apt install nftables. Or make the rules by hand: --print-rules shows them.',
        });
      }
      const said = (failure.stderr ?? failure.message).trim();
      throw new SubflowError('ERR_SUBFLOW_COMMAND_FAILED', `nft: ${said}`, {
        cause,
        hint: 'The kernel needs nftables with tproxy (CONFIG_NFT_TPROXY), and the program CAP_NET_ADMIN.',
      });
    }
  }
}

const COUNTER_PREFIX = 'refused_';

/** A counter as `nft -j` tells of it. */
interface NftCounter {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
}
