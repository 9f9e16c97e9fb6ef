#include "etcd/etcd_flags.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The first line of the file, without its end. */
static int password_read(const char *path, char out[ETCD_PASSWORD_MAX + 1], struct err *err)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    if (fd < 0) {
        return err_set(err, ERR_IO, "--etcd-password-file: %s: %s", path, strerror(errno));
    }
    size = read(fd, out, ETCD_PASSWORD_MAX + 1);
    if (size < 0) {
        return err_set(err, ERR_IO, "--etcd-password-file: %s: %s", path, strerror(errno));
    }
    if (ETCD_PASSWORD_MAX < size) {
        return err_set(err, ERR_LIMIT, "--etcd-password-file: %s: more than %d bytes", path,
                       ETCD_PASSWORD_MAX);
    }
    out[size] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    if (out[0] == '\0') {
        return err_set(err, ERR_INVALID, "--etcd-password-file: %s: holds no password", path);
    }
    return 0;
}

int etcd_flags_load(struct etcd_flags *flags, struct etcd_options *out, struct err *err)
{
    int rv;

    if ((flags->cert_file == NULL) != (flags->key_file == NULL)) {
        return err_set(err, ERR_USAGE, "--etcd-cert and --etcd-key go together");
    }
    if ((flags->user == NULL) != (flags->password_file == NULL)) {
        return err_set(err, ERR_USAGE, "--etcd-user and --etcd-password-file go together");
    }
    if (flags->password_file != NULL) {
        rv = password_read(flags->password_file, flags->password, err);
        if (rv < 0) {
            return rv;
        }
    }
    *out = (struct etcd_options){
        .endpoints = flags->endpoints,
        .ca_file = flags->ca_file,
        .cert_file = flags->cert_file,
        .key_file = flags->key_file,
        .user = flags->user,
        .password = flags->password_file == NULL ? NULL : flags->password,
    };
    return 0;
}
