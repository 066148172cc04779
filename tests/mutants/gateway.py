"""Slips in the gateway: an answer for somebody else, a token that lives on, a wrong "failed"."""

from tests.mutants.mutant import Mutant

_ADMIN = "tests/service/gateway/test_gateway_admin.py"
_ANSWERS = "tests/service/gateway/test_gateway_answers.py"
_REFUSALS = "tests/service/gateway/test_gateway_refusals.py"
_EXPORT = "tests/service/gateway/test_gateway_export.py"
_COALESCER = "tests/unit/gateway/test_gateway_coalescer.py"
_LIMITS = "tests/unit/gateway/test_gateway_limits.py"
_LIMITED = "tests/service/gateway/test_gateway_limits.py"
_ADDRESSES = "tests/unit/gateway/test_gateway_addresses.py"
_FOLLOWER = "tests/service/gateway/test_gateway_follower.py"
_FRAMING = "tests/service/gateway/test_gateway_framing.py"
_FORGERIES = "tests/service/gateway/test_gateway_forgeries.py"
_IDENTITY = "tests/service/gateway/test_gateway_identity.py"
_KEYS = "tests/unit/gateway/test_gateway_keys.py"
_REFUSALS = "tests/service/gateway/test_gateway_refusals.py"

MUTANTS = (
    Mutant(
        name="the newest request is answered first, and the oldest starves",
        file="gateway/coalescer.py",
        before="lane.waiting.popleft()",
        after="lane.waiting.pop()",
        tests=(f"{_COALESCER}::test_what_arrives_meanwhile_travels_together_and_in_order",),
    ),
    Mutant(
        name="a request that waited past its time is sent all the same",
        file="gateway/coalescer.py",
        before="        latest = lane.left - BUDGET_S",
        after="        latest = lane.left - 10 * BUDGET_S",
        tests=(f"{_COALESCER}::test_what_waited_too_long_is_shed_before_it_is_sent",),
    ),
    Mutant(
        name="players of two shards travel in one batch",
        file="gateway/coalescer.py",
        before="self._lanes[shard_of(user_id)]",
        after="self._lanes[0]",
        tests=(f"{_COALESCER}::test_shards_have_lanes_of_their_own",),
    ),
    Mutant(
        name="a drain does not wait for what is in flight",
        file="gateway/coalescer.py",
        before="        while self._runs or any(lane.waiting for lane in self._lanes.values()):",
        after="        while False:",
        tests=(f"{_COALESCER}::test_draining_waits_for_what_is_in_flight_and_in_the_queue",),
    ),
    Mutant(
        name="the next batch waits for nobody",
        file="gateway/coalescer.py",
        before="is_complete = len(lane.waiting) >= lane.expected",
        after="is_complete = bool(lane.waiting)",
        tests=("tests/unit/gateway/test_gateway_gathering.py",),
    ),
    Mutant(
        name="the calls of one request do not share their time",
        file="gateway/clients.py",
        before="        if self._until is None:\n            self._until",
        after="        if True:\n            self._until",
        tests=("tests/unit/gateway/test_gateway_budget.py",),
    ),
    Mutant(
        name="a request's calls have no time in common",
        file="gateway/envelope.py",
        before="        BUDGET.set(Budget())",
        after="        Budget()",
        tests=(f"{_REFUSALS}::test_a_call_behind_another_gets_what_time_that_one_left",),
    ),
    Mutant(
        name="a token that was accepted once never expires",
        file="gateway/identity.py",
        before="player.expires <= self._clock() or player.family in self._ended",
        after="player.family in self._ended",
        tests=(f"{_IDENTITY}::test_a_token_expires_although_it_was_accepted_before",),
    ),
    Mutant(
        name="a token outlives the login that ended",
        file="gateway/identity.py",
        before="player.expires <= self._clock() or player.family in self._ended",
        after="player.expires <= self._clock()",
        tests=(f"{_FOLLOWER}::test_a_login_that_ended_elsewhere_is_refused_within_a_second",),
    ),
    Mutant(
        name="tokens expire by the gateway's own clock",
        file="gateway/follower.py",
        before="            self._auth_clock.set(instant(told.now))",
        after="            instant(told.now)",
        tests=(f"{_FOLLOWER}::test_tokens_expire_by_the_clock_of_auth_not_by_the_gateways",),
    ),
    Mutant(
        name="tokens are believed before it is known which logins ended",
        file="gateway/identity.py",
        before="return self._ended.is_known and bool(self._keys.known)",
        after="return bool(self._keys.known)",
        tests=(
            f"{_FOLLOWER}::test_a_gateway_believes_no_token_before_it_knows_which_logins_ended",
        ),
    ),
    Mutant(
        name="a token outlives the key that was thrown out",
        file="gateway/identity.py",
        before="if player is None or player.kid not in self._keys.known:",
        after="if player is None:",
        tests=(f"{_FOLLOWER}::test_what_opened_before_its_key_was_thrown_out_opens_no_more",),
    ),
    Mutant(
        name="a body whose end can be seen in two places is read",
        file="gateway/protocol.py",
        before='return codings not in ([], [b"chunked"]) or not _is_meant_for(hosts, url)',
        after="return not _is_meant_for(hosts, url)",
        tests=(f"{_FRAMING}::test_it_must_be_clear_where_a_body_ends",),
    ),
    Mutant(
        name="what comes behind a body in pieces counts as headers",
        file="gateway/protocol.py",
        before="        self.headers = []",
        after="        self.headers.clear",
        tests=(f"{_FRAMING}::test_what_comes_behind_a_body_in_pieces_is_no_header",),
    ),
    Mutant(
        name="a connection whose request was not read is used on",
        file="gateway/envelope.py",
        before="if self._drain.is_on or WHOLE not in state:",
        after="if self._drain.is_on:",
        tests=(f"{_FRAMING}::test_a_body_that_nobody_read_is_no_request",),
    ),
    Mutant(
        name="an address has other names, by escapes",
        file="gateway/protocol.py",
        before='        if b"%" in self.url:',
        after='        if b"%%" in self.url:',
        tests=("tests/service/gateway/test_gateway_paths.py",),
    ),
    Mutant(
        name="of two origins the first counts",
        file="gateway/origins.py",
        before="if len(given) == 1 else None",
        after="if given else None",
        tests=("tests/service/gateway/test_gateway_origins.py",),
    ),
    Mutant(
        name="of two headers that differ the first counts",
        file="gateway/heads.py",
        before='                return ""',
        after="                return found",
        tests=(
            "tests/service/gateway/test_gateway_heads.py::test_of_two_types_of_a_body_none_counts",
        ),
    ),
    Mutant(
        name="two names look alike, by what cannot be seen",
        file="gateway/text.py",
        before='f"[{_OFF_THE_LINE}{_FORMATTING}{_UNSEEN}{_NO_CHARACTERS}]"',
        after='f"[{_OFF_THE_LINE}{_UNSEEN}{_NO_CHARACTERS}]"',
        tests=("tests/unit/gateway/test_gateway_text.py",),
    ),
    Mutant(
        name="of two Authorization headers the first counts",
        file="gateway/identity.py",
        before="        if len(given) > 1:",
        after="        if len(given) > 2:",
        tests=(f"{_FORGERIES}::test_of_two_authorization_headers_none_counts",),
    ),
    Mutant(
        name="a token that comes before word of its key is refused",
        file="gateway/keys.py",
        before="            await self._asked_in_turn()",
        after="            return None",
        tests=(f"{_FOLLOWER}::test_a_token_that_comes_before_word_of_its_key_is_not_refused",),
    ),
    Mutant(
        name="a call for keys that was made too early counts for whoever waits",
        file="gateway/keys.py",
        before="        self._coming = None\n        try:\n            await self.fetch()",
        after="        try:\n            await self.fetch()\n            self._coming = None",
        tests=(f"{_KEYS}::test_who_comes_while_a_call_is_under_way_waits_for_the_next",),
    ),
    Mutant(
        name="the keys are forgotten while auth is down",
        file="gateway/keys.py",
        before='            log.warning("keys_not_fetched", reason=failure.reason)\n',
        after="            self.known = {}\n"
        '            log.warning("keys_not_fetched", reason=failure.reason)\n',
        tests=(f"{_FOLLOWER}::test_while_auth_is_down_a_key_that_nobody_knows_may_be_real",),
    ),
    Mutant(
        name="a completion whose town is unknown calls itself settled",
        file="gateway/routes/session.py",
        before="completion.settled and world is not None and wardrobe is not None",
        after="completion.settled",
        tests=(f"{_ANSWERS}::test_a_completion_while_inventory_is_down_is_not_settled",),
    ),
    Mutant(
        name="who comes back when told to comes a moment too early",
        file="gateway/errors.py",
        before='math.ceil(float(metadata["retry_after"]))',
        after='round(float(metadata["retry_after"]))',
        tests=(f"{_REFUSALS}::test_an_early_completion_tells_when_to_come_back",),
    ),
    Mutant(
        name="who may try again is not told when",
        file="gateway/errors.py",
        before='        return Problem(code="UNAVAILABLE", headers={"Retry-After": str(RETRY_S)})',
        after='        return Problem(code="UNAVAILABLE")',
        tests=(f"{_REFUSALS}::test_a_service_that_does_not_answer_is_unavailable",),
    ),
    Mutant(
        name="an export begins before every service has answered",
        file="gateway/routes/export.py",
        before="    await anext(pieces)\n",
        after="",
        tests=(f"{_EXPORT}::test_without_one_of_the_four_there_is_no_document",),
    ),
    Mutant(
        name="an export that breaks off ends as if it were whole",
        file="gateway/routes/export.py",
        before='            log.warning("export_broken_off", why=repr(error))\n',
        after='            log.warning("export_broken_off", why=repr(error))\n'
        '            await send({"type": "http.response.body", "body": b""})\n',
        tests=(f"{_EXPORT}::test_a_document_that_breaks_off_does_not_look_whole",),
    ),
    Mutant(
        name="one call more than the limit is let through",
        file="gateway/limits.py",
        before="        if left < 0:",
        after="        if left < -self.share:",
        tests=(f"{_LIMITS}::test_a_whole_budget_can_be_spent_at_once_and_no_more",),
    ),
    Mutant(
        name="whoever asks in vain stays shut out",
        file="gateway/limits.py",
        before="            return Standing(0, _seconds(ahead), _seconds(-left))",
        after="            self._newer[who] = now + ahead + self.share\n"
        "            return Standing(0, _seconds(ahead), _seconds(-left))",
        tests=(f"{_LIMITS}::test_asking_in_vain_keeps_nobody_out",),
    ),
    Mutant(
        name="a minute's turn gives everybody a whole budget",
        file="gateway/limits.py",
        before="            self._older, self._newer = self._newer, {}",
        after="            self._older, self._newer = {}, {}",
        tests=(f"{_LIMITS}::test_a_budget_is_remembered_over_the_turn_of_what_is_kept",),
    ),
    Mutant(
        name="a client says itself where it comes from",
        file="gateway/addresses.py",
        before="            if not self._trusts(address):",
        after="            if not address:",
        tests=(f"{_ADDRESSES}::test_what_a_peer_says_of_itself_is_not_believed",),
    ),
    Mutant(
        name="the players behind one address share a budget",
        file="gateway/plain.py",
        before="        town.limits.count(limit, player.id, request.scope)",
        after="        town.limits.count(limit, address_of(request), request.scope)",
        tests=(f"{_LIMITED}::test_one_player_spends_nothing_of_another",),
    ),
    Mutant(
        name="who was demoted goes on as an operator",
        file="gateway/routes/admin/operator.py",
        before="    if not (account.is_active and account.is_superuser):",
        after="    if not account.is_active:",
        tests=(
            f"{_ADMIN}::test_who_was_closed_or_demoted_a_moment_ago_is_forbidden_with_the_same_token",
        ),
    ),
    Mutant(
        name="the trails of four services lose entries between two pages",
        file="gateway/routes/admin/audit.py",
        before='"" if is_last else page[-1].id',
        after='"" if is_last else newest[-1].id',
        tests=(f"{_ADMIN}::test_the_trails_of_all_services_are_one_newest_first_page_by_page",),
    ),
    Mutant(
        name="a flood of logins reaches auth all at once",
        file="gateway/line.py",
        before="                await self._places.acquire()",
        after="                await asyncio.sleep(0)",
        tests=("tests/service/gateway/test_gateway_line.py",),
    ),
    Mutant(
        name="a player who moved is told another zone's dates from the beginning of time",
        file="gateway/times.py",
        before="max(begins_at, now.since)",
        after="begins_at",
        tests=("tests/unit/gateway/test_gateway_stretches.py",),
    ),
    Mutant(
        name="what happened at one instant is lost between two pages of a timeline",
        file="gateway/routes/admin/timeline.py",
        before="    return found[:3]",
        after="    return found[:1]",
        tests=("tests/service/gateway/test_gateway_timeline.py",),
    ),
)
