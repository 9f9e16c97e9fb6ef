#include "bench/scrape.h"

#include <curl/curl.h>

#include "base/clock.h"

#define TIMEOUT_MS 30000L
#define STATUS_OK 200L

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    size_t *total = ctx;

    (void)bytes;
    *total += size * count;
    return size * count;
}

int scrape_get(const char *url, struct scrape *out, struct err *err)
{
    CURL *easy = curl_easy_init();
    uint64_t began_ns = clock_mono_ns();
    long status = 0;
    CURLcode rv;

    if (easy == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    out->bytes = 0;
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &out->bytes);
    rv = curl_easy_perform(easy);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    out->ms = (double)(clock_mono_ns() - began_ns) / 1e6;
    curl_easy_cleanup(easy);
    if (rv != CURLE_OK || status != STATUS_OK) {
        return err_set(err, ERR_UNAVAILABLE, "%s: %s, status %ld", url, curl_easy_strerror(rv),
                       status);
    }
    return 0;
}
