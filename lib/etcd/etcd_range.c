/*
 * The reads of etcd.h.
 *
 * A long list is asked for in pages of one revision: a page is answered well within a try's time
 * limit, however many keys there are, and what is kept of it is the bytes that count. For each page
 * etcd looks at all keys from there to the end (3.4), so pages of small values grow; one that is
 * not answered is asked for again in the size that always can be.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "etcd/etcd.h"
#include "etcd/etcd_call.h"
#include "etcd/etcd_request.h"

/* Of the largest values that muster writes, so many stay below the reply's limit. */
#define PAGE_KEYS 100
#define PAGE_KEYS_MAX 1600
#define PAGE_KEYS_ALONE 10000               /* keys without values */
#define PAGE_BYTES_LOW ((size_t)512 * 1024) /* the next page after a smaller one may be larger */
#define PAGE_BYTES_HIGH ((size_t)2 * 1024 * 1024) /* after a larger one it is smaller */

/* The texts of a page. */
struct page {
    struct page *next;
    char texts[];
};

struct etcd_pager {
    char *key;
    char *end;
    struct etcd_range range; /* the next page */
    uint64_t limit;          /* of the whole; 0: none */
    uint64_t page_keys;      /* of the next page */
    struct str cautious;     /* the request on its way, with PAGE_KEYS; "": it has no more */
    struct etcd_header header;
    struct page *pages;
    struct etcd_kv *kvs;
    size_t count;
    bool more;
    uint64_t total;
};

void etcd_pager_free(struct etcd_pager *pager)
{
    if (pager == NULL) {
        return;
    }
    while (pager->pages != NULL) {
        struct page *page = pager->pages;

        pager->pages = page->next;
        free(page);
    }
    str_deinit(&pager->cautious);
    free(pager->kvs);
    free(pager->key);
    free(pager->end);
    free(pager);
}
DEFINE_CLEANUP(struct etcd_pager, etcd_pager_free);

/* How many keys a page of at most `keys` may have after `count` ones. */
static uint64_t page_limit(const struct etcd_pager *pager, size_t count, uint64_t keys)
{
    uint64_t left = pager->limit - count;

    return pager->limit != 0 && left < keys ? left : keys;
}

/* After a page whose reply had so many bytes. */
static uint64_t page_keys_after(uint64_t keys, size_t bytes)
{
    if (bytes < PAGE_BYTES_LOW && keys < PAGE_KEYS_MAX) {
        return 2 * keys;
    }
    return PAGE_BYTES_HIGH < bytes && PAGE_KEYS < keys ? keys / 2 : keys;
}

static struct etcd_pager *pager_new(const struct etcd_range *range)
{
    CLEANUP(etcd_pager_free_p) struct etcd_pager *pager = mem_alloc(sizeof(*pager));

    if (pager == NULL) {
        return NULL;
    }
    pager->key = mem_strdup(range->key);
    if (pager->key == NULL) {
        return NULL;
    }
    pager->range = *range;
    pager->range.key = pager->key;
    if (range->end != NULL) {
        pager->end = mem_strdup(range->end);
        pager->range.end = pager->end;
        if (pager->end == NULL) {
            return NULL;
        }
    }
    pager->limit = range->limit;
    pager->page_keys = range->keys_only ? PAGE_KEYS_ALONE : PAGE_KEYS;
    pager->range.limit = page_limit(pager, 0, pager->page_keys);
    str_init(&pager->cautious, ETCD_REQUEST_BYTES_MAX);
    return TAKE(pager);
}

static char *copy_bytes(char **room, const char *bytes, size_t size)
{
    char *copy = *room;

    memcpy(copy, bytes, size);
    *room += size;
    return copy;
}

/* Append a page; false: out of memory, nothing changed. */
static bool pager_add(struct etcd_pager *pager, const struct etcd_range_result *result)
{
    size_t count = pager->count + result->count;
    struct etcd_kv *kvs = mem_realloc(pager->kvs, count * sizeof(*kvs));
    size_t bytes = 0;
    struct page *page;
    char *room;
    size_t i;

    if (kvs == NULL) {
        return false;
    }
    pager->kvs = kvs;
    for (i = 0; i < result->count; i++) {
        bytes += strlen(result->kvs[i].key) + 1 + result->kvs[i].value_bytes + 1;
    }
    page = mem_alloc(sizeof(*page) + bytes);
    if (page == NULL) {
        return false;
    }
    room = page->texts;
    for (i = 0; i < result->count; i++) {
        struct etcd_kv *kv = &kvs[pager->count + i];

        *kv = result->kvs[i];
        kv->key = copy_bytes(&room, kv->key, strlen(kv->key) + 1);
        kv->value = copy_bytes(&room, kv->value, kv->value_bytes + 1);
    }
    page->next = pager->pages;
    pager->pages = page;
    pager->count = count;
    return true;
}

static bool is_last(const struct etcd_pager *pager, const struct etcd_wire_range *page)
{
    return !page->result.more || page->last_key == NULL ||
           (pager->limit != 0 && pager->limit <= pager->count + page->result.count);
}

