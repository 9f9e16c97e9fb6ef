/*
 * name - which texts may stand as a name, and how a slot is written.
 *
 * Cluster, host and label names become parts of etcd keys, DNS names and paths;
 * the rules here are what keeps the three safe. Names are short because every
 * one of them stands in the payload, and clients read no more than 4,096 bytes.
 */
#ifndef MODEL_NAME_H
#define MODEL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define CLUSTER_NAME_MAX 40
#define HOST_NAME_TEXT_MAX 63
#define LABEL_TEXT_MAX 63
#define DOMAIN_MAX 128
#define UID_TEXT_SIZE 17  /* 16 hex digits and NUL */
#define IPV4_TEXT_SIZE 16 /* "255.255.255.255" and NUL */
#define HOSTNAME_TEXT_MAX (4 + 1 + CLUSTER_NAME_MAX + 1 + DOMAIN_MAX) /* slot, cluster, domain */
#define ENDPOINT_TEXT_SIZE 300

/* Slots are 1..SLOT_MAX and written with four digits, so that text order is slot order. */
#define SLOT_MAX 9999
#define SLOT_TEXT_SIZE 5

/* A DNS label (RFC 1123): lower case letters, digits and inner hyphens, 1..`max` bytes. */
bool name_is_label(const char *text, size_t max);

/* Dot-separated labels, at most DOMAIN_MAX bytes in all. */
bool name_is_domain(const char *text);

/* Dot-separated labels, at most HOSTNAME_TEXT_MAX bytes in all. IPv4 addresses are some, too. */
bool name_is_hostname(const char *text);

/* A label's value: empty, or letters, digits, '-', '_', '.', at most LABEL_TEXT_MAX bytes. */
bool name_is_label_value(const char *text);

/* Exactly 16 lower case hex digits. */
bool name_is_uid(const char *text);

/* Dotted IPv4, no leading zeros. */
bool name_is_ipv4(const char *text);

/* `slot` must be 1..SLOT_MAX. */
void slot_format(uint32_t slot, char out[SLOT_TEXT_SIZE]);

/* "0001" .. "9999". Returns whether `out` was set. */
MUST_USE bool slot_parse(const char *text, uint32_t *out);

/* IPv4 as a number in host order, so that pools can be counted through. */
MUST_USE bool ipv4_parse(const char *text, uint32_t *out);
void ipv4_format(uint32_t address, char out[IPV4_TEXT_SIZE]);

#endif
