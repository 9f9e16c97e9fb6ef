#!/usr/bin/python3
"""Count the tests of a CTest run: test_summary.py RESULTS.xml

A Criterion program counts by its tests, any other entry as one. Names what failed, what was
skipped and what could not run (which counts as failed), and ends with "N passed, N failed".
Exits with 1 when anything failed or nothing was tested.
"""
import re
import sys
import xml.etree.ElementTree as ET

SYNTHESIS = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) "
                       r"\| Crashing: (\d+)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def named(text, mark):
    """The names on Criterion's lines "[MARK] suite::test: ..."."""
    return re.findall(r"^\[%s\] (\S+?::\w+)" % mark, text, re.MULTILINE)


def count(case):
    """(passed, failed, skipped, lines that name what did not pass) of one entry."""
    entry = case.get("name")
    status = case.get("status")
    text = COLOUR.sub("", case.findtext("system-out") or "")
    if status in ("notrun", "disabled"):
        reason = case.find("skipped")
        why = reason.get("message") if reason is not None else status
        return 0, 1, 0, ["could not run: %s (%s)" % (entry, why)]
    skipped = named(text, "SKIP")
    lines = ["skipped: %s %s" % (entry, name) for name in skipped]
    found = SYNTHESIS.search(text)
    if found is None:
        passed, failed = (1, 0) if status == "run" else (0, 1)
    else:
        tested, passed = int(found.group(1)), int(found.group(2))
        failed = tested - passed
        lines += ["failed: %s %s" % (entry, name) for name in named(text, "FAIL")]
        if status != "run" and failed == 0:  # sanitizers and time limits
            failed = 1
    if failed and not any(line.startswith("failed") for line in lines):
        lines.append("failed: " + entry)
    return passed, failed, len(skipped), lines


def main():
    passed = failed = skipped = 0
    for case in ET.parse(sys.argv[1]).getroot().iter("testcase"):
        result = count(case)
        passed, failed, skipped = (a + b for a, b in zip((passed, failed, skipped), result))
        for line in result[3]:
            print(line)
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
