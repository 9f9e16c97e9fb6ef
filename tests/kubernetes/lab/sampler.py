"""What nodes tell clients, asked all the time, and what must hold of it at each time."""
import asyncio
import time

from installation import ask

PERIOD_S = 0.1


class Sampler:
    """Asks every pod of an installation. `wrong` is what broke a promise, in words.

    - A node never tells an older version than before, and a version has one content.
    - A list is in the order of the ordinals.
    - A pod that is Ready tells a list that it is in itself.
    - A node that is listed tells a list itself, from the first time on that it is listed, and one whose end was orderly is listed by none then.
    """

    def __init__(self, installation):
        self.installation = installation
        self.wrong = []
        self.asked = 0
        self.lists = {}  # version: list
        self._ordinals = {}  # address: ordinal
        self._told = {}  # address: version
        self._up = set()
        self._new = {}  # address: version that listed it first
        self._ended = {}  # address: when memcached had ended after its hook
        self._task = None

    def start(self):
        self._task = asyncio.ensure_future(self._sample())
        self._task.add_done_callback(self.installation.cluster.noticed)

    async def stop(self):
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _sample(self):
        while True:
            pods = [pod for pod in self.installation.all_pods() if pod.ip and not pod.lost]
            for pod in pods:
                self._ordinals[pod.ip] = pod.ordinal
                self._note_end(pod)
            await asyncio.gather(*(self._ask(pod) for pod in pods))
            await self._ask_new()
            await asyncio.sleep(PERIOD_S)

    def _note_end(self, pod):
        """Of a pod that was asked to end: a memcached that its kubelet starts again is a node again."""
        whats = [what for _, what, _ in pod.events]
        last = pod.events[whats.index("deleted"):] if "deleted" in whats else []
        orderly = ("hooked", "memcached: ok") in [(what, detail) for _, what, detail in last]
        for at, what, detail in last:
            if orderly and what == "ended" and detail.startswith("memcached "):
                self._ended[pod.ip] = at

    async def _ask(self, pod):
        ip, at, ready = pod.ip, time.time(), pod.ready
        try:
            told = await ask(ip)
        except (OSError, ValueError, asyncio.TimeoutError, EOFError):
            return
        self.asked += 1
        self._up.add(ip)
        if ready and not pod.ending and (told is None or ip not in [one for _, one in told[1]]):
            self.wrong.append("%s is Ready and tells %s" % (pod.name, told))
        if told is not None:
            self._judge(at, ip, told[0], [one for _, one in told[1]])

    async def _ask_new(self):
        """Those that are listed and were not yet heard."""
        while self._new:
            ip, version = self._new.popitem()
            try:
                told = await ask(ip)
            except (OSError, ValueError, asyncio.TimeoutError, EOFError) as error:
                told = error
            if not isinstance(told, tuple) or told[0] < version - 1:
                self.wrong.append("version %d lists %s, which tells %s" % (version, ip, told))
            self._up.add(ip)

    def _judge(self, at, ip, version, listed):
        if version < self._told.get(ip, 0):
            self.wrong.append("%s told version %d after %d" % (ip, version, self._told[ip]))
        self._told[ip] = version
        if self.lists.setdefault(version, listed) != listed:
            self.wrong.append("version %d is %s, and %s" % (version, self.lists[version], listed))
        ordinals = [self._ordinals.get(one, -1) for one in listed]
        if ordinals != sorted(set(ordinals)):
            self.wrong.append("version %d has ordinals %s" % (version, ordinals))
        for one in listed:
            if one not in self._up:
                self._new[one] = version
            if one in self._ended and self._ended[one] < at:
                self.wrong.append("%s lists %s after its end" % (ip, one))
