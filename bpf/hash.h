/*
 * CRC-32 as src/balancer/crc32.ts has it (polynomial 0x04c11db7, reflected), four bytes a step. Words are as the network has
 * them, so that on a machine with the least significant byte first nothing is swapped.
 */
#ifndef SUBFLOW_HASH_H
#define SUBFLOW_HASH_H

#include "packet.h"

/* For a byte that is followed by 0 to 3 others of its word, 256 entries each: the loader fills them in. */
const volatile u32 crc_tables[1024] = {};

INLINE u32 crc_word(u32 crc, u32 word)
{
	u32 x = crc ^ word;

	return crc_tables[768 + (x & 255)] ^ crc_tables[512 + (x >> 8 & 255)] ^ crc_tables[256 + (x >> 16 & 255)] ^
	       crc_tables[x >> 24];
}

INLINE u32 crc_byte(u32 crc, u32 byte)
{
	u32 index = crc ^ byte;

	/* Or else the compiler cuts both to 8 bits before it joins them, and the verifier of 6.1 knows no bound of what comes of it. */
	asm volatile("" : "+r"(index));
	return crc >> 8 ^ crc_tables[index & 255];
}

/* Of both addresses and both ports, the client's first. */
INLINE u32 hash_flow(const struct packet_view *view)
{
	u32 crc = ~0u;

	if (view->family == 6) {
		crc = crc_word(crc_word(crc_word(crc, view->client[0]), view->client[1]), view->client[2]);
		crc = crc_word(crc, view->client[3]);
		crc = crc_word(crc_word(crc_word(crc, view->service[0]), view->service[1]), view->service[2]);
	} else {
		crc = crc_word(crc, view->client[3]);
	}
	crc = crc_word(crc, view->service[3]);
	return ~crc_word(crc, view->client_port | (u32)view->service_port << 16);
}

/* Of the client's address and port. */
INLINE u32 hash_client(const struct packet_view *view)
{
	u32 crc = ~0u;

	if (view->family == 6)
		crc = crc_word(crc_word(crc_word(crc, view->client[0]), view->client[1]), view->client[2]);
	crc = crc_word(crc, view->client[3]);
	return ~crc_byte(crc_byte(crc, view->client_port & 255), view->client_port >> 8);
}

#endif
