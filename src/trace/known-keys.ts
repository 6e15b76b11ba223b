/** Keys that the user gave: they are found again by the token of a join, or by a data sequence number that follows them. */
import { SubflowError, type Uint64, uint64Distance } from '../base/index.js';
import { deriveKeyMaterial, type KeyMaterial, type MptcpVersion } from '../wire/index.js';

/** How far a data sequence number may lie from the initial one: 1 TiB. */
const REACH = 2 ** 40;

export interface KnownKey extends KeyMaterial {
  readonly key: Uint64;
  readonly version: MptcpVersion;
}

export class KnownKeys {
  private readonly keys: KnownKey[] = [];

  /**
   * Reads keys of 16 hexadecimal digits each.
   * @throws SubflowError `ERR_SUBFLOW_BAD_KEY` for anything else.
   */
  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const match = /^(?:0x)?([0-9a-f]{8})([0-9a-f]{8})$/i.exec(text);
      if (match === null) {
        throw new SubflowError('ERR_SUBFLOW_BAD_KEY', `'${text}' is no key`, {
          hint: 'A key is 16 hexadecimal digits, as in 0x8a1f...; it stands in MP_CAPABLE.',
        });
      }
      const key = { hi: Number.parseInt(match[1]!, 16), lo: Number.parseInt(match[2]!, 16) };
      for (const version of [1, 0] as const)
        this.keys.push({ key, version, ...deriveKeyMaterial(key, version) });
    }
  }

  /** The key whose token this is. */
  byToken(token: number): KnownKey | undefined {
    return this.keys.find((known) => known.token === token);
  }

  /** The key whose owner may have reached this data sequence number, in signed halves. */
  byDataSeq(hi: number, lo: number): KnownKey | undefined {
    return this.keys.find(({ initialDataSeq }) => {
      const distance = uint64Distance(hi >>> 0, lo >>> 0, initialDataSeq);
      return distance >= 0 && distance < REACH;
    });
  }
}
