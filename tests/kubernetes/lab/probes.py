"""Probes and hooks, as the kubelet runs them: exec, httpGet, tcpSocket; periods and thresholds."""
import asyncio
import time

PERIOD_S = 10
TIMEOUT_S = 1
FAILURES = 3
SUCCESSES = 1
_HTTP_GOOD = range(200, 400)
_HOOK_HTTP_S = 30


def port_number(spec, port):
    """The number of a port that may be named."""
    if isinstance(port, int):
        return port
    for one in spec.get("ports", []):
        if one.get("name") == port:
            return one["containerPort"]
    raise KeyError("container %s has no port %s" % (spec["name"], port))


async def _connect(ip, port, timeout_s):
    _, writer = await asyncio.wait_for(asyncio.open_connection(ip, port), timeout_s)
    writer.close()


async def _http(ip, port, path, timeout_s):
    """The status of an answer to GET."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection(ip, port), timeout_s)
    try:
        writer.write(("GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\n"
                      "Connection: close\r\n\r\n" % (path, ip, port)).encode())
        line = await asyncio.wait_for(reader.readline(), timeout_s)
        return int(line.split()[1])
    finally:
        writer.close()


async def act(container, handler, timeout_s):
    """Do what a probe or a hook says: None, or what is wrong."""
    spec, ip = container.spec, container.pod.ip
    try:
        if "exec" in handler:
            code, said = await container.execute(handler["exec"]["command"], timeout_s)
            return None if code == 0 else "exit %d: %s" % (code, said.strip())
        if "httpGet" in handler:
            get = handler["httpGet"]
            status = await _http(ip, port_number(spec, get["port"]), get.get("path", "/"),
                                 min(timeout_s, _HOOK_HTTP_S))
            return None if status in _HTTP_GOOD else "status %d" % status
        if "tcpSocket" in handler:
            await _connect(ip, port_number(spec, handler["tcpSocket"]["port"]), timeout_s)
            return None
        if "sleep" in handler:
            await asyncio.sleep(handler["sleep"]["seconds"])
            return None
    except asyncio.TimeoutError:
        return "timed out"
    except (OSError, IndexError, ValueError) as error:
        return str(error) or type(error).__name__
    return "no handler"


class Probe:
    """One probe of one run of a container: calls `change(good)` when thresholds are reached."""

    def __init__(self, container, kind, spec, change, hold=None):
        self.container = container
        self.kind = kind
        self.spec = spec
        self.change = change
        self.hold = hold  # not yet while this returns True
        self.good = None
        self.run = 0
        self.said = "not probed"

    def _count(self, problem):
        """The new verdict, or None for the old one."""
        good = problem is None
        self.said = problem or "ok"
        if self.run and (self.run > 0) == good:
            self.run += 1 if good else -1
        else:
            self.run = 1 if good else -1
        needed = self.spec.get("successThreshold", SUCCESSES) if good \
            else self.spec.get("failureThreshold", FAILURES)
        return good if abs(self.run) >= needed else None

    async def watch(self):
        began = time.monotonic()
        delay = self.spec.get("initialDelaySeconds", 0)
        await asyncio.sleep(delay)
        while True:
            if not (self.hold and self.hold()):
                verdict = self._count(await act(self.container, self.spec, self.spec.get("timeoutSeconds", TIMEOUT_S)))
                if verdict is not None and (verdict != self.good or not verdict):
                    self.good = verdict
                    await self.change(verdict)
            elif time.monotonic() - began < delay:
                continue
            await asyncio.sleep(self.spec.get("periodSeconds", PERIOD_S))
