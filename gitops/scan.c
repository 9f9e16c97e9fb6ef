#include "gitops/scan.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "gitops/repository.h"
#include "gitops/signature.h"

#define FINDING_ARENA_BYTES_MAX (1U << 20)
#define PATH_SIZE 4096
#define SHORT_REVISION 10 /* digits in messages */

static void commit_init(struct commit_found *commit)
{
    memset(commit, 0, sizeof(*commit));
    str_init(&commit->error, SCAN_ERROR_BYTES_MAX);
    documents_init(&commit->documents);
    commit->title = "";
    commit->signer = "";
}

static void commit_deinit(struct commit_found *commit)
{
    str_deinit(&commit->error);
    documents_deinit(&commit->documents);
}

void finding_init(struct finding *finding)
{
    memset(finding, 0, sizeof(*finding));
    arena_init(&finding->arena, FINDING_ARENA_BYTES_MAX);
    commit_init(&finding->head);
    commit_init(&finding->last);
}

void finding_deinit(struct finding *finding)
{
    commit_deinit(&finding->head);
    commit_deinit(&finding->last);
    arena_deinit(&finding->arena);
}

/* What ends the scan, rather than being found. */
static bool is_fatal(int code)
{
    return code == ERR_CANCELED || code == ERR_NOMEM;
}

static int refuse(struct commit_found *commit, int code, const char *text)
{
    commit->code = code;
    str_clear(&commit->error);
    str_append(&commit->error, text, strnlen(text, SCAN_ERROR_BYTES_MAX));
    return 0;
}

/* As many whole lines as there is room for. */
static void keep_lines(struct commit_found *commit, const char *lines)
{
    while (*lines != '\0') {
        size_t size = strcspn(lines, "\n");
        size_t whole = size + (lines[size] == '\n' ? 1 : 0);

        str_append(&commit->error, lines, whole);
        if (str_failed(&commit->error)) {
            str_truncate(&commit->error, commit->error.size);
            return;
        }
        lines += whole;
    }
}

/* The documents of the commit, or why there are none. */
static int read_documents(const struct scan *scan, struct repository *repository,
                          struct commit_found *commit, struct err *err)
{
    CLEANUP(str_deinit) struct str mistakes;
    int rv;

    str_init(&mistakes, SCAN_ERROR_BYTES_MAX);
    rv = repository_read(repository, commit->revision, scan->path, &commit->documents, &mistakes,
                         err);
    if (rv == ERR_NOT_FOUND && scan->allow_empty) {
        rv = 0;
    }
    if (0 <= rv) {
        rv = documents_finish(&commit->documents, err);
        if (rv == ERR_SPEC) {
            commit->code = rv;
            keep_lines(commit, str_text(&commit->documents.mistakes));
            return 0;
        }
    } else if (rv == ERR_SPEC) {
        struct err later;

        commit->code = rv;
        keep_lines(commit, str_text(&mistakes));
        if (documents_finish(&commit->documents, &later) == ERR_SPEC) {
            keep_lines(commit, str_text(&commit->documents.mistakes));
        }
        return 0;
    }
    if (rv < 0) {
        return is_fatal(rv) ? rv : refuse(commit, rv, err->msg);
    }
    return 0;
}

/* Who signed it. What is in force with a signer was verified before it came into force. */
static int verify(const struct scan *scan, struct repository *repository,
                  struct commit_found *commit, struct arena *arena, struct err *err)
{
    CLEANUP(str_deinit) struct str signature;
    CLEANUP(str_deinit) struct str signed_bytes;
    char scratch[PATH_SIZE];
    const struct signature_check check = { scan->allowed_signers, scratch, scan->run.cancel_fd };
    int rv;

    str_init(&signature, REPOSITORY_COMMIT_BYTES_MAX);
    str_init(&signed_bytes, REPOSITORY_COMMIT_BYTES_MAX);
    if (scan->allowed_signers == NULL) {
        return 0;
    }
    if (strcmp(scan->last_good, commit->revision) == 0 && scan->last_signer[0] != '\0') {
        commit->signer = arena_strdup(arena, scan->last_signer);
        return commit->signer == NULL ? err_set(err, ERR_NOMEM, "out of memory") : 0;
    }
    (void)snprintf(scratch, sizeof(scratch), "%s/signature", scan->fetch.cache);
    rv = repository_signature(repository, commit->revision, &signature, &signed_bytes, err);
    if (rv == ERR_NOT_FOUND) {
        return refuse(commit, ERR_UNVERIFIED, err->msg);
    }
    if (0 <= rv) {
        rv = signature_verify(&check, &signature, &signed_bytes, arena, &commit->signer, err);
    }
    return 0 <= rv || is_fatal(rv) ? rv : refuse(commit, rv, err->msg);
}

/* How the head relates to what is in force. */
static int relate(const struct scan *scan, struct repository *repository, struct finding *finding,
                  struct err *err)
{
    bool descends = true;
    int rv = 0;

