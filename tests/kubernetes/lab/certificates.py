"""Certificates for a store that asks for them, made by openssl."""
import os
import socket
import ssl
import subprocess

DAYS = "2"
PORT = 2379
PATIENCE_S = 10
_EXTENSIONS = "subjectAltName=%s\nextendedKeyUsage=%s\n"


def _openssl(*words, text=None):
    done = subprocess.run(("openssl",) + words, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (" ".join(words), done.stdout))


class Authority:
    """Signs what it is asked to; all is in `directory`, `ca.crt` its own certificate."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS,
                 "-subj", "/CN=authority", "-keyout", self.path("ca.key"), "-out", self.path("ca.crt"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, names, usage):
        """A Secret's files as cert-manager makes them: {ca.crt, tls.crt, tls.key: path}."""
        key, request, certificate = (self.path("%s.%s" % (name, kind)) for kind in ("key", "csr", "crt"))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                 "-keyout", key, "-out", request)
        with open(self.path(name + ".ext"), "w", encoding="utf-8") as file:
            file.write(_EXTENSIONS % (",".join("DNS:" + one for one in names), usage))
        _openssl("x509", "-req", "-in", request, "-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key"),
                 "-CAcreateserial", "-days", DAYS, "-extfile", self.path(name + ".ext"), "-out", certificate)
        return {"ca.crt": self.path("ca.crt"), "tls.crt": certificate, "tls.key": key}

    def ask(self, ip, name, who):
        """What an etcd called `name` says of its version, to whom the certificate of `who` tells; None: to nobody."""
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        if who:
            context.load_cert_chain(self.path(who + ".crt"), self.path(who + ".key"))
        with socket.create_connection((ip, PORT), PATIENCE_S) as plain:
            with context.wrap_socket(plain, server_hostname=name) as connection:
                connection.sendall(b"GET /version HTTP/1.0\r\nHost: %s\r\n\r\n" % name.encode())
                return connection.recv(4096)
