"""A request in words, short enough to read, with which a terminal sends it again."""

import re
import shlex

from tests.fuzz.fuzzed import Headers

# Something short, over and over.
RUN = re.compile(rb"(.{1,8}?)\1{20,}", re.DOTALL)


def curl(url: str, method: str, target: str, headers: Headers, body: bytes | None) -> str:
    """The request for bash."""
    words = ["curl", "-sSi", "--path-as-is", "-g", "-X", method]
    for name, value in headers:
        words += ["-H", f"{name}: {value.decode('latin-1')}" if value else f"{name};"]
    command = shlex.join([*words, url + target])
    if body is None:
        return command
    written = shlex.quote(f"import sys; sys.stdout.buffer.write({in_runs(body)})")
    return f"{command} --data-binary @<(python3 -c {written})"


def in_runs(raw: bytes) -> str:
    """The bytes as a term of Python, its runs as products."""
    terms, at = [], 0
    for run in RUN.finditer(raw):
        terms.append(repr(raw[at : run.start()]))
        terms.append(f"{run[1]!r} * {len(run[0]) // len(run[1])}")
        at = run.end()
    return " + ".join(term for term in [*terms, repr(raw[at:])] if term != "b''") or "b''"
