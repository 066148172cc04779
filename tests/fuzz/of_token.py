"""Coverage-guided fuzzing of access tokens: `python -m tests.fuzz.of_token seeds…`, libFuzzer's options."""

import sys

import atheris

with atheris.instrument_imports(include=["gateway.identity", "gateway.keys", "jwt", "json"]):
    from tests.fuzz import parsers


def try_one(raw: bytes) -> None:
    """The bytes as an Authorization; then as header and claims of a token that nobody signed."""
    parsers.authorized(raw)
    header, _, claims = raw.partition(b"\n")
    parsers.authorized(b"Bearer " + parsers.unsigned(header, claims))


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
