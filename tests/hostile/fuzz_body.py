"""Coverage-guided fuzzing of the body guard: `python -m tests.hostile.fuzz_body corpus…`, libFuzzer's options."""

import sys

import atheris

with atheris.instrument_imports(include=["gateway.input", "json"]):
    from tests.hostile import parsers


def try_one(raw: bytes) -> None:
    parsers.body(raw)


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
