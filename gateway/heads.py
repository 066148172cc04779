"""What stands in the head of a request, and counts only where it stands there once.

Whoever stands between may have looked at the one, and we at the other.
"""

from starlette.requests import Request


def header(request: Request, name: bytes) -> str | None:
    """The header of that name, which is in lower case; "" where several have it, None where none."""
    found = None
    for given, value in request.scope["headers"]:
        if given == name:
            if found is not None:
                return ""
            found = str(value, "latin-1")
    return found


def cookie_of(request: Request, name: str) -> str:
    """The cookie of that name; "" where there is none, or several that differ."""
    wanted = name.encode()
    found = {
        value.strip()
        for given, pairs in request.scope["headers"]
        if given == b"cookie"
        for pair in pairs.split(b";")
        for key, _, value in (pair.partition(b"="),)
        if key.strip() == wanted
    }
    return str(found.pop(), "latin-1") if len(found) == 1 else ""
