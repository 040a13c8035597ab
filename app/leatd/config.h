// SPDX-License-Identifier: BSD-3-Clause
// What leat.yaml says, checked. docs/configuration.md is the reference; the table in config.c is
// the schema.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "pkt/addr.h"

#define LEATD_MAX_WORKERS 64
#define LEATD_MAX_PORTS 16
#define LEATD_MAX_VLANS 16
#define LEATD_MAX_ADDRESSES 32
#define LEATD_MAX_SERVICES 64
#define LEATD_MAX_INTERFACES 63
#define LEATD_PORT_NAME 12 // with its NUL
#define LEATD_IFACE_NAME 16
#define LEATD_TEXT 256
#define LEATD_SOCKET_PATH 108

// Ports of active opens: a claim of the fast path in itself.
#define LEATD_EPHEMERAL_FIRST 49152
#define LEATD_EPHEMERAL_LAST 65535

enum leatd_idle { LEATD_IDLE_SPIN, LEATD_IDLE_SLEEP };
enum leatd_service_type { LEATD_HTTP, LEATD_ECHO, LEATD_DISCARD };
enum leatd_protocol { LEATD_PROTOCOL_UNSET, LEATD_TCP, LEATD_UDP };

struct leatd_vlan_conf {
	uint32_t id;
	uint32_t n_addresses;
	struct leat_prefix addresses[LEATD_MAX_ADDRESSES];
};

struct leatd_port_conf {
	char name[LEATD_PORT_NAME];
	char device[LEATD_TEXT];
	char netns[LEATD_TEXT]; // "": leatd's own
	uint32_t mtu;
	uint32_t n_addresses;
	struct leat_prefix addresses[LEATD_MAX_ADDRESSES];
	uint32_t n_vlans;
	struct leatd_vlan_conf vlans[LEATD_MAX_VLANS];
};

struct leatd_service_conf {
	char name[16];
	uint32_t type;     // enum leatd_service_type
	uint32_t protocol; // enum leatd_protocol
	uint32_t port;
	union leat_ip address; // any: 0.0.0.0
};

struct leatd_conf {
	struct {
		char name[16];
	} stack;
	struct {
		char socket[LEATD_SOCKET_PATH];
	} control;
	struct {
		uint32_t n_cpus;
		uint32_t cpus[LEATD_MAX_WORKERS];
		uint32_t idle; // enum leatd_idle
	} workers;
	struct {
		uint32_t cpu;
	} housekeeping;
	struct {
		bool hugepages;
		uint32_t megabytes, mbufs, mbuf_size;
	} memory;
	struct {
		uint32_t connections, half_open, time_wait, neighbours, routes;
		uint32_t reassembly_kib, send_buffer_kib, receive_buffer_kib;
	} limits;
	uint32_t n_ports;
	struct leatd_port_conf ports[LEATD_MAX_PORTS];
	struct {
		bool enabled;
		bool persist;
		char netns[LEATD_TEXT];
	} exception;
	struct {
		bool echo;
	} icmp;
	uint32_t n_services;
	struct leatd_service_conf services[LEATD_MAX_SERVICES];
};

// Read and check a file; nothing else is touched.
// conf  set in any case, to be used on success only
// err   where each error goes, a line "file:line:column: key.path: what is wrong"
// Returns 0, or -EINVAL when something is wrong.
int leatd_conf_load(const char *file, struct leatd_conf *conf, FILE *err);

// Name of the interface of a port's VLAN: <port>.<id>. Returns buf (LEATD_IFACE_NAME bytes).
char *leatd_vlan_name(const struct leatd_port_conf *p, uint32_t id, char *buf);

const char *leatd_service_type_name(uint32_t type);
