/*
 * The way into the data path in user space: what is for a service goes to a socket of the queue that it came in by, everything else to
 * the host, which never sees the former. Of several sockets, one for each worker, the flow names one: errors go where the packets go that
 * they quote. What is to be dropped goes to the first worker, which counts it.
 */
#include "hash.h"

/* Beyond what kernel.h has, of Linux 5.3: a map of sockets (BPF_MAP_TYPE_XSKMAP) and the helper that sends to one. */
enum { MAP_SOCKETS = 17 };
static long (*redirect_map)(void *map, u64 key, u64 otherwise) = (void *)51;

/* The sockets of every queue, one for each worker, queue after queue. */
MAP(sockets, MAP_SOCKETS, 4, 4, 64);

const volatile u32 sockets_each = 1;

/* Whether the type of the frame is another than IP. Sockets take no tags of VLANs: a data path works on the VLAN's own interface. */
INLINE int is_foreign(struct packet_context *context)
{
	u8 *data = (u8 *)(long)context->data;
	u8 *end = (u8 *)(long)context->data_end;
	u16 type;

	if (data + ETHERNET_BYTES > end)
		return 1;
	type = *(u16 *)(data + 12);
	return type != NETWORK_16(ETHERTYPE_IPV4) && type != NETWORK_16(ETHERTYPE_IPV6);
}

SECTION("xdp") int to_sockets(struct packet_context *context)
{
	struct packet_view view;
	u32 chosen = 0;
	int reason;

	if (is_foreign(context))
		return XDP_PASS;
	reason = read_packet(context, &view);
	if (reason == REASON_NOT_OURS || reason == REASON_NOT_TCP)
		return XDP_PASS;
	if (sockets_each > 1 && reason == STEERED)
		chosen = hash_flow(&view) % sockets_each;
	return (int)redirect_map(&sockets, context->rx_queue_index * sockets_each + chosen, XDP_DROP);
}

OBJECT_IDENTITY;
