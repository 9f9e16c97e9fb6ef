/* Key files: one key a line in hex. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/secret_file.h"
#include "codec/envelope.h"

#define KEY_FILE_BYTES_MAX 8192
#define KEY_HEX_DIGITS (2 * crypto_sign_SEEDBYTES)
#define PATH_BYTES_MAX 4096

_Static_assert(crypto_sign_SEEDBYTES == crypto_sign_PUBLICKEYBYTES, "both kinds have one form");
_Static_assert(sizeof(((struct signing_key *)0)->secret) == crypto_sign_SECRETKEYBYTES, "size");

/* What a file held; wiped when it goes out of scope. */
struct key_text {
    char bytes[KEY_FILE_BYTES_MAX];
    size_t size;
};

static void key_text_wipe(struct key_text *text)
{
    sodium_memzero(text, sizeof(*text));
}

static int io_error(const char *path, const char *what, struct err *err)
{
    int code = errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;

    return err_set(err, code, "%s: can't %s: %s", path, what, strerror(errno));
}

/* A regular file that, when it is secret, is kept from others. */
static int check_file(int fd, const char *path, bool secret, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return io_error(path, "look at it", err);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "%s: is no file", path);
    }
    if (secret && !secret_file_is_kept(st.st_mode, st.st_uid, geteuid())) {
        return err_set(err, ERR_DENIED,
                       "%s: others may read this secret key (mode %04o); chmod 600 it", path,
                       st.st_mode & 07777U);
    }
    return 0;
}

static int read_file(const char *path, bool secret, struct key_text *out, struct err *err)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = 1;
    int rv;

    if (fd < 0) {
        return io_error(path, "open it", err);
    }
    rv = check_file(fd, path, secret, err);
    if (rv < 0) {
        return rv;
    }
    out->size = 0;
    while (0 < n) {
        n = read(fd, out->bytes + out->size, sizeof(out->bytes) - out->size);
        if (n < 0 && errno != EINTR) {
            return io_error(path, "read it", err);
        }
        out->size += n < 0 ? 0 : (size_t)n;
        n = n < 0 ? 1 : n;
    }
    if (out->size == sizeof(out->bytes)) {
        return err_set(err, ERR_LIMIT, "%s: is larger than %d bytes", path, KEY_FILE_BYTES_MAX - 1);
    }
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The key of the line without comment and blanks; 1: there is one, 0: none, < 0: garbage. */
static int read_line(const char *line, size_t size, unsigned char key[crypto_sign_SEEDBYTES])
{
    const char *comment = memchr(line, '#', size);

    size = comment == NULL ? size : (size_t)(comment - line);
    while (0 < size && is_blank(line[size - 1])) {
        size--;
    }
    while (0 < size && is_blank(line[0])) {
        line++;
        size--;
    }
    if (size == 0) {
        return 0;
    }
    if (size != KEY_HEX_DIGITS ||
        sodium_hex2bin(key, crypto_sign_SEEDBYTES, line, size, NULL, NULL, NULL) != 0) {
        return ERR_INVALID;
    }
    return 1;
}

/* Call `take` for each key of the file. */
typedef int take_key_fn(void *ctx, const unsigned char *key, const char *path, struct err *err);

static int read_keys(const char *path, const struct key_text *text, take_key_fn *take, void *ctx,
                     struct err *err)
{
    const char *at = text->bytes;
    const char *end = text->bytes + text->size;
    unsigned char key[crypto_sign_SEEDBYTES] = { 0 };
    unsigned number = 1;
    int rv = 0;

    for (; at < end && 0 <= rv; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        stop = stop == NULL ? end : stop;
        rv = read_line(at, (size_t)(stop - at), key);
        if (rv < 0) {
            rv = err_set(err, ERR_INVALID, "%s:%u: must be a key of %u hex digits", path, number,
                         (unsigned)KEY_HEX_DIGITS);
        } else if (rv == 1) {
            rv = take(ctx, key, path, err);
        }
        at = stop + 1;
    }
    sodium_memzero(key, sizeof(key));
    return rv < 0 ? rv : 0;
}

/* First 8 bytes of BLAKE2b-256. */
static void key_id(const unsigned char *public_key, char out[CONFIG_KEY_ID_SIZE])
{
    unsigned char hash[crypto_generichash_BYTES];

    (void)crypto_generichash(hash, sizeof(hash), public_key, crypto_sign_PUBLICKEYBYTES, NULL, 0);
    (void)sodium_bin2hex(out, CONFIG_KEY_ID_SIZE, hash, (CONFIG_KEY_ID_SIZE - 1) / 2);
}

struct take_secret {
    struct signing_key *key;
    size_t count;
};

static int take_secret(void *ctx, const unsigned char *seed, const char *path, struct err *err)
{
    struct take_secret *taken = ctx;

    if (0 < taken->count++) {
        return err_set(err, ERR_INVALID, "%s: holds more than one signing key", path);
    }
    (void)crypto_sign_seed_keypair(taken->key->public_key, taken->key->secret, seed);
    key_id(taken->key->public_key, taken->key->id);
    return 0;
}

