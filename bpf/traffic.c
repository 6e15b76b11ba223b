/*
 * Traffic for benchmarks: a program that sends the same packet again and again, each time from the next of 65,536 ports of the client's, and one
 * that counts what arrives and lets it go no further.
 */
#include "kernel.h"

enum { ETHERNET_BYTES = 14 };

/* Packets, then bytes, on this processor. */
MAP(arrived, MAP_PER_CPU_ARRAY, 4, 16, 1);

/* Of an IPv4 packet without options; a generator that comes by every value of 16 bits. */
SECTION("xdp") int generate(struct packet_context *context)
{
	u8 *data = (u8 *)(long)context->data;
	u8 *end = (u8 *)(long)context->data_end;
	u16 *port = (u16 *)(data + ETHERNET_BYTES + 20);

	if ((u8 *)(port + 1) <= end)
		*port = (u16)(*port * 40005u + 13849u);
	return XDP_TX;
}

SECTION("xdp.sink") int sink(struct packet_context *context)
{
	u32 zero = 0;
	u64 *values = map_lookup(&arrived, &zero);

	if (values) {
		values[0]++;
		values[1] += context->data_end - context->data;
	}
	return XDP_DROP;
}

OBJECT_IDENTITY;
