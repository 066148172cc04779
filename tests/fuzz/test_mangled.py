"""Requests that no client means: refused by name, never a 500, and never let in without a login."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.test_openapi import OPERATIONS
from tests.fuzz.again import curl
from tests.fuzz.fuzzed import IN_ONE_TOWN, Fuzzed, examples
from tests.fuzz.judge import Answer, texts_of
from tests.fuzz.mangled import Mangled, call_of, mangled

pytestmark = IN_ONE_TOWN


@pytest.mark.parametrize("label", OPERATIONS)
def test_what_nobody_means_is_refused_by_name(town: Fuzzed, label: str) -> None:
    method, _, path = label.partition(" ")
    operation = OPERATIONS[label]
    call = call_of(method, path, operation)

    @examples(few=5, many=1_400)
    @given(data=st.data())
    def fuzz(data: st.DataObject) -> None:
        request = data.draw(mangled(call, town.own), label=label)
        headers = request.headers
        if request.identity == "known":
            headers = (*headers, ("Authorization", town.bearer(path).encode()))
        wire = (request.method, request.target, headers, request.body)
        answer = town.send(*wire)
        town.count(answer.status, was_known=request.identity == "known")
        try:
            judge(town, request, answer, operation)
        except AssertionError as error:
            error.add_note(f"{curl(town.url, *wire)}\n{answer.status} {answer.content[:2000]!a}")
            raise

    fuzz()


def judge(town: Fuzzed, request: Mangled, answer: Answer, operation: Mapping[str, Any]) -> None:
    assert answer.status < 500 or answer.status == 503
    if request.method != "HEAD":
        headers = (str(value, "latin-1") for _, value in request.headers)
        town.judge.judge(answer, [*texts_of(request.values), *headers])
    if not request.is_astray:
        assert str(answer.status) in operation["responses"]
        if operation["security"] and request.identity != "known":
            assert answer.status >= 400
