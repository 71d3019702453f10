/* What is static inline in libdpdk's headers, and what has another shape from release to release, as plain functions.
 *
 * Nothing here is called for a single packet: a burst is one call. Of an mbuf, Rust reads the fields itself, at the
 * offsets that the enumeration below takes from libdpdk's own headers.
 */
#ifndef PORTREEVE_SHIM_H
#define PORTREEVE_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_version.h>

/* Where the fields of an mbuf are, in bytes. */
enum pr_mbuf_layout {
    PR_MBUF_BUF_ADDR = offsetof(struct rte_mbuf, buf_addr),
    PR_MBUF_DATA_OFF = offsetof(struct rte_mbuf, data_off),
    PR_MBUF_REFERENCES = offsetof(struct rte_mbuf, refcnt),
    PR_MBUF_SEGMENTS = offsetof(struct rte_mbuf, nb_segs),
    PR_MBUF_FLAGS = offsetof(struct rte_mbuf, ol_flags),
    PR_MBUF_PKT_LEN = offsetof(struct rte_mbuf, pkt_len),
    PR_MBUF_DATA_LEN = offsetof(struct rte_mbuf, data_len),
    PR_MBUF_VLAN = offsetof(struct rte_mbuf, vlan_tci),
    PR_MBUF_HASH = offsetof(struct rte_mbuf, hash.rss),
    PR_MBUF_POOL = offsetof(struct rte_mbuf, pool),
    PR_MBUF_NEXT = offsetof(struct rte_mbuf, next),
    PR_MBUF_SIZE = sizeof(struct rte_mbuf),
};

/* What the flags of an mbuf say of a received frame. */
enum pr_rx_flag {
    PR_RX_VLAN_STRIPPED = RTE_MBUF_F_RX_VLAN_STRIPPED,
    PR_RX_RSS_HASH = RTE_MBUF_F_RX_RSS_HASH,
    PR_RX_L4_CKSUM_MASK = RTE_MBUF_F_RX_L4_CKSUM_MASK,
    PR_RX_L4_CKSUM_GOOD = RTE_MBUF_F_RX_L4_CKSUM_GOOD,
    PR_RX_L4_CKSUM_NONE = RTE_MBUF_F_RX_L4_CKSUM_NONE,
};

/* The flags of an mbuf whose bytes are not in its own buffer. */
enum pr_mbuf_elsewhere {
    PR_MBUF_ELSEWHERE = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL,
};

/* Protocols whose ports a NIC hashes. */
enum pr_ports {
    PR_PORTS_TCP = 1,
    PR_PORTS_UDP = 2,
    PR_PORTS_SCTP = 4,
};

/* Sizes and names that are macros. */
enum pr_limit {
    PR_HEADROOM = RTE_PKTMBUF_HEADROOM,
    PR_MAX_PORTS = RTE_MAX_ETHPORTS,
    PR_POOL_CACHE_MAX = RTE_MEMPOOL_CACHE_MAX_SIZE,
    PR_EVENT_ADD = RTE_INTR_EVENT_ADD,
    PR_EVENT_DEL = RTE_INTR_EVENT_DEL,
};

/* What a port is and can. */
struct pr_port_info {
    char driver[64];
    char device[64];
    uint64_t rss_types;  /* kinds of packets it hashes, of those we ask for */
    uint32_t max_frame;  /* largest frame it takes, bytes; 0: it does not say */
    uint16_t max_rx_queues;
    uint16_t max_tx_queues;
    uint16_t max_mtu;
    uint16_t min_descriptors;
    uint16_t max_descriptors;
    uint16_t reta_size;  /* entries of the table from hash to queue */
    uint8_t hash_key_size;
    uint8_t ports_hashed; /* of which protocols it hashes the ports: PR_PORTS_… */
    uint8_t scatter;     /* a frame may span buffers */
    uint8_t checksums;   /* it verifies transport checksums */
    uint8_t timestamps;
    uint8_t rss_hash;    /* it hands the hash over with the frame */
    uint8_t symmetric;   /* it offers the symmetric Toeplitz hash (told from 23.11 on) */
    uint8_t link_interrupt;
    uint8_t removal_interrupt;
    int16_t numa_node;   /* -1: unknown */
};

/* How a port is to be configured. */
struct pr_port_request {
    const uint8_t *rss_key; /* NULL: no spreading over queues */
    uint64_t rss_types;
    uint16_t rx_queues;
    uint16_t tx_queues;
    uint16_t mtu;           /* 0: as it is */
    uint8_t rss_key_size;
    uint8_t symmetric;
    uint8_t scatter;
    uint8_t checksums;
    uint8_t timestamps;
    uint8_t rss_hash;
    uint8_t rx_interrupts;
    uint8_t link_interrupt;
    uint8_t removal_interrupt;
};

/* What a port has counted since it was started or reset. */
struct pr_port_stats {
    uint64_t packets;
    uint64_t missed;
    uint64_t errors;
    uint64_t no_buffer;
};

/* Takes the lines that libdpdk logs. */
typedef void (*pr_log_sink)(const char *text, size_t length);

uint16_t pr_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **frames, uint16_t count);
uint16_t pr_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **frames, uint16_t count);
/* Buffers to send, each to be given to pr_frame_of before it leaves. */
int pr_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **frames, unsigned count);
/* Puts buffers back as they are: frames of one segment, held by nobody else, all of this pool. rte_pktmbuf_free_bulk looks at each of them, and at the second
 * cache line of each, to find out. */
void pr_give_back(struct rte_mempool *pool, struct rte_mbuf **frames, unsigned count);
/* Makes a buffer a frame of one segment of this length and returns where its bytes begin. */
uint8_t *pr_frame_of(struct rte_mbuf *frame, uint16_t length);
/* Frames in the ring that were not fetched yet; negative: the driver does not tell. */
int pr_rx_waiting(uint16_t port, uint16_t queue);
uint64_t pr_cycles(void);
int pr_errno(void);

int pr_log_to(pr_log_sink sink);
int pr_port_of(const char *device, uint16_t *port);
int pr_port_info(uint16_t port, struct pr_port_info *info);
int pr_port_configure(uint16_t port, const struct pr_port_request *request);
int pr_port_stats(uint16_t port, struct pr_port_stats *stats);
/* The entries of the table from hash to queue: entry i to queue i modulo `queues`. */
int pr_spread(uint16_t port, uint16_t entries, uint16_t queues);
int pr_link(uint16_t port, uint32_t *megabits, uint8_t *up);
/* Has EAL hear of devices that are unplugged, and hold out when a driver touches one that has gone. Once, when EAL runs. */
int pr_watch_devices(void);
/* `flag` becomes 1 when the device is removed, or is to be. It must stay valid until pr_forget_removal. */
int pr_on_removal(uint16_t port, uint32_t *flag);
int pr_forget_removal(uint16_t port, uint32_t *flag);
/* Closes a port that was stopped, when no handler of its interrupts runs; of a device that is removed, lets go of all: before that the kernel does not take it away. */
int pr_close(uint16_t port, uint8_t is_removed);
/* Reports that wait on an epoll instance, taken with what their handlers read from the descriptors; 0: none. */
int pr_take_events(int epoll, int milliseconds);
/* The size of the smallest pages that a pool's buffers stand on, bytes; 0: libdpdk does not know. */
uint64_t pr_page_size(const struct rte_mempool *pool);
const char *pr_version(void);

#endif
