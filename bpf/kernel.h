/*
 * What these programs know of the kernel: a part of its stable interface (linux/bpf.h, linux/if_ether.h), written down
 * here so that nothing else is needed to build them. Everything named here is in Linux 6.1.
 */
#ifndef SUBFLOW_KERNEL_H
#define SUBFLOW_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* What the program is given of a packet (struct xdp_md): two offsets that the verifier makes pointers of. */
struct packet_context {
	u32 data;
	u32 data_end;
	u32 data_meta;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};

/* What becomes of a packet (enum xdp_action). */
enum { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };

/* Kinds of maps (enum bpf_map_type). */
enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PER_CPU_ARRAY = 6, MAP_LRU_HASH = 9, MAP_ARRAY_OF_MAPS = 12 };
/*
 * Flags of maps (BPF_F_MMAPABLE): what could be mapped begins at a page, so that values of 64 bytes do not lie across lines of the
 * cache.
 */
enum { MAP_AT_PAGE = 1 << 10 };

/* What the loader makes a map from. */
struct map_definition {
	u32 type;
	u32 key_bytes;
	u32 value_bytes;
	u32 max_entries;
	u32 flags;
};

#define MAP(name, type, key_bytes, value_bytes, max_entries) MAP_WITH(name, type, key_bytes, value_bytes, max_entries, 0)
#define MAP_WITH(name, type, key_bytes, value_bytes, max_entries, flags) \
	struct map_definition name SECTION("maps") = { type, key_bytes, value_bytes, max_entries, flags }

/* Helpers of the kernel, by number (enum bpf_func_id). */
static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*redirect)(u32 interface, u64 flags) = (void *)23;
static long (*move_head)(struct packet_context *context, int bytes) = (void *)44;
/* As of the last tick: some milliseconds old, and cheap. */
static u64 (*coarse_time_ns)(void) = (void *)160;
/* Of the whole frame, which may lie in several pieces. */
static u64 (*frame_bytes)(struct packet_context *context) = (void *)188;
static long (*load_bytes)(struct packet_context *context, u32 offset, void *into, u32 length) = (void *)189;

/* For map_update: what to do about a key that is there. */
enum { UPDATE_ANY, UPDATE_CREATE, UPDATE_REPLACE };

/* Numbers as the network has them; BPF machines that Linux runs here have the least significant byte first. */
#define NETWORK_16(value) ((u16)__builtin_bswap16(value))
#define NETWORK_32(value) ((u32)__builtin_bswap32(value))

/*
 * What every object says: its licence, and which sources it was made from. The kernel lends the helpers above to any
 * licence.
 */
#define OBJECT_IDENTITY \
	char licence[] SECTION("license") = "Apache-2.0"; \
	char object_sources[] SECTION("source_hash") = SOURCE_HASH

#endif
