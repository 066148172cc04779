"""Walks along the links of the document, each call with what earlier ones answered.

Where the document has no links, schemathesis infers some from the names of things.
"""

from typing import Any

from hypothesis import settings
from schemathesis import Case
from schemathesis.core.transport import Response

from tests.fuzz.documented import answer_of, schema, sent_by
from tests.fuzz.fuzzed import IN_ONE_TOWN, Fuzzed, examples

pytestmark = IN_ONE_TOWN

# Who has logged out finds nothing again of what they made, and that is no fault.
ENDS = r"^/api/(auth/logout|auth/logout-all|auth/devices/.*|users/me)$"
STEPS = 10


def test_what_is_made_is_found_again_until_it_is_removed(town: Fuzzed) -> None:
    walks = schema().exclude(path_regex=ENDS).as_state_machine()

    class Walk(walks):  # type: ignore[misc, valid-type]  # the class comes from the document
        def setup(self) -> None:
            town.renew()

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"base_url": town.url, "headers": {"Authorization": town.bearer(case.path)}}

        def after_call(self, response: Response, case: Case[Any]) -> None:
            super().after_call(response, case)
            town.count(response.status_code, was_known=True)

        def validate_response(self, response: Response, case: Case[Any], **how: Any) -> None:
            super().validate_response(response, case, **how)
            town.judge.judge(answer_of(response), sent_by(case))

    Walk.run(settings=settings(examples(few=4, many=500), stateful_step_count=STEPS))
