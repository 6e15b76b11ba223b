/*
 * Whether a flow belongs to a socket of this host: one look into the kernel's tables of TCP sockets, which hold subflows of Multipath
 * TCP like any others. A part of the kernel's stable interface (linux/bpf.h), as in kernel.h; all of it is in Linux 5.2.
 */
#ifndef SUBFLOW_SOCKET_H
#define SUBFLOW_SOCKET_H

#include "packet.h"

/* The first fields of struct bpf_sock; the verifier turns a read of `state` into one of the kernel's own structure. */
struct kernel_socket {
	u32 before[18];
	u32 state;
};

/* struct bpf_sock_tuple: the remote end first. IPv4 takes 12 bytes of it, IPv6 all. */
struct socket_tuple {
	u32 words[9];
};

enum { TUPLE_BYTES_4 = 12, TUPLE_BYTES_6 = 36 };
/* TCP_LISTEN of the kernel. Connections that are not accepted yet and those in TIME-WAIT have states of their own. */
enum { STATE_LISTEN = 10 };

/* Gives the frame another end. */
static long (*move_tail)(struct packet_context *context, int bytes) = (void *)65;
static long (*release_socket)(void *socket) = (void *)86;
/* Looks for a connection first, then for a listener. */
static struct kernel_socket *(*find_socket)(struct packet_context *context, struct socket_tuple *tuple, u32 bytes,
					    u64 name_space, u64 flags) = (void *)99;

/* The namespace of the interface that the packet came in by. */
#define OWN_NAMESPACE (~0ull)

/* A connection: one that this host has, is about to have, or had a moment ago. */
enum owner { NO_SOCKET, LISTENER, CONNECTION };

/* What the packet belongs to on this host. */
INLINE enum owner owner_of(struct packet_context *context, const struct packet_view *view)
{
	const u32 ports = view->client_port | (u32)view->service_port << 16;
	struct socket_tuple tuple = { 0 };
	struct kernel_socket *socket;
	enum owner owner;

	if (view->family == 4) {
		tuple.words[0] = view->client[3];
		tuple.words[1] = view->service[3];
		tuple.words[2] = ports;
		socket = find_socket(context, &tuple, TUPLE_BYTES_4, OWN_NAMESPACE, 0);
	} else {
		for (int i = 0; i < 4; i++) {
			tuple.words[i] = view->client[i];
			tuple.words[4 + i] = view->service[i];
		}
		tuple.words[8] = ports;
		socket = find_socket(context, &tuple, TUPLE_BYTES_6, OWN_NAMESPACE, 0);
	}
	if (!socket)
		return NO_SOCKET;
	owner = socket->state == STATE_LISTEN ? LISTENER : CONNECTION;
	release_socket(socket);
	return owner;
}

#endif
