"""Coverage-guided fuzzing of the body guard: `python -m tests.fuzz.of_body seeds…`, libFuzzer's options."""

import sys

import atheris

with atheris.instrument_imports(include=["gateway.input", "json"]):
    from tests.fuzz import parsers


def try_one(raw: bytes) -> None:
    parsers.body(raw)


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
