// SPDX-License-Identifier: BSD-3-Clause
// Punt and inject: the rings between workers and the exception thread, and the thread. punt and
// inject are called by workers; all else is the thread's, or main's before it starts and after it
// ends.
//
// No doorbell: the thread sleeps in ppoll on the TAPs with a timeout and looks at the punt rings
// when it wakes, after 50 us while there is work, later and later up to 1 ms while there is none.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_lcore.h>

#include "core/lcore.h"
#include "core/numa.h"
#include "ip/ip.h"
#include "kni/kni_private.h"
#include "link/port.h"

#define RING_SIZE 2048
#define NAP_MIN_NS 50000
#define NAP_MAX_NS 1000000
#define BUDGET 64 // frames of one ring or TAP in a turn

// ---- the worker's part ----

void leat_exception_punt(struct leat_lcore *lc, struct rte_mbuf *m, enum leat_punt_class c)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_PUNT, 1);
	struct leat_kni_lcore *k = lc->kni;
	const uint16_t iface = leat_meta(m)->iface;

	if (unlikely(iface >= LEAT_MAX_IFACES || k->kni->taps[iface] == NULL)) {
		leat_drop(lc, m, LEAT_DROP_PUNT_OFF);
	} else if (likely(rte_ring_sp_enqueue(k->punt, m) == 0)) {
		k->punted[c]++;
		lc->count.punted++;
	} else {
		k->punt_dropped[c]++;
		leat_drop(lc, m, LEAT_DROP_PUNT_FULL);
	}
	leat_stage_leave(lc, LEAT_STAGE_PUNT, f);
}

static __rte_noinline uint16_t inject_some(struct leat_lcore *lc, struct leat_kni_lcore *k)
{
	struct rte_mbuf *pkts[LEAT_BURST];
	uint16_t n =
		(uint16_t)rte_ring_sc_dequeue_burst(k->inject, (void **)pkts, LEAT_BURST, NULL);
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_INJECT, n);

	lc->count.created += n;
	k->injected += n;
	for (uint16_t i = 0; i < n; i++)
		leat_port_tx(lc, leat_iface_at(lc->stack, leat_meta(pkts[i])->iface), pkts[i]);
	leat_stage_leave(lc, LEAT_STAGE_INJECT, f);
	return n;
}

uint16_t leat_exception_inject(struct leat_lcore *lc, void *ctx)
{
	struct leat_kni_lcore *k = ctx;

	// Nearly always so: two loads and a comparison.
	if (likely(rte_ring_empty(k->inject)))
		return 0;
	return inject_some(lc, k);
}

// ---- punted frames to the TAPs ----

static void write_frame(struct leat_kni *k, struct rte_mbuf *m)
{
	struct leat_exception *ex = &k->ex;
	struct leat_tap *t = k->taps[leat_meta(m)->iface];
	const bool tagged = t->keep_tag && (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) &&
			    (m->vlan_tci & 0xfff) != 0;

	if (leat_vnet_encode(m, tagged, &ex->out) == 0 &&
		writev(t->fd, ex->out.iov, ex->out.n_iov) >= 0)
		ex->written++;
	else
		ex->write_failed++; // down: EIO
	leat_pkt_unpoison(m);
	rte_pktmbuf_free(m);
}

static unsigned drain_punts(struct leat_kni *k, struct leat_kni_lcore *kl)
{
	struct rte_mbuf *pkts[BUDGET];
	unsigned n = rte_ring_sc_dequeue_burst(kl->punt, (void **)pkts, BUDGET, NULL);

	for (unsigned i = 0; i < n; i++)
		write_frame(k, pkts[i]);
	return n;
}

// ---- frames from the TAPs to the workers ----

// The worker of a frame: all of a flow to the same, so that they stay in order.
static uint16_t choose_worker(const struct leat_stack *s, const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip;
	uint16_t ports[2] = {0, 0};
	union leat_ip src, dst;
	uint32_t off = m->l2_len, hash;

	if (s->n_lcores == 1 || m->data_len < off + sizeof(*ip))
		return 0;
	ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, off);
	if (*rte_pktmbuf_mtod_offset(m, const uint16_t *, off - 2) != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return 0; // little of it: ND, and what has no flow
	off += rte_ipv4_hdr_len(ip);
	// Fragments have no ports, and go by themselves.
	if ((ip->next_proto_id == IPPROTO_TCP || ip->next_proto_id == IPPROTO_UDP) &&
		!(ip->fragment_offset &
			RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) &&
		m->data_len >= off + sizeof(ports))
		memcpy(ports, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), sizeof(ports));
	src = leat_ip_from_be32(ip->src_addr);
	dst = leat_ip_from_be32(ip->dst_addr);
	hash = leat_flow_hash(&src, &dst, rte_be_to_cpu_16(ports[0]), rte_be_to_cpu_16(ports[1]),
		ip->next_proto_id);
	return leat_flow_owner(s->lcores[0], hash);
}

