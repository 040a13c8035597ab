// SPDX-License-Identifier: BSD-3-Clause
// show punt: what went up to the kernel and came down from it. Called by show.c.
#include "app/leatd/show.h"
#include "kni/kni.h"

json_t *leatd_show_punt(struct show *s)
{
	const struct leat_link *link = s->d->stack->link;
	json_t *classes = json_array(), *taps = json_array();
	struct leat_kni_counts n = {0};

	if (s->d->kni)
		leat_kni_counts(s->d->stack, &n);
	for (unsigned c = 0; c < LEAT_PUNT_MAX; c++)
		json_array_append_new(classes,
			json_pack("{s:s, s:I, s:I}", "class", leat_punt_class_name(c), "punted",
				(json_int_t)n.punted[c], "dropped", (json_int_t)n.punt_dropped[c]));
	for (uint16_t i = 1; s->d->kni && i < link->n_ifaces; i++) {
		const struct leat_iface *iface = leat_iface_at(s->d->stack, i);
		const char *name = iface != NULL ? leat_kni_tap_name(s->d->stack, iface) : NULL;

		if (name != NULL)
			json_array_append_new(taps,
				json_pack("{s:s, s:s}", "name", name, "interface", iface->name));
	}
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "classes", classes, "injected",
		(json_int_t)n.injected, "inject_dropped", (json_int_t)n.inject_dropped,
		"tap_written", (json_int_t)n.tap_written, "tap_write_failed",
		(json_int_t)n.tap_write_failed, "mirror_resyncs", (json_int_t)n.resyncs,
		"mirror_enobufs", (json_int_t)n.enobufs, "tap", taps);
}
