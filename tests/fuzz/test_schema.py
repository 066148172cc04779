"""The town is what its OpenAPI document says: schemathesis makes the requests of it, and judges."""

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case

from tests.contract.test_openapi import OPERATIONS
from tests.fuzz.documented import ask, bad, enliven, good, schema
from tests.fuzz.fuzzed import IN_ONE_TOWN, Fuzzed, examples

pytestmark = IN_ONE_TOWN
# Why a value may be refused that a schema can not tell from a good one.
BEYOND_A_SCHEMA = {
    "character_refused",
    "clock_too_far",
    "cursor_malformed",
    "date_out_of_reach",
    "email_form",
    "field_invalid",
    "range_reversed",
    "range_too_long",
    "text_length",
    "text_unclean",
    "zone_unknown",
}
# What is as agreed is refused all the same by the state of things, by a secret that is not the right
# one, or by too many of those; and UNAVAILABLE may happen at any time.
STATE = {400, 401, 403, 404, 409, 422, 429, 503}
WITH_SOMETHING_TO_GET_WRONG = [
    label for label, call in OPERATIONS.items() if "requestBody" in call or "parameters" in call
]


@pytest.mark.parametrize("label", OPERATIONS)
def test_what_is_as_agreed_is_taken(town: Fuzzed, label: str) -> None:
    @examples(few=3, many=250)
    @given(case=good(label), data=st.data())
    def fuzz(case: Case[Any], data: st.DataObject) -> None:
        enliven(case, town, data)
        answer = ask(town, case)
        assert answer.status < 300 or answer.status in STATE
        if answer.status == 422:
            assert answer.reasons <= BEYOND_A_SCHEMA, (answer.content, case.as_curl_command())

    fuzz()


@pytest.mark.parametrize("label", WITH_SOMETHING_TO_GET_WRONG)
def test_what_is_not_as_agreed_is_refused(town: Fuzzed, label: str) -> None:
    @examples(few=3, many=500)
    @given(case=bad(label))
    def fuzz(case: Case[Any]) -> None:
        # Whether it is not as agreed any more once it is written as text, schemathesis knows.
        ask(town, case)

    fuzz()


@schema().parametrize()
@settings(phases=[Phase.explicit])
def test_every_corner_of_the_document_is_as_it_says(town: Fuzzed, case: Case[Any]) -> None:
    ask(town, case)
