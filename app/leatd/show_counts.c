// SPDX-License-Identifier: BSD-3-Clause
// show stages, drops, packets, tcp: counters of workers, read as they stand while the workers go
// on. Called by show.c.
#include "app/leatd/show.h"
#include "core/lcore.h"
#include "core/stage.h"
#include "transport/transport.h"

json_t *leatd_show_stages(struct show *s)
{
	json_t *out = json_array();

	for (unsigned id = 0; id < LEAT_STAGE_MAX; id++) {
		struct leat_stage sum = {0};
		json_t *cycles;

		for (uint16_t i = 0; i < s->d->stack->n_lcores; i++) {
			const struct leat_stage *st = &s->d->stack->lcores[i]->stages[id];

			sum.batches += st->batches;
			sum.packets += st->packets;
			sum.sampled_packets += st->sampled_packets;
			sum.sampled_cycles += st->sampled_cycles;
		}
		cycles = sum.sampled_packets > 0 ? json_real((double)sum.sampled_cycles /
							     (double)sum.sampled_packets)
						 : json_null();
		json_array_append_new(
			out, json_pack("{s:s, s:I, s:I, s:o}", "stage", leat_stage_name(id),
				     "batches", (json_int_t)sum.batches, "packets",
				     (json_int_t)sum.packets, "cycles_per_packet", cycles));
	}
	return out;
}

static uint64_t drops_of(const struct leat_stack *st, unsigned reason)
{
	uint64_t n = 0;

	for (uint16_t i = 0; i < st->n_lcores; i++)
		n += st->lcores[i]->drops[reason];
	return n;
}

json_t *leatd_show_drops(struct show *s)
{
	json_t *out = json_array();

	for (unsigned r = LEAT_DROP_NONE + 1; r < LEAT_DROP_MAX; r++) {
		uint64_t n = drops_of(s->d->stack, r);

		if (n == 0 && !s->all)
			continue;
		json_array_append_new(
			out, json_pack("{s:s, s:s, s:I}", "reason", leat_drop_name(r), "text",
				     leat_drop_text(r), "packets", (json_int_t)n));
	}
	return out;
}

json_t *leatd_show_packets(struct show *s)
{
	struct leat_counts sum = {0};
	uint64_t dropped = 0;

	for (uint16_t i = 0; i < s->d->stack->n_lcores; i++) {
		const struct leat_counts *c = &s->d->stack->lcores[i]->count;

		sum.received += c->received;
		sum.created += c->created;
		sum.transmitted += c->transmitted;
		sum.consumed += c->consumed;
		sum.punted += c->punted;
		sum.merged += c->merged;
		sum.held += c->held;
	}
	for (unsigned r = 0; r < LEAT_DROP_MAX; r++)
		dropped += drops_of(s->d->stack, r);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "received",
		(json_int_t)sum.received, "created", (json_int_t)sum.created, "transmitted",
		(json_int_t)sum.transmitted, "consumed", (json_int_t)sum.consumed, "punted",
		(json_int_t)sum.punted, "dropped", (json_int_t)dropped, "merged",
		(json_int_t)sum.merged, "held", (json_int_t)sum.held);
}

json_t *leatd_show_tcp(struct show *s)
{
	static const struct {
		const char *name;
		size_t offset;
	} all[] = {
#define F(field) {#field, offsetof(struct leat_tcp_stats, field)}
		F(active_opens),
		F(passive_opens),
		F(failed_opens),
		F(established_resets),
		F(segs_in),
		F(segs_out),
		F(bytes_in),
		F(bytes_out),
		F(retransmits),
		F(fast_retransmits),
		F(timeouts),
		F(probes),
		F(dup_acks),
		F(resets_sent),
		F(resets_received),
		F(challenge_acks),
		F(time_waits),
#undef F
	};
	json_t *out = json_object();

	for (size_t k = 0; k < RTE_DIM(all); k++) {
		uint64_t n = 0;

		for (uint16_t i = 0; i < s->d->stack->n_lcores; i++) {
			const char *st = (const char *)leat_tcp_stats(s->d->stack->lcores[i]);

			n += *(const uint64_t *)(const void *)(st + all[k].offset);
		}
		json_object_set_new(out, all[k].name, json_integer((json_int_t)n));
	}
	return out;
}
