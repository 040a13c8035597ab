// SPDX-License-Identifier: BSD-3-Clause
// show ports: what the drivers count, and which functions each port's device has taken. Called by
// show.c.
#include <string.h>
#include <rte_ethdev.h>

#include "app/leatd/show.h"
#include "link/port.h"

static json_t *offloads(const struct leat_port *p)
{
	static const struct {
		const char *function; // as the table of network functions names it
		uint64_t rx, tx;
	} all[] = {
		{"rx-cksum-ip", RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, 0},
		{"rx-cksum-l4", RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM, 0},
		{"vlan-strip", RTE_ETH_RX_OFFLOAD_VLAN_STRIP, 0},
		{"tx-cksum-ip", 0, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM},
		{"tx-cksum-l4", 0, RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM},
		{"tso", 0, RTE_ETH_TX_OFFLOAD_TCP_TSO},
		{"vlan-push", 0, RTE_ETH_TX_OFFLOAD_VLAN_INSERT},
	};
	json_t *o = json_object();

	for (size_t i = 0; i < RTE_DIM(all); i++) {
		bool device = (p->rx_offloads & all[i].rx) == all[i].rx &&
			      (p->tx_offloads & all[i].tx) == all[i].tx;

		json_object_set_new(o, all[i].function, json_string(device ? "device" : "cpu"));
	}
	json_object_set_new(o, "rss", json_string(p->n_rxq > 1 ? "device" : "cpu"));
	return o;
}

static json_t *port(const struct leat_port *p)
{
	struct rte_eth_stats st = {0};
	struct rte_eth_dev_info info = {0};
	struct rte_eth_link link = {0};
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	uint64_t missed;

	rte_eth_stats_get(p->port_id, &st);
	missed = st.imissed + st.rx_nombuf + st.ierrors;
	rte_eth_dev_info_get(p->port_id, &info);
	rte_eth_link_get_nowait(p->port_id, &link);
	rte_ether_format_addr(mac, sizeof(mac), &p->mac);
	for (char *c = mac; *c != '\0'; c++)
		*c |= 0x20; // lower case, as the kernel's tools write it; ':' and digits have the
			    // bit
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
		"name", p->name, "device", p->device, "driver",
		info.driver_name != NULL ? info.driver_name : "?", "mac", mac, "mtu", (int)p->mtu,
		"link", link.link_status ? "up" : "down", "rx_packets", (json_int_t)st.ipackets,
		"tx_packets", (json_int_t)st.opackets, "rx_bytes", (json_int_t)st.ibytes,
		"tx_bytes", (json_int_t)st.obytes, "rx_missed", (json_int_t)missed, "tx_dropped",
		(json_int_t)st.oerrors, "offloads", offloads(p));
}

json_t *leatd_show_ports(struct show *s)
{
	const struct leat_link *link = s->d->stack->link;
	json_t *out = json_array();

	for (uint16_t i = 0; i < link->n_ports; i++) {
		if (link->ports[i] != NULL)
			json_array_append_new(out, port(link->ports[i]));
	}
	return out;
}
