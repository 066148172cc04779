"""Values, headers and methods that break what was not made for them."""

from typing import Any

from hypothesis import strategies as st

from tests.fuzz.fuzzed import STRANGE_ID

# What the stock stack lets through, breaks at or repeats (reliability.md, bad input).
UGLY: list[Any] = [
    None, True, False, 0, 1, -1, 5, 25, 25.0, 2**31, 2**63, 10**18, -(2**63) - 1, 10**25, 10**400,
    float("nan"), float("inf"), 1e308, "", " ", "25", " 25 ", "1_000", "25.0", "true", "null",
    "a\0b", "\ud800", "\udfff\ud800", "a\nb", "a\r\nX-Injected: 1", "a\u202eb", "a\u0301" * 60,
    "\U0001f600" * 80, "x" * 81, "x" * 255, "x" * 1025, "x" * 5000, "x" * 66_000, "%00", "\\u0000",
    "' OR 1=1 --", "{}", "${jndi:ldap://canary.example}", "<script>alert(1)</script>", "../../etc",
    "{" + STRANGE_ID + "}", f"urn:uuid:{STRANGE_ID}", STRANGE_ID.upper(), STRANGE_ID.replace("-", ""),
    f"{STRANGE_ID}\n", "2026-02-30", "0000-01-01", "9999-12-31", "2026-W01-1", "2026-01-01T00:00:00Z",
    "Europe/Berlin\0", "../UTC", "posixrules", "__proto__", [], {}, [[]], ["x"], {"x": 1}, [None],
    "canary-value-1", "someone@example.com", "someone@xn--example", "a@[127.0.0.1]", "@", "a@b@c",
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(UGLY),
    st.text(max_size=40),
    st.integers(),
    st.floats(),
    st.recursive(st.none() | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=5),
)
BYTES = st.binary(max_size=60)
IDENTITIES = st.sampled_from(("known", "known", "known", "none", "wrong"))
WRONG = st.one_of(
    st.sampled_from(
        (b"", b"Bearer", b"Bearer ", b"Basic YTpi", b"Bearer ..", b"Bearer a.b.c", b"Bearer \xff")
    ),
    BYTES.map(lambda raw: b"Bearer " + raw),
)
TYPES = st.sampled_from(
    (
        *[b"application/json"] * 6, b"application/json; charset=utf-8", b"application/json; charset=utf-16",
        b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data", b"\xff", b"",
        b"application/problem+json", b"application/json, text/plain",
    )
)  # fmt: skip
# Of headers that mean something to some server; ours must stand them all.
EXTRA = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "Idempotency-Key", "Cookie", "Origin", "X-Forwarded-For", "X-HTTP-Method-Override",
                "Last-Event-ID", "Accept", "Accept-Encoding", "If-None-Match", "Range", "Forwarded",
                "X-Original-URL", "X-Request-Id", "Referer", "User-Agent", "Access-Control-Request-Method",
            )
        ),
        st.one_of(
            st.sampled_from(
                (
                    b"", b"null", b"a", b"x" * 255, b"x" * 256, b"x" * 20_000, b"key key", b"\xe9",
                    b"nesra_access=", b"nesra_access=a.b.c; nesra_refresh=\xff", b'nesra_access="\\', b";=;",
                    b"http://localhost", b"https://evil.example", b"http://", b"127.0.0.1, ::1", b"[", b"DELETE",
                )
            ),
            BYTES,
        ),
    ),
    max_size=3,
)  # fmt: skip
CONTROLS = bytes(range(9)) + bytes(range(10, 32)) + b"\x7f"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE")