    if (scan->last_good[0] == '\0') {
        return 0;
    }
    if (repository_has(repository, scan->last_good)) {
        rv = repository_descends(repository, finding->head.revision, scan->last_good, &descends,
                                 err);
    } else {
        descends = false; /* a head that descended from it would have brought it along */
    }
    if (rv < 0) {
        return refuse(&finding->head, rv, err->msg);
    }
    finding->rewritten = !descends;
    if (!descends && scan->forward_only) {
        return refuse(&finding->head, ERR_CONFLICT,
                      "the branch was rewritten: its head does not descend from the commit in "
                      "force, which --forward-only asks for");
    }
    return 0;
}

static int read_head(const struct scan *scan, struct repository *repository,
                     struct finding *finding, struct err *err)
{
    struct commit_found *head = &finding->head;
    int rv = repository_title(repository, head->revision, &finding->arena, &head->title, err);

    if (rv < 0) {
        return is_fatal(rv) ? rv : refuse(head, rv, err->msg);
    }
    rv = relate(scan, repository, finding, err);
    if (0 <= rv && head->code == 0) {
        rv = verify(scan, repository, head, &finding->arena, err);
    }
    if (0 <= rv && head->code == 0) {
        rv = read_documents(scan, repository, head, err);
    }
    return rv;
}

static int refuse_last(struct commit_found *last)
{
    str_clear(&last->error);
    str_appendf(&last->error,
                "%.*s is in force, but is not verified: what it brought stays, and is not kept up",
                SHORT_REVISION, last->revision);
    last->code = ERR_UNVERIFIED;
    last->revision[0] = '\0';
    return 0;
}

/*
 * What can't be read any more is as good as not there: then specs stay as they are. So is what came
 * into force while signatures were not asked for.
 */
static int read_last(const struct scan *scan, struct repository *repository,
                     struct finding *finding, struct err *err)
{
    struct commit_found *last = &finding->last;
    int rv;

    if (scan->last_good[0] == '\0' || strcmp(scan->last_good, finding->head.revision) == 0 ||
        !repository_has(repository, scan->last_good)) {
        return 0;
    }
    (void)snprintf(last->revision, sizeof(last->revision), "%s", scan->last_good);
    rv = verify(scan, repository, last, &finding->arena, err);
    if (rv < 0 || last->code != 0) {
        return rv < 0 ? rv : refuse_last(last);
    }
    rv = read_documents(scan, repository, last, err);
    if (0 <= rv && last->code != 0) {
        last->revision[0] = '\0';
    }
    return rv;
}

static int fetch(const struct scan *scan, struct finding *finding, struct err *err)
{
    uint64_t begin_ms = clock_mono_ms();
    int rv = fetch_run(&scan->fetch, &scan->run, finding->head.revision, err);

    finding->fetch_ms = clock_mono_ms() - begin_ms;
    if (is_fatal(rv)) {
        return rv;
    }
    finding->fetch_code = rv;
    (void)snprintf(finding->fetch_error, sizeof(finding->fetch_error), "%s",
                   rv < 0 ? err->msg : "");
    return 0;
}

/*
 * Fetch, and open what was fetched. One that does not hold what it should (a full disk, a power
 * loss), or that many fetches have left in pieces, is thrown away and fetched anew.
 */
static int fetch_and_open(const struct scan *scan, struct finding *finding, struct repository **out,
                          struct err *err)
{
    CLEANUP(repository_free_p) struct repository *repository = NULL;
    const char *cache = scan->fetch.cache;
    int rv;

    if (REPOSITORY_PACKS_MAX < repository_packs(cache)) {
        repository_wipe(cache);
    }
    rv = fetch(scan, finding, err);
    if (rv < 0) {
        return rv;
    }
    rv = repository_open(cache, &repository, err);
    if (finding->fetch_code == 0 &&
        (rv < 0 || !repository_has(repository, finding->head.revision))) {
        repository_free(TAKE(repository));
        repository_wipe(cache);
        rv = fetch(scan, finding, err);
        rv = rv < 0 ? rv : repository_open(cache, &repository, err);
    }
    if (rv < 0 && finding->fetch_code == 0) {
        finding->fetch_code = rv;
        (void)snprintf(finding->fetch_error, sizeof(finding->fetch_error), "%s", err->msg);
    }
    if (is_fatal(rv)) {
        return rv;
    }
    *out = TAKE(repository);
    return 0;
}

int scan_repository(const struct scan *scan, struct finding *out, struct err *err)
{
    CLEANUP(repository_free_p) struct repository *repository = NULL;
    int rv = fetch_and_open(scan, out, &repository, err);

    if (rv < 0 || repository == NULL) {
        return rv < 0 ? rv : 0;
    }
    if (out->fetch_code == 0) {
        rv = read_head(scan, repository, out, err);
    } else {
        out->head.revision[0] = '\0';
    }
    return rv < 0 ? rv : read_last(scan, repository, out, err);
}