int signing_key_load(const char *path, struct signing_key *out, struct err *err)
{
    CLEANUP(key_text_wipe) struct key_text text = { .size = 0 };
    CLEANUP(signing_key_clear) struct signing_key key = { .id = "" };
    struct take_secret taken = { &key, 0 };
    int rv;

    if (sodium_init() < 0) {
        return err_set(err, ERR_FAILED, "libsodium can't be used here");
    }
    rv = read_file(path, true, &text, err);
    if (rv == 0) {
        rv = read_keys(path, &text, take_secret, &taken, err);
    }
    if (rv == 0 && taken.count == 0) {
        rv = err_set(err, ERR_INVALID, "%s: holds no key", path);
    }
    if (rv == 0) {
        *out = key;
    }
    return rv;
}

void signing_key_clear(struct signing_key *key)
{
    sodium_memzero(key, sizeof(*key));
}

static int take_public(void *ctx, const unsigned char *public_key, const char *path,
                       struct err *err)
{
    struct trusted_keys *keys = ctx;

    if (crypto_core_ed25519_is_valid_point(public_key) != 1) {
        return err_set(err, ERR_INVALID, "%s: holds what is no public key", path);
    }
    if (keys->count == TRUSTED_KEYS_MAX) {
        return err_set(err, ERR_LIMIT, "%s: holds more than %d keys", path, TRUSTED_KEYS_MAX);
    }
    memcpy(keys->keys[keys->count].public_key, public_key, crypto_sign_PUBLICKEYBYTES);
    key_id(public_key, keys->keys[keys->count].id);
    keys->count++;
    return 0;
}

int trusted_keys_load(const char *path, struct trusted_keys *out, struct err *err)
{
    CLEANUP(key_text_wipe) struct key_text text = { .size = 0 };
    struct trusted_keys keys = { .count = 0 };
    int rv;

    if (sodium_init() < 0) {
        return err_set(err, ERR_FAILED, "libsodium can't be used here");
    }
    rv = read_file(path, false, &text, err);
    if (rv == 0) {
        rv = read_keys(path, &text, take_public, &keys, err);
    }
    if (rv == 0 && keys.count == 0) {
        rv = err_set(err, ERR_INVALID, "%s: holds no key", path);
    }
    if (rv == 0) {
        *out = keys;
    }
    return rv;
}

static int write_all(int fd, const char *text, size_t size)
{
    while (0 < size) {
        ssize_t n = write(fd, text, size);

        if (n < 0 && errno != EINTR) {
            return -1;
        }
        text += n < 0 ? 0 : n;
        size -= n < 0 ? 0 : (size_t)n;
    }
    return fsync(fd);
}

/* Write beside, then link: the file is there whole or not at all, and nothing is overwritten. */
static int write_new(const char *path, mode_t mode, const char *text, struct err *err)
{
    char beside[PATH_BYTES_MAX];
    char suffix[UID_TEXT_SIZE];
    int rv = 0;

    random_hex16(suffix);
    if ((int)sizeof(beside) <= snprintf(beside, sizeof(beside), "%s.%s", path, suffix)) {
        return err_set(err, ERR_LIMIT, "%.64s...: path is too long", path);
    }
    {
        CLEANUP(fd_close_p) int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

        if (fd < 0) {
            return io_error(beside, "create it", err);
        }
        if (write_all(fd, text, strlen(text)) < 0) {
            rv = io_error(beside, "write it", err);
        }
    }
    if (rv == 0 && link(beside, path) < 0) {
        rv = errno == EEXIST ? err_set(err, ERR_CONFLICT, "%s: exists already", path)
                             : io_error(path, "create it", err);
    }
    (void)unlink(beside);
    return rv;
}

static int write_secret(const char *path, struct err *err)
{
    unsigned char seed[crypto_sign_SEEDBYTES];
    char hex[KEY_HEX_DIGITS + 1];
    char text[KEY_HEX_DIGITS + 64];
    int rv;

    randombytes_buf(seed, sizeof(seed));
    (void)sodium_bin2hex(hex, sizeof(hex), seed, sizeof(seed));
    (void)snprintf(text, sizeof(text), "# muster signing key: keep it secret\n%s\n", hex);
    rv = write_new(path, 0600, text, err);
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(hex, sizeof(hex));
    sodium_memzero(text, sizeof(text));
    return rv;
}

static int write_public(const char *path, const struct signing_key *key, struct err *err)
{
    char hex[KEY_HEX_DIGITS + 1];
    char text[KEY_HEX_DIGITS + 64];

    (void)sodium_bin2hex(hex, sizeof(hex), key->public_key, sizeof(key->public_key));
    (void)snprintf(text, sizeof(text), "# muster public key %s\n%s\n", key->id, hex);
    return write_new(path, 0644, text, err);
}

int signing_key_create(const char *secret_path, const char *public_path, struct err *err)
{
    CLEANUP(signing_key_clear) struct signing_key key = { .id = "" };
    int rv;

    if (sodium_init() < 0) {
        return err_set(err, ERR_FAILED, "libsodium can't be used here");
    }
    if (access(public_path, F_OK) == 0) {
        return err_set(err, ERR_CONFLICT, "%s: exists already", public_path);
    }
    rv = write_secret(secret_path, err);
    if (rv == 0 || rv == ERR_CONFLICT) {
        rv = signing_key_load(secret_path, &key, err);
    }
    return rv < 0 ? rv : write_public(public_path, &key, err);
}
