"""What a page of documentation asks to be run: its blocks, and the directives between them.

A fenced block of language `sh` is run. A `text` block right behind one is what it prints. Comments of
Markdown, which no reader sees, say what else is needed:

    <!-- docs: lab FILE -->      from here on, muster up runs the specs of FILE
    <!-- docs: after PAGE -->    run another page of the same folder first
    <!-- docs: hosts a b c -->   make machines, each with its own address (10.0.0.1 and on; a=7:
                                 10.0.0.7), its own /usr, /etc, /var and /run
    <!-- docs: host a -->        from here on, blocks are run on that one ("-": where the page began)
    <!-- docs: exits 2 -->       the next block ends with that exit code
    <!-- docs: until TEXT -->    the next block goes on by itself; it is left running once it says TEXT
    <!-- docs: interrupt -->     the next block is ended by Ctrl-C when the page ends (with until)
    <!-- docs: skip REASON -->   the next block is not run, and why
    <!-- docs: sh
    COMMANDS                     run, and not shown
    -->
"""
import re

FENCE = re.compile(r"^(\s*)```\s*(\S*)")
DIRECTIVE = re.compile(r"^<!--\s*docs:\s*(\S+)\s*(.*?)\s*(-->)?\s*$")
INLINE = re.compile(r"`([^`\n]+)`")
WORDS = {"after", "lab", "hosts", "host", "exits", "until", "interrupt", "skip", "sh"}


class Mistake(Exception):
    """Something in a page that can't be understood, with its line."""


class Step:
    """One thing to do: kind is "sh", "text", or the name of a directive."""

    def __init__(self, kind, line, text, notes=None):
        self.kind = kind
        self.line = line
        self.text = text
        self.notes = notes or {}


class Page:
    def __init__(self, path):
        self.path = path
        self.steps = []
        self.spans = []  # (line, text) of what is quoted in prose
        with open(path, encoding="utf-8") as file:
            self._read(file.read().split("\n"))

    def _read(self, lines):
        notes = {}
        at = 0
        while at < len(lines):
            directive = DIRECTIVE.match(lines[at])
            fence = FENCE.match(lines[at])
            if directive:
                at = self._directive(lines, at, directive, notes)
            elif fence:
                at, notes = self._block(lines, at, fence, notes)
            else:
                self.spans += [(at + 1, text) for text in INLINE.findall(lines[at])]
                at += 1
        if notes:
            raise Mistake("%s: a directive at the end belongs to no block" % self.path)

    def _directive(self, lines, at, found, notes):
        word, rest, closed = found.groups()
        if word not in WORDS:
            raise Mistake("%s:%d: there is no directive '%s'" % (self.path, at + 1, word))
        if word == "sh":
            end = next(i for i in range(at, len(lines)) if lines[i].strip() == "-->")
            self.steps.append(Step("sh", at + 1, "\n".join(lines[at + 1:end]), {"hidden": ""}))
            return end + 1
        if not closed:
            raise Mistake("%s:%d: the directive is not closed" % (self.path, at + 1))
        if word in ("after", "lab", "hosts", "host"):
            self.steps.append(Step(word, at + 1, rest))
        else:
            notes[word] = rest
        return at + 1

    def _block(self, lines, at, fence, notes):
        indent, language = fence.groups()
        end = at + 1
        while end < len(lines) and lines[end].strip() != "```":
            end += 1
        if end == len(lines):
            raise Mistake("%s:%d: the block is not closed" % (self.path, at + 1))
        text = "\n".join(line[len(indent):] for line in lines[at + 1:end])
        if language == "":
            raise Mistake("%s:%d: a block without a language" % (self.path, at + 1))
        if language == "sh":
            self.steps.append(Step("sh", at + 1, text, notes))
            notes = {}
        elif language == "text":
            self.spans += [(at + 2 + i, line) for i, line in enumerate(text.split("\n"))
                           if line.startswith("muster")]
            behind = [line for line in lines[self._last_end:at] if line.strip()]
            if self.steps and self.steps[-1].kind == "sh" and not behind:
                self.steps.append(Step("text", at + 1, text))
        self._last_end = end + 1
        return end + 1, notes

    _last_end = 0
