import { describe, expect, it } from 'vitest';
import { parseNetwork } from '../relay/index.js';
import { type CapturePlan, captureRules, captureScript, MAX_CAPTURE_ENTRIES } from './transparent-rules.js';

const plan: CapturePlan = {
  ...{ mode: 'tproxy', port: 5123, families: [4, 6], isLocal: true, interfaces: ['lan'] },
  ...{ except: [], ports: [], isRestRefused: false },
};

/** The inner lines of a chain. */
function chain(nft: string, name: string): string[] {
  const inner = new RegExp(`chain ${name} \\{\\n([^}]*(?:\\{[^}]*\\}[^}]*)*?)\\n\\t\\}`).exec(nft)?.[1] ?? '';
  return inner.split('\n').map((line) => line.trim());
}

describe('rules of a transparent proxy', () => {
  it('replace what is left of an earlier one in the same transaction', () => {
    const { nft, table } = captureRules(plan);
    expect(nft.startsWith(`table inet ${table}\ndelete table inet ${table}\ntable inet ${table} {`)).toBe(
      true,
    );
  });

  it.each(['tproxy', 'redirect'] as const)(
    '%s: let the packets of our proxies pass before anything else',
    (mode) => {
      const { nft } = captureRules({ ...plan, mode });
      const leaving = chain(nft, 'leaving');
      const pass = leaving.indexOf('meta mark 1577058304 return');
      expect(pass).toBeGreaterThan(0);
      expect(leaving.findIndex((line) => /mark set|redirect/.test(line))).toBeGreaterThan(pass);
    },
  );

  it('take only what was named: nothing of this machine, or nothing of others', () => {
    const others = captureRules({ ...plan, isLocal: false });
    expect(others.nft).not.toContain('hook output');
    const own = captureRules({ ...plan, interfaces: [] });
    expect(own.nft).not.toContain('"lan"');
    expect(captureRules({ ...plan, mode: 'redirect', interfaces: [] }).nft).not.toContain('prerouting');
  });

  it('have numbers of their own for each port, and none of routing for redirection', () => {
    const [one, other] = [captureRules(plan), captureRules({ ...plan, port: 5124 })];
    expect(one.table).not.toBe(other.table);
    expect(one.ip.some(({ command }) => other.ip.some((each) => each.command === command))).toBe(false);
    expect(captureRules({ ...plan, mode: 'redirect' }).ip).toEqual([]);
  });

  it('leave exceptions alone, and other ports than those named', () => {
    const { nft } = captureRules({
      ...plan,
      except: ['192.0.2.0/24', '2001:db8::/32'].map(parseNetwork),
      ports: [80, 443],
    });
    expect(nft).toMatch(/elements = \{ 0\.0\.0\.0\/8.*192\.0\.2\.0\/24 \}/);
    expect(nft).toMatch(/elements = \{ ::\/127.*2001:db8::\/32 \}/);
    expect(chain(nft, 'look')).toContain('tcp dport != { 80, 443 } return');
  });

  it('name nothing of a version of IP that there is not', () => {
    const { nft, ip, undoIp } = captureRules({ ...plan, families: [4] });
    expect(nft).not.toContain('ip6');
    expect([...ip, ...undoIp].every(({ family }) => family === 4)).toBe(true);
  });

  it('are a script with what undoes them as comments', () => {
    const script = captureScript(captureRules(plan));
    expect(script).toContain("nft -f - <<'END'\n");
    expect(script).toContain('ip -6 rule add pref 90 fwmark 1593840643 lookup 1593840643');
    expect(script).toContain('# nft delete table inet subflow_capture_5123');
    expect(script).toContain('# ip -4 rule delete pref 90 fwmark 1593840643 lookup 1593840643');
  });

  it.each<[string, Partial<CapturePlan>]>([
    ['no port', { port: 0 }],
    ['a port that is none', { ports: [70_000] }],
    ['no version of IP', { families: [] }],
    ['nothing to take', { isLocal: false, interfaces: [] }],
    ['a name with a quote', { interfaces: ['lan" accept; }'] }],
    ['a name that is too long', { interfaces: ['a'.repeat(16)] }],
    ['loopback', { interfaces: ['lo'] }],
    ['too many ports', { ports: Array.from({ length: MAX_CAPTURE_ENTRIES + 1 }, () => 80) }],
  ])('refuse %s', (_what, changes) => {
    expect(() => captureRules({ ...plan, ...changes })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_CAPTURE' }) as Error,
    );
  });
});
