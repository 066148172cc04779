"""The two pages that a letter's link opens. Plain forms: no script, no cookie, nothing echoed.

Opening one does nothing, because programs that look through mail open links too; sending
its form does. The token stays in the address, to which the form is sent: the page never
repeats it, and `Referrer-Policy` keeps it from going anywhere else.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from html import escape

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.errors import CATALOGUE, Problem, problem_of
from gateway.input import Password, Strict, no_body, query, read_form
from gateway.limits import MAIL
from gateway.plain import by_address
from gateway.routes.recovery import MailToken, reset, verified
from gateway.town import town_of
from services.kit.errors import Failure

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 90vh; margin: 0 1rem; }
main { max-width: 24rem; width: 100%; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input { margin: .25rem 0 1rem; padding: .5rem; }
button { padding: .6rem; border: 0; border-radius: .4rem; background: #2b5f4a; color: #fff; }
button:focus-visible, input:focus-visible { outline: .2rem solid #d9902f; }
[role=alert] { color: #b3261e; }
@media (prefers-color-scheme: dark) { [role=alert] { color: #ff9d94; } }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_VERIFY_FORM = '<form method="post"><button>Confirm my e-mail address</button></form>'
_RESET_FORM = """<form method="post">
<label for="password">New password, at least 8 characters</label>
<input id="password" name="password" type="password" autocomplete="new-password"
 minlength="8" maxlength="128" required autofocus>
<button>Set the new password</button>
</form>"""

Page = Callable[[Request], Awaitable[Response]]


class _Link(Strict):
    token: MailToken


class _NewPassword(Strict):
    password: Password = Field(min_length=1)


async def verify_page(request: Request) -> Response:
    """Asks whether to confirm the address."""
    query(request, _Link)
    return _page("Confirm your e-mail address", _VERIFY_FORM)


async def verify_sent(request: Request) -> Response:
    """Confirms it."""
    link = query(request, _Link)
    await no_body(request)
    await verified(town_of(request), link.token)
    return _page("Your e-mail address is confirmed", "<p>You can close this page.</p>")


async def reset_page(request: Request) -> Response:
    """Asks for the new password."""
    query(request, _Link)
    return _page("Set a new password", _RESET_FORM)


async def reset_sent(request: Request) -> Response:
    """Sets it; what is wrong with it is said above the form."""
    link = query(request, _Link)
    wish = await read_form(request, _NewPassword)
    try:
        await reset(town_of(request), link.token, wish.password)
    except Failure as failure:
        problem = problem_of(failure)
        if problem.code != "PASSWORD_TOO_WEAK":
            raise
        return _page("Set a new password", _alert(problem.detail) + _RESET_FORM, 422)
    done = "<p>Every device was logged out. Log in with the new password.</p>"
    return _page("Your password is changed", done)


def _page(title: str, content: str, status: int = 200) -> Response:
    """A page of our own words; nothing in it comes from a request."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} · Nesra Town</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{content}</main></body></html>"
    )
    return HTMLResponse(html, status, _HEADERS)


def _alert(sentence: str) -> str:
    return f'<p role="alert">{escape(sentence)}</p>'


def _explained(page: Page) -> Page:
    """Tells a person what went wrong in a page, with the status that a program gets."""
    page = by_address(page, MAIL)

    async def answered(request: Request) -> Response:
        try:
            return await page(request)
        except Failure as failure:
            problem = problem_of(failure)
        except Problem as found:
            problem = found
        code, detail = CATALOGUE[problem.code], problem.detail
        if problem.code == "VALIDATION_FAILED":
            # The link's own form is not the reader's to mend.
            detail = CATALOGUE["BAD_TOKEN"].detail
        answer = _page(code.title, _alert(detail), code.status)
        answer.headers.update(problem.headers)
        return answer

    return answered


def routes() -> list[BaseRoute]:
    """Both pages, to look at and to send."""
    return [
        Route("/verify", _explained(verify_page), methods=["GET"]),
        Route("/verify", _explained(verify_sent), methods=["POST"]),
        Route("/reset-password", _explained(reset_page), methods=["GET"]),
        Route("/reset-password", _explained(reset_sent), methods=["POST"]),
    ]