// Buffers for the longest frame. False while the pool is too empty.
static bool refill(struct leat_kni *k)
{
	struct leat_exception *ex = &k->ex;
	struct rte_mempool *pool = k->stack->lcores[0]->pool;

	for (; ex->n_have < ex->n_segs; ex->n_have++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (m == NULL)
			return false;
		ex->segs[ex->n_have] = m;
		ex->iov[1 + ex->n_have] =
			(struct iovec){rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m)};
	}
	return true;
}

// The buffers that a frame of len bytes has filled, as a chain; the rest stay for the next.
static struct rte_mbuf *take_chain(struct leat_exception *ex, uint32_t len)
{
	struct rte_mbuf *head = ex->segs[0], *last = NULL;
	uint16_t used = 0;

	head->pkt_len = len;
	do {
		struct rte_mbuf *m = ex->segs[used];

		m->data_len = (uint16_t)RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
		len -= m->data_len;
		if (last != NULL)
			last->next = m;
		last = m;
		used++;
	} while (len > 0 && used < ex->n_have);
	head->nb_segs = used;
	for (uint16_t i = used; i < ex->n_have; i++) {
		ex->segs[i - used] = ex->segs[i];
		ex->iov[1 + i - used] = ex->iov[1 + i];
	}
	ex->n_have -= used;
	return head;
}

static void pass_on(struct leat_kni *k, const struct leat_tap *t, struct rte_mbuf *m)
{
	const struct leat_stack *s = k->stack;

	*leat_meta(m) = (struct leat_meta){.iface = t->iface->idx};
	if (leat_vnet_decode(m, &k->ex.hdr) == 0 &&
		rte_ring_sp_enqueue(s->lcores[choose_worker(s, m)]->kni->inject, m) == 0)
		return;
	k->ex.inject_dropped++;
	rte_pktmbuf_free(m);
}

// A worker whose ring is full makes the TAP wait, whose queue then slows down the kernel's senders.
static bool ready(struct leat_kni *k)
{
	for (uint16_t i = 0; i < k->stack->n_lcores; i++)
		if (rte_ring_full(k->stack->lcores[i]->kni->inject))
			return false;
	return refill(k);
}

static unsigned read_tap(struct leat_kni *k, const struct leat_tap *t)
{
	struct leat_exception *ex = &k->ex;
	unsigned n = 0;
	ssize_t len;

	while (n < BUDGET) {
		if (!ready(k)) {
			ex->blocked = true;
			break;
		}
		len = readv(t->fd, ex->iov, 1 + ex->n_have);
		if (len < 0 && (errno == EAGAIN || errno == EBADFD || errno == EINTR))
			break;
		n++;
		if (len <= (ssize_t)sizeof(ex->hdr))
			ex->inject_dropped++; // longer than any frame we agreed to
		else
			pass_on(k, t, take_chain(ex, (uint32_t)(len - sizeof(ex->hdr))));
	}
	return n;
}

// ---- the thread ----

// Wait for frames from the kernel, or the end. Returns false at the end.
static bool wait_fds(struct leat_kni *k, long nap_ns)
{
	struct leat_exception *ex = &k->ex;
	const struct timespec ts = {0, nap_ns};
	nfds_t n = 1;

	ex->fds[0] = (struct pollfd){ex->stop_fd, POLLIN, 0};
	for (uint16_t i = 1; i < LEAT_MAX_IFACES && !ex->blocked; i++) {
		if (k->taps[i] == NULL || k->taps[i]->gone)
			continue;
		ex->fd_tap[n] = k->taps[i];
		ex->fds[n++] = (struct pollfd){k->taps[i]->fd, POLLIN, 0};
	}
	for (nfds_t i = n; i < RTE_DIM(ex->fds); i++)
		ex->fds[i].revents = 0;
	ex->blocked = false;
	// A signal for somebody else in this process only cuts the nap short.
	if (ppoll(ex->fds, n, &ts, NULL) <= 0)
		for (nfds_t i = 0; i < n; i++)
			ex->fds[i].revents = 0;
	return !(ex->fds[0].revents & POLLIN);
}

static unsigned work(struct leat_kni *k)
{
	struct leat_exception *ex = &k->ex;
	unsigned n = 0;

	for (uint16_t i = 0; i < k->stack->n_lcores; i++)
		n += drain_punts(k, k->stack->lcores[i]->kni);
	for (nfds_t i = 1; i < RTE_DIM(ex->fds); i++) {
		if (ex->fds[i].revents & (POLLERR | POLLNVAL))
			ex->fd_tap[i]->gone = true; // or ppoll would return at once for ever
		else if (ex->fds[i].revents & POLLIN)
			n += read_tap(k, ex->fd_tap[i]);
	}
	return n;
}

unsigned leat_exception_turn(struct leat_kni *k)
{
	wait_fds(k, 0);
	return work(k);
}

