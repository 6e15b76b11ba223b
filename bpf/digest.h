/*
 * Tokens from keys: the first 32 bits of SHA-256 of the key in version 1 (RFC 8684 §3.2), of SHA-1 in version 0 (RFC 6824 §3.2). A key
 * has 8 bytes, so that either hash is one block, most of which is known.
 *
 * Read first: FIPS 180-4 §5 and §6.
 */
#ifndef SUBFLOW_DIGEST_H
#define SUBFLOW_DIGEST_H

#include "kernel.h"

static const volatile u32 sha256_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

INLINE u32 rotate_right(u32 word, int by)
{
	return word >> by | word << (32 - by);
}

/* The block of a message of 8 bytes, as 16 words. */
INLINE void fill_block(u32 *block, u32 high, u32 low)
{
	block[0] = high;
	block[1] = low;
	block[2] = 0x80000000;
	for (int i = 3; i < 15; i++)
		block[i] = 0;
	block[15] = 64;
}

INLINE u32 sha256_token(u32 high, u32 low)
{
	u32 block[16];
	u32 a = 0x6a09e667, b = 0xbb67ae85, c = 0x3c6ef372, d = 0xa54ff53a;
	u32 e = 0x510e527f, f = 0x9b05688c, g = 0x1f83d9ab, h = 0x5be0cd19;

	fill_block(block, high, low);
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 64; i++) {
		u32 first, second;

		if (i >= 16) {
			u32 before = block[(i + 1) & 15];
			u32 last = block[(i + 14) & 15];

			block[i & 15] += (rotate_right(before, 7) ^ rotate_right(before, 18) ^ before >> 3) + block[(i + 9) & 15] +
					 (rotate_right(last, 17) ^ rotate_right(last, 19) ^ last >> 10);
		}
		first = h + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) + ((e & f) ^ (~e & g)) +
			sha256_constants[i & 63] + block[i & 15];
		second = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
		h = g;
		g = f;
		f = e;
		e = d + first;
		d = c;
		c = b;
		b = a;
		a = first + second;
	}
	return a + 0x6a09e667;
}

INLINE u32 sha1_token(u32 high, u32 low)
{
	u32 block[16];
	u32 a = 0x67452301, b = 0xefcdab89, c = 0x98badcfe, d = 0x10325476, e = 0xc3d2e1f0;

	fill_block(block, high, low);
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 80; i++) {
		u32 mixed, constant, next;

		if (i >= 16)
			block[i & 15] = rotate_right(block[(i + 13) & 15] ^ block[(i + 8) & 15] ^ block[(i + 2) & 15] ^ block[i & 15], 31);
		if (i < 20) {
			mixed = (b & c) | (~b & d);
			constant = 0x5a827999;
		} else if (i < 40) {
			mixed = b ^ c ^ d;
			constant = 0x6ed9eba1;
		} else if (i < 60) {
			mixed = (b & c) | (b & d) | (c & d);
			constant = 0x8f1bbcdc;
		} else {
			mixed = b ^ c ^ d;
			constant = 0xca62c1d6;
		}
		next = rotate_right(a, 27) + mixed + e + constant + block[i & 15];
		e = d;
		d = c;
		c = rotate_right(b, 2);
		b = a;
		a = next;
	}
	return a + 0x67452301;
}

#endif
