"""Long lists, a page at a time: the next page is in the Link header, with the same filters."""

import base64
import uuid
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field
from starlette.requests import Request

from gateway.input import DIGITS, Strict, absent

# An id, of which 22 characters of base64url have four bits to spare: these are 0.
CURSOR = "^[A-Za-z0-9_-]{21}[AQgw]$"


class Paged(Strict):
    """The query of a long list: how much of it, from where on."""

    limit: Annotated[int, Field(ge=1, le=100), DIGITS] = 50
    cursor: Annotated[str, Field(pattern=CURSOR)] = absent()

    @property
    def before(self) -> str:
        """The id that the page comes after, "" for the first page."""
        return "" if self.cursor is None else _id(self.cursor)


def next_page(request: Request, wish: Paged, before: str) -> Mapping[str, str] | None:
    """The header that leads to what comes after the id `before`; None for "": this was all."""
    return link(request, wish, _cursor(before)) if before else None


def link(request: Request, wish: Strict, cursor: str) -> Mapping[str, str]:
    """The header that leads to what comes after a cursor."""
    kept = wish.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    asked = urlencode(kept | {"cursor": cursor})
    return {"Link": f'<{request.scope["path"]}?{asked}>; rel="next"'}


def _cursor(last_id: str) -> str:
    return base64.urlsafe_b64encode(uuid.UUID(last_id).bytes).decode().rstrip("=")


def _id(cursor: str) -> str:
    return str(uuid.UUID(bytes=base64.urlsafe_b64decode(cursor + "==")))