static void settle_in(const struct leat_kni *k)
{
	cpu_set_t set;

	prctl(PR_SET_NAME, "leat-exception");
	prctl(PR_SET_TIMERSLACK, 1ul); // naps of 50 us would else take 100
	if (k->conf.cpu >= 0 && k->conf.cpu < CPU_SETSIZE) {
		CPU_ZERO(&set);
		CPU_SET(k->conf.cpu, &set);
		pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	}
}

// What the workers had given to the kernel before they ended.
static void drain_all(struct leat_kni *k)
{
	for (uint16_t i = 0; i < k->stack->n_lcores; i++) {
		struct leat_kni_lcore *kl = k->stack->lcores[i]->kni;

		for (unsigned left = rte_ring_count(kl->punt); left > 0;
			left -= RTE_MIN(left, (unsigned)BUDGET))
			drain_punts(k, kl);
	}
}

static void *thread_main(void *arg)
{
	struct leat_kni *k = arg;
	long nap = NAP_MIN_NS;
	// Only for the mempools' caches: where EAL has no lcore id left, it goes without.
	bool registered;

	settle_in(k);
	registered = rte_thread_register() == 0;
	while (wait_fds(k, nap)) {
		if (work(k) != 0)
			nap = NAP_MIN_NS;
		else
			nap = RTE_MIN(nap * 2, (long)NAP_MAX_NS);
	}
	drain_all(k);
	if (registered)
		rte_thread_unregister();
	return NULL;
}

int leat_exception_start(struct leat_kni *k)
{
	sigset_t all, old;
	int rc;

	if (k->ex.running)
		return -EALREADY;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); // signals are main's
	rc = pthread_create(&k->ex.thread, NULL, thread_main, k);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	k->ex.running = rc == 0;
	return -rc;
}

void leat_exception_stop(struct leat_kni *k)
{
	eventfd_t taken;

	if (!k->ex.running)
		return;
	eventfd_write(k->ex.stop_fd, 1);
	pthread_join(k->ex.thread, NULL);
	eventfd_read(k->ex.stop_fd, &taken);
	k->ex.running = false;
}

// ---- start and end ----

static int make_rings(struct leat_kni *k, struct leat_lcore *lc)
{
	struct leat_kni_lcore *kl = lc->kni;
	const uint32_t want = k->conf.ring_size != 0 ? k->conf.ring_size : RING_SIZE;
	const uint32_t size = rte_align32pow2(want + 1); // one place of a ring stays empty
	const unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ;
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s_p%u", k->stack->conf.name, lc->id);
	kl->punt = rte_ring_create(name, size, lc->node, flags);
	snprintf(name, sizeof(name), "%s_j%u", k->stack->conf.name, lc->id);
	kl->inject = rte_ring_create(name, size, lc->node, flags);
	return kl->punt == NULL || kl->inject == NULL ? -rte_errno : 0;
}

int leat_exception_init(struct leat_kni *k, char *err, size_t err_len)
{
	struct leat_exception *ex = &k->ex;
	struct leat_stack *s = k->stack;
	const uint32_t room = rte_pktmbuf_data_room_size(s->lcores[0]->pool) - RTE_PKTMBUF_HEADROOM;
	const uint32_t segs = (LEAT_VNET_MAX_FRAME + room - 1) / room;
	int rc = 0;

	ex->iov[0] = (struct iovec){&ex->hdr, sizeof(ex->hdr)};
	ex->n_segs = (uint16_t)segs;
	ex->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ex->stop_fd < 0)
		rc = -errno;
	else if (segs > LEAT_TAP_SEGS)
		rc = -EINVAL;
	for (uint16_t i = 0; i < s->n_lcores && rc == 0; i++) {
		struct leat_kni_lcore *kl = leat_numa_alloc(sizeof(*kl), s->lcores[i]->node);

		s->lcores[i]->kni = kl;
		if (kl == NULL) {
			rc = -ENOMEM;
			break;
		}
		kl->kni = k;
		rc = make_rings(k, s->lcores[i]);
	}
	if (rc != 0)
		snprintf(err, err_len, "exception path: rings: %s", strerror(-rc));
	return rc;
}

static void empty_ring(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (r != NULL && rte_ring_sc_dequeue(r, (void **)&m) == 0) {
		leat_pkt_unpoison(m);
		rte_pktmbuf_free(m);
	}
	rte_ring_free(r);
}

void leat_exception_fini(struct leat_kni *k)
{
	struct leat_exception *ex = &k->ex;

	leat_exception_stop(k);
	for (uint16_t i = 0; i < k->stack->n_lcores; i++) {
		struct leat_kni_lcore *kl = k->stack->lcores[i]->kni;

		if (kl == NULL)
			continue;
		empty_ring(kl->punt);
		empty_ring(kl->inject);
		k->stack->lcores[i]->kni = NULL;
		leat_numa_free(kl, sizeof(*kl));
	}
	while (ex->n_have > 0)
		rte_pktmbuf_free(ex->segs[--ex->n_have]);
	if (ex->stop_fd >= 0)
		close(ex->stop_fd);
	ex->stop_fd = -1;
}
