"""The town's OpenAPI document in the hands of schemathesis: the requests that it allows or forbids."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any, cast

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.schemas import BaseSchema

from tests.contract.test_openapi import DOCUMENT
from tests.fuzz.fuzzed import Fuzzed
from tests.fuzz.judge import Answer, names_in, texts_of


@cache
def schema() -> BaseSchema:
    """The document as schemathesis reads it."""
    # A copy: schemathesis writes the links that it infers into what it is given.
    found = schemathesis.openapi.from_dict(deepcopy(DOCUMENT))
    # Who asks is decided here, not drawn.
    found.config.generation.update(with_security_parameters=False)
    # test_schema.py judges it by the reasons that are given.
    found.config.checks.positive_data_acceptance.enabled = False
    # The usual ones, and what is refused for its size.
    refused = ["400", "401", "403", "404", "405", "409", "413", "414", "415", "422", "429", "431"]
    found.config.checks.negative_data_rejection.expected_statuses = refused
    return found


def good(label: str) -> st.SearchStrategy[Case[Any]]:
    """Requests of that call that are as agreed."""
    return _cases(label, GenerationMode.POSITIVE)


def bad(label: str) -> st.SearchStrategy[Case[Any]]:
    """Requests of that call of which one part is not as agreed."""
    return _cases(label, GenerationMode.NEGATIVE)


def enliven(case: Case[Any], town: Fuzzed, data: st.DataObject) -> None:
    """Puts values that mean something here in some places, so that more than a refusal comes of it."""
    if isinstance(case.body, Mapping):
        # To a schema, 25.0 is an integer; here it is none.
        body = {n: int(v) if isinstance(v, float) else v for n, v in case.body.items()}
        case.body = body | _alive(body, town, data)
    case.path_parameters.update(_alive(case.path_parameters, town, data))


def ask(town: Fuzzed, case: Case[Any]) -> Answer:
    """The answer to a case, which schemathesis and we have found in order."""
    headers = {"Authorization": town.bearer(case.path)}
    response = case.call(base_url=town.url, headers=headers)
    town.count(response.status_code, was_known=True)
    case.validate_response(response, headers=headers)
    answer = answer_of(response)
    town.judge.judge(answer, sent_by(case))
    return answer


def answer_of(response: Response) -> Answer:
    """The same answer, as the judge reads it."""
    told = {name: values[0] for name, values in response.headers.items()}
    return Answer(response.status_code, told, response.content)


def sent_by(case: Case[Any]) -> list[str]:
    """The values of a case that are not also names in it."""
    sent = (case.path_parameters, case.query, case.headers, case.body)
    names = set(names_in(sent))
    return [text for text in texts_of(sent) if text not in names]


def _cases(label: str, mode: GenerationMode) -> st.SearchStrategy[Case[Any]]:
    method, _, path = label.partition(" ")
    strategy = cast("Any", schema())[path][method].as_strategy(generation_mode=mode)
    return cast("st.SearchStrategy[Case[Any]]", strategy)


def _alive(part: Mapping[str, Any], town: Fuzzed, data: st.DataObject) -> dict[str, Any]:
    drawn = {name: data.draw(st.integers(-1, 3), label=name) for name in part}
    known = {name: town.own(name, which) for name, which in drawn.items() if which >= 0}
    return {name: value for name, value in known.items() if value is not None}
