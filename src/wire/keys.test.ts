import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uint64, uint64ToBigInt } from '../base/index.js';
import { IpAddress } from './address.js';
import {
  addAddrHmac,
  constantTimeEqual,
  deriveInitialDataSeq,
  deriveKeyMaterial,
  deriveToken,
  joinHmac,
} from './keys.js';

const key = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const nonce = fc.nat(0xffff_ffff);
const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

function keyBytes(...keys: bigint[]): Buffer {
  const bytes = Buffer.alloc(keys.length * 8);
  keys.forEach((value, index) => bytes.writeBigUInt64BE(value, index * 8));
  return bytes;
}

describe('joinHmac', () => {
  // Known answers of Linux's own unit test for this construction; keys and nonces are the characters' codes.
  it.each([
    ['0b0b0b0b0b0b0b0b', '48692054', '8385e24fb4235ac37556b6b886db106284a1da671699f46db1f235ec622dcafa'],
    ['aaaaaaaaaaaaaaaa', 'dddddddd', '2c5e219164ff1dca1c4a92318d847bb6b9d44492984e1eb71aff9022f71046e9'],
    ['0102030405060708', 'cdcdcdcd', 'e73b9ba9969969cefb04aa0d6df18ec2fcc075b6f23b4d8c4da736a5dbbc6e7d'],
  ])('in version 1 gives the known answer for %s and %s', (keys, nonces, answer) => {
    const [first, second] = [ascii(keys).readBigUInt64BE(0), ascii(keys).readBigUInt64BE(8)];
    const [nonceA, nonceB] = [ascii(nonces).readUInt32BE(0), ascii(nonces).readUInt32BE(4)];
    const hmac = joinHmac(1, uint64(first), uint64(second), nonceA, nonceB);
    expect(Buffer.from(hmac).toString('hex')).toBe(answer);
  });

  it('agrees with another implementation of HMAC in both versions', () => {
    fc.assert(
      fc.property(key, key, nonce, nonce, (keyA, keyB, nonceA, nonceB) => {
        const message = Buffer.alloc(8);
        message.writeUInt32BE(nonceA, 0);
        message.writeUInt32BE(nonceB, 4);
        for (const [version, algorithm] of [
          [0, 'sha1'],
          [1, 'sha256'],
        ] as const) {
          const expected = createHmac(algorithm, keyBytes(keyA, keyB)).update(message).digest('hex');
          const hmac = joinHmac(version, uint64(keyA), uint64(keyB), nonceA, nonceB);
          expect(Buffer.from(hmac).toString('hex')).toBe(expected);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('deriveKeyMaterial', () => {
  it('takes the token from the front of the hash and the sequence number from its end', () => {
    fc.assert(
      fc.property(key, (value) => {
        for (const [version, algorithm] of [
          [0, 'sha1'],
          [1, 'sha256'],
        ] as const) {
          const digest = createHash(algorithm).update(keyBytes(value)).digest();
          const material = deriveKeyMaterial(uint64(value), version);
          expect(material.token).toBe(digest.readUInt32BE(0));
          expect(uint64ToBigInt(material.initialDataSeq)).toBe(digest.readBigUInt64BE(digest.length - 8));
          expect(deriveToken(uint64(value), version)).toBe(material.token);
          expect(deriveInitialDataSeq(uint64(value), version)).toEqual(material.initialDataSeq);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('gives the known values of the all-zero key', () => {
    // SHA-256 and SHA-1 of eight zero bytes, as sha256sum and sha1sum give them.
    expect(deriveToken(uint64(0n), 1)).toBe(0xaf5570f5);
    expect(uint64ToBigInt(deriveInitialDataSeq(uint64(0n), 1))).toBe(0xe5b2328de0e83dfcn);
    expect(deriveToken(uint64(0n), 0)).toBe(0x05fe4057);
  });
});

describe('addAddrHmac', () => {
  it('is the end of an HMAC over ID, address and port, 0 when there is none', () => {
    fc.assert(
      fc.property(
        key,
        key,
        fc.nat(255),
        fc.nat(0xffff),
        fc.boolean(),
        (keyA, keyB, addressId, port, isV6) => {
          const address = IpAddress.parse(isV6 ? '2001:db8::7' : '192.0.2.7')!;
          const tail = Buffer.from([port >>> 8, port & 0xff]);
          const message = Buffer.concat([Buffer.from([addressId]), address.toBytes(), tail]);
          const expected = createHmac('sha256', keyBytes(keyA, keyB)).update(message).digest().subarray(24);
          const hmac = addAddrHmac(uint64(keyA), uint64(keyB), { addressId, address, port });
          expect(Buffer.from(hmac).equals(expected)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('constantTimeEqual', () => {
  it('finds a difference in any byte', () => {
    const proof = Uint8Array.from([1, 2, 3, 4]);
    expect(constantTimeEqual(proof, proof.slice())).toBe(true);
    for (let i = 0; i < proof.length; i++) {
      const other = proof.slice();
      other[i]! ^= 0x80;
      expect(constantTimeEqual(proof, other)).toBe(false);
    }
  });

  it('is not for proofs of different lengths', () => {
    expect(() => constantTimeEqual(new Uint8Array(8), new Uint8Array(20))).toThrow('different lengths');
  });
});
