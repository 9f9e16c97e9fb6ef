"""What is quoted in prose, held against the programs: verbs, their options, and targets of make."""
import re
import subprocess

OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")
PROGRAMS = ("muster", "muster-controller", "muster-gitops", "muster-watcher")


class Quoted:
    """Asks programs for their help, once each."""

    def __init__(self, environment, source):
        self.environment = environment
        self.source = source
        self.helps = {}

    def _help(self, words):
        key = " ".join(words)
        if key not in self.helps:
            done = subprocess.run(list(words) + ["--help"], env=self.environment, text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
            self.helps[key] = done.stdout if done.returncode == 0 else None
        return self.helps[key]

    def _options(self, words):
        """Names of all options of a verb, those of the connection included; None: no such verb."""
        text = self._help(words)
        return None if text is None else set(OPTION.findall(text))

    def _verb(self, rest):
        """The words of the verb that a quoted command begins with: ["rollout", "pause"]."""
        words = []
        for word in rest[:2]:
            if re.fullmatch(r"[a-z][a-z-]*", word) is None:
                break
            words.append(word)
        while 1 < len(words) and self._help(["muster"] + words) is None:
            words.pop()
        return words

    def mistakes(self, text):
        """What is wrong with a quoted command, one line each. "cordon|drain HOST" stands for two."""
        text = text.replace("\\|", "|")
        words = text.split()
        if not words:
            return []
        for at in (1, 2):
            if at < len(words) and re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", words[at]):
                return [mistake for word in words[at].split("|") for mistake in
                        self.mistakes(" ".join(words[:at] + [word] + words[at + 1:]))]
        if words[0] == "make" and 1 < len(words) and "=" not in words[1]:
            done = subprocess.run(["make", "-n", words[1]], cwd=self.source, env=self.environment,
                                  capture_output=True, check=False)
            return [] if done.returncode == 0 else ["there is no target '%s'" % words[1]]
        if words[0] not in PROGRAMS:
            return []
        verb = self._verb(words[1:]) if words[0] == "muster" else []
        if words[0] == "muster" and not verb and 1 < len(words) and words[1].islower() \
                and not words[1].startswith("-"):
            return ["there is no verb '%s'" % words[1]]
        known = self._options([words[0]] + verb)
        if known is None:
            return ["there is no verb '%s'" % " ".join(verb)]
        return ["'%s' has no option --%s" % (" ".join([words[0]] + verb), name)
                for name in OPTION.findall(text) if name not in known | {"help", "version"}]
