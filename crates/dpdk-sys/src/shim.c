#define _GNU_SOURCE
/* That a device goes is told by functions that are not promised to stay as they are; they have been since 2018. */
#define ALLOW_EXPERIMENTAL_API
#include "shim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_epoll.h>
#include <rte_errno.h>
#include <rte_interrupts.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <rte_spinlock.h>

/* From this release on a hash function can be chosen per port, and the port says which it has. */
#define HAS_RSS_ALGORITHM (RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0))

/* The kinds of packets whose conversations have a direction that the hash must not see. */
#define RSS_TYPES (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP)

/* The most reports taken at once: a source has one queue. */
#define MAX_EVENTS 8

/* How long the thread that takes interrupts is waited for, in steps of STEP microseconds. */
#define STEPS 10000
#define STEP 100

uint16_t pr_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **frames, uint16_t count)
{
    return rte_eth_rx_burst(port, queue, frames, count);
}

uint16_t pr_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **frames, uint16_t count)
{
    return rte_eth_tx_burst(port, queue, frames, count);
}

int pr_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **frames, unsigned count)
{
    /* Not rte_pktmbuf_alloc_bulk: that writes to both cache lines of an mbuf, and the second is one that a receiver on another core
     * reads to free it. Free buffers of a pool are of one segment already. */
    return rte_mempool_get_bulk(pool, (void **)frames, count);
}

void pr_give_back(struct rte_mempool *pool, struct rte_mbuf **frames, unsigned count)
{
    rte_mempool_put_bulk(pool, (void *const *)frames, count);
}

uint8_t *pr_frame_of(struct rte_mbuf *frame, uint16_t length)
{
    frame->data_off = RTE_PKTMBUF_HEADROOM;
    frame->ol_flags = 0;
    frame->data_len = length;
    frame->pkt_len = length;
    return rte_pktmbuf_mtod(frame, uint8_t *);
}

int pr_rx_waiting(uint16_t port, uint16_t queue)
{
    return rte_eth_rx_queue_count(port, queue);
}

uint64_t pr_cycles(void)
{
    return rte_rdtsc();
}

int pr_errno(void)
{
    return rte_errno;
}

static ssize_t write_log(void *cookie, const char *text, size_t length)
{
    pr_log_sink *sink = cookie;
    (*sink)(text, length);
    return (ssize_t)length;
}

int pr_log_to(pr_log_sink sink)
{
    static pr_log_sink kept;
    kept = sink;
    cookie_io_functions_t functions = { .write = write_log };
    FILE *stream = fopencookie(&kept, "w", functions);
    if (stream == NULL)
        return -errno;
    setvbuf(stream, NULL, _IOLBF, BUFSIZ);
    return rte_openlog_stream(stream);
}

int pr_port_of(const char *device, uint16_t *port)
{
    if (rte_eth_dev_get_port_by_name(device, port) == 0)
        return 0;
    /* Some drivers name their ports otherwise than their device. */
    uint16_t candidate;
    RTE_ETH_FOREACH_DEV(candidate) {
        struct pr_port_info info;
        if (pr_port_info(candidate, &info) == 0 && strcmp(info.device, device) == 0) {
            *port = candidate;
            return 0;
        }
    }
    return -ENODEV;
}

static const char *device_name(const struct rte_device *device)
{
    if (device == NULL)
        return "";
#if RTE_VERSION >= RTE_VERSION_NUM(22, 11, 0, 0)
    return rte_dev_name(device);
#else
    return device->name;
#endif
}