/* The request for at most `keys` of what lies behind `page`. */
static void write_next(const struct etcd_pager *pager, const struct etcd_wire_range *page,
                       uint64_t keys, struct str *out)
{
    struct etcd_range range = pager->range;

    range.limit = page_limit(pager, pager->count + page->result.count, keys);
    range.revision = pager->header.revision;
    etcd_request_range_after(out, &range, page->last_key, page->last_key_bytes);
}

void etcd_pager_step_back(struct etcd_pager *pager, struct str *body)
{
    struct str former = *body;

    if (pager->cautious.size == 0) {
        return;
    }
    *body = pager->cautious;
    pager->cautious = former;
    str_clear(&pager->cautious);
    pager->page_keys = PAGE_KEYS;
}

static int read_page(struct etcd_call *call, const char *body, size_t size, struct err *err)
{
    CLEANUP(etcd_wire_range_deinit) struct etcd_wire_range page = { 0 };
    CLEANUP(str_deinit) struct str next;
    struct etcd_pager *pager = call->pager;
    bool last;
    int rv = etcd_wire_range(body, size, &page, err);

    str_init(&next, ETCD_REQUEST_BYTES_MAX);
    if (rv < 0) {
        return rv;
    }
    if (pager->pages == NULL) {
        pager->header = page.header;
        pager->total = page.result.total;
        call->etcd->seen = page.header;
    }
    last = is_last(pager, &page);
    pager->page_keys = page_keys_after(pager->page_keys, size);
    str_clear(&pager->cautious);
    if (!last) {
        write_next(pager, &page, pager->page_keys, &next);
    }
    if (!last && PAGE_KEYS < pager->page_keys) {
        write_next(pager, &page, PAGE_KEYS, &pager->cautious);
    }
    if (str_failed(&next) || str_failed(&pager->cautious) || !pager_add(pager, &page.result)) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    pager->more = page.result.more;
    if (!last) {
        struct str former = call->body;

        call->body = next;
        next = former;
    }
    return last ? 0 : 1;
}

static void tell_range(struct etcd_call *call, const struct err *err)
{
    const struct etcd_pager *pager = call->pager;
    struct etcd_range_result result = {
        .revision = pager->header.revision,
        .kvs = pager->kvs,
        .count = pager->count,
        .more = pager->more,
        .total = pager->total,
    };

    call->done.range(call->ctx, err == NULL ? &result : NULL, err);
}

static const struct etcd_call_kind key_kind = {
    .path = ETCD_PATH_RANGE,
    .name = "read",
    .request = ETCD_REQUEST_RANGE,
    .read = read_page,
    .tell = tell_range,
};

static const struct etcd_call_kind prefix_kind = {
    .path = ETCD_PATH_RANGE,
    .name = "list",
    .request = ETCD_REQUEST_RANGE,
    .patience = 4, /* a page may be large */
    .read = read_page,
    .tell = tell_range,
};

int etcd_range(struct etcd *etcd, const struct etcd_range *range, etcd_range_fn *done, void *ctx,
               struct err *err)
{
    struct str body;
    struct etcd_call *call;
    struct etcd_ask ask = { .kind = range->prefix || range->end != NULL ? &prefix_kind : &key_kind,
                            .body = &body };

    ask.done.range = done;
    ask.ctx = ctx;
    ask.pager = pager_new(range);
    if (ask.pager == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    str_init(&body, ETCD_REQUEST_BYTES_MAX);
    etcd_request_range(&body, &ask.pager->range);
    return etcd_call_start(etcd, &ask, &call, err);
}

/* ---- Several in one request ---- */

static int read_ranges(struct etcd_call *call, const char *body, size_t size, struct err *err)
{
    CLEANUP(etcd_wire_range_deinit) struct etcd_wire_range all = { 0 };
    int rv = etcd_wire_ranges(body, size, &all, err);

    if (rv < 0) {
        return rv;
    }
    call->pager->header = all.header;
    call->pager->more = all.result.more;
    call->pager->total = all.result.total;
    call->etcd->seen = all.header;
    return pager_add(call->pager, &all.result) ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static const struct etcd_call_kind ranges_kind = {
    .path = ETCD_PATH_TXN,
    .name = "read",
    .request = ETCD_REQUEST_RANGE,
    .patience = 4,
    .read = read_ranges,
    .tell = tell_range,
};

int etcd_ranges(struct etcd *etcd, const struct etcd_range *ranges, size_t count,
                etcd_range_fn *done, void *ctx, struct err *err)
{
    struct str body;
    struct etcd_call *call;
    struct etcd_ask ask = { .kind = &ranges_kind, .body = &body };

    if (count == 0 || ETCD_TXN_OPS_MAX < count) {
        return err_set(err, ERR_LIMIT, "1 to %d ranges can be read at once, not %zu",
                       ETCD_TXN_OPS_MAX, count);
    }
    ask.done.range = done;
    ask.ctx = ctx;
    ask.pager = pager_new(&ranges[0]);
    if (ask.pager == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    str_init(&body, ETCD_REQUEST_BYTES_MAX);
    etcd_request_ranges(&body, ranges, count, ranges[0].revision);
    return etcd_call_start(etcd, &ask, &call, err);
}