int pr_port_info(uint16_t port, struct pr_port_info *info)
{
    struct rte_eth_dev_info from;
    memset(&from, 0, sizeof(from));
    memset(info, 0, sizeof(*info));
    int result = rte_eth_dev_info_get(port, &from);
    if (result != 0)
        return result;
    snprintf(info->driver, sizeof(info->driver), "%s", from.driver_name ? from.driver_name : "");
    snprintf(info->device, sizeof(info->device), "%s", device_name(from.device));
    info->rss_types = from.flow_type_rss_offloads & RSS_TYPES;
    if (from.flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_TCP)
        info->ports_hashed |= PR_PORTS_TCP;
    if (from.flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_UDP)
        info->ports_hashed |= PR_PORTS_UDP;
    if (from.flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_SCTP)
        info->ports_hashed |= PR_PORTS_SCTP;
    info->max_frame = from.max_rx_pktlen;
    info->max_rx_queues = from.max_rx_queues;
    info->max_tx_queues = from.max_tx_queues;
    info->max_mtu = from.max_mtu;
    info->min_descriptors = from.rx_desc_lim.nb_min;
    info->max_descriptors = from.rx_desc_lim.nb_max;
    info->reta_size = from.reta_size;
    info->hash_key_size = from.hash_key_size;
    info->scatter = (from.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
    info->checksums = (from.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0 &&
                      (from.rx_offload_capa & RTE_ETH_RX_OFFLOAD_UDP_CKSUM) != 0;
    info->timestamps = (from.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
    info->rss_hash = (from.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0;
#if HAS_RSS_ALGORITHM
    info->symmetric = (from.rss_algo_capa &
                       RTE_ETH_HASH_ALGO_CAPA_MASK(SYMMETRIC_TOEPLITZ)) != 0;
#endif
    info->link_interrupt = from.dev_flags != NULL && (*from.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0;
    info->removal_interrupt = from.dev_flags != NULL && (*from.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
    info->numa_node = (int16_t)rte_eth_dev_socket_id(port);
    return 0;
}

int pr_port_configure(uint16_t port, const struct pr_port_request *request)
{
    struct rte_eth_conf conf;
    memset(&conf, 0, sizeof(conf));
    conf.rxmode.mtu = request->mtu;
    if (request->scatter)
        conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
    if (request->checksums)
        conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    if (request->timestamps)
        conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    if (request->rss_hash)
        conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
    if (request->rss_key != NULL) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_key = (uint8_t *)(uintptr_t)request->rss_key;
        conf.rx_adv_conf.rss_conf.rss_key_len = request->rss_key_size;
        conf.rx_adv_conf.rss_conf.rss_hf = request->rss_types;
#if HAS_RSS_ALGORITHM
        if (request->symmetric)
            conf.rx_adv_conf.rss_conf.algorithm = RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ;
#endif
    }
    conf.intr_conf.rxq = request->rx_interrupts != 0;
    conf.intr_conf.lsc = request->link_interrupt != 0;
    conf.intr_conf.rmv = request->removal_interrupt != 0;
    return rte_eth_dev_configure(port, request->rx_queues, request->tx_queues, &conf);
}

int pr_port_stats(uint16_t port, struct pr_port_stats *stats)
{
    struct rte_eth_stats from;
    memset(&from, 0, sizeof(from));
    int result = rte_eth_stats_get(port, &from);
    stats->packets = from.ipackets;
    stats->missed = from.imissed;
    stats->errors = from.ierrors;
    stats->no_buffer = from.rx_nombuf;
    return result;
}

int pr_spread(uint16_t port, uint16_t entries, uint16_t queues)
{
    struct rte_eth_rss_reta_entry64 table[1024 / RTE_ETH_RETA_GROUP_SIZE];
    if (queues == 0 || entries == 0 || entries > 1024)
        return -EINVAL;
    memset(table, 0, sizeof(table));
    for (uint16_t i = 0; i < entries; i++) {
        struct rte_eth_rss_reta_entry64 *group = &table[i / RTE_ETH_RETA_GROUP_SIZE];
        group->mask |= UINT64_C(1) << (i % RTE_ETH_RETA_GROUP_SIZE);
        group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % queues;
    }
    return rte_eth_dev_rss_reta_update(port, table, entries);
}

int pr_link(uint16_t port, uint32_t *megabits, uint8_t *up)
{
    struct rte_eth_link link;
    memset(&link, 0, sizeof(link));
    int result = rte_eth_link_get_nowait(port, &link);
    if (result != 0)
        return result;
    *megabits = link.link_speed;
    *up = link.link_status == RTE_ETH_LINK_UP;
    return 0;
}

static int removed(uint16_t port, enum rte_eth_event_type event, void *flag, void *more)
{
    (void)port;
    (void)event;
    (void)more;
    __atomic_store_n((uint32_t *)flag, 1, __ATOMIC_RELEASE);
    return 0;
}

/* Whom to tell that a device is unplugged, by port. Kept here, since EAL finds a call-back again by its device's name only, and asking for that may fail
 * when the device has gone. */
static struct {
    char device[RTE_DEV_NAME_MAX_LEN];
    uint32_t *flag;
} told[RTE_MAX_ETHPORTS];
static rte_spinlock_t told_lock = RTE_SPINLOCK_INITIALIZER;

static void unplugged(const char *device, enum rte_dev_event_type event, void *more)
{
    (void)more;
    if (event != RTE_DEV_EVENT_REMOVE || device == NULL)
        return;
    rte_spinlock_lock(&told_lock);
    for (unsigned i = 0; i < RTE_MAX_ETHPORTS; i++)
        if (told[i].flag != NULL && strcmp(told[i].device, device) == 0)
            __atomic_store_n(told[i].flag, 1, __ATOMIC_RELEASE);
    rte_spinlock_unlock(&told_lock);
}

static void tell(uint16_t port, const char *device, uint32_t *flag)
{
    if (port >= RTE_MAX_ETHPORTS)
        return;
    rte_spinlock_lock(&told_lock);
    snprintf(told[port].device, sizeof(told[port].device), "%s", device);
    told[port].flag = flag;
    rte_spinlock_unlock(&told_lock);
}

static const struct rte_device *device_of(uint16_t port)
{
    struct rte_eth_dev_info info;
    memset(&info, 0, sizeof(info));
    return rte_eth_dev_info_get(port, &info) == 0 ? info.device : NULL;
}

int pr_watch_devices(void)
{
    int result = rte_dev_event_callback_register(NULL, unplugged, NULL);
    if (result == 0)
        result = rte_dev_hotplug_handle_enable();
    return result != 0 ? result : rte_dev_event_monitor_start();
}

int pr_on_removal(uint16_t port, uint32_t *flag)
{
    const struct rte_device *device = device_of(port);
    if (device != NULL)
        tell(port, rte_dev_name(device), flag);
    return rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RMV, removed, flag);
}

int pr_forget_removal(uint16_t port, uint32_t *flag)
{
    tell(port, "", NULL);
    return rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_RMV, removed, flag);
}

static void passed(void *flag)
{
    __atomic_store_n((uint32_t *)flag, 1, __ATOMIC_RELEASE);
}

/* Waits until EAL's thread for interrupts has handled all that had come before, by alarms, which it handles as well. Drivers (net_e1000_em for one) take the
 * handler of an interrupt back when they close their port, are refused while it runs, do not try again, and free what it works on. Three rounds: in the first the
 * thread may only learn of a handler that is new, in the second the alarm may come before the interrupt, behind the third that one is done. */
static void let_interrupts_pass(void)
{
    for (int round = 0; round < 3; round++) {
        uint32_t flag = 0;
        if (rte_eal_alarm_set(1, passed, &flag) != 0)
            return;
        for (int step = 0; __atomic_load_n(&flag, __ATOMIC_ACQUIRE) == 0; step++) {
            if (step == STEPS) {
                rte_eal_alarm_cancel(passed, &flag);
                return;
            }
            rte_delay_us_sleep(STEP);
        }
    }
}

int pr_close(uint16_t port, uint8_t is_removed)
{
    const struct rte_device *device = device_of(port);
    let_interrupts_pass();
    int result = rte_eth_dev_close(port);
    if (is_removed && device != NULL)
        result = rte_dev_remove((struct rte_device *)(uintptr_t)device);
    return result;
}

int pr_take_events(int epoll, int milliseconds)
{
    struct rte_epoll_event events[MAX_EVENTS];
    return rte_epoll_wait(epoll, events, MAX_EVENTS, milliseconds);
}

uint64_t pr_page_size(const struct rte_mempool *pool)
{
    const struct rte_mempool_memhdr *chunk;
    uint64_t smallest = 0;
    STAILQ_FOREACH(chunk, &pool->mem_list, next) {
        const struct rte_memseg *segment = rte_mem_virt2memseg(chunk->addr, NULL);
        if (segment != NULL && (smallest == 0 || segment->hugepage_sz < smallest))
            smallest = segment->hugepage_sz;
    }
    return smallest;
}

const char *pr_version(void)
{
    return rte_version();
}
