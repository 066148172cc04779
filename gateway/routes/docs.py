"""The API reference, served without any outside host."""

from importlib.resources import files
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.errors import CATALOGUE

_TITLE = "Nesra Town"
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        # The reference sets styles on its own elements.
        "style-src 'self' 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    # Whoever opened it gets no hold of its window.
    "Cross-Origin-Opener-Policy": "same-origin",
}
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_TITLE} API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon.png">
</head>
<body>
<div id="reference"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


def description() -> str:
    """What stands above the calls: the catalogue of error codes."""
    rows = [
        f'| <a id="{name}"></a>`{name}` | {code.status} | {code.detail} |'
        for name, code in CATALOGUE.items()
    ]
    return "\n".join(
        (
            "The backend of Nesra Town, a focus game whose server alone decides.",
            "",
            "Errors are `application/problem+json` (RFC 9457) with a stable `code`:",
            "",
            "| code | status | meaning |",
            "|---|---|---|",
            *rows,
        )
    )


async def docs(_: Request) -> Response:
    """The page."""
    return HTMLResponse(_PAGE, headers=_POLICY)


async def start_script(_: Request) -> Response:
    """What starts the page; a file of its own, so that no inline script need be allowed."""
    return Response(_START, media_type="text/javascript")


async def openapi(request: Request) -> Response:
    """The document behind the page."""
    return Response(await request.app.document(), media_type="application/json")


def _assets() -> Path:
    return Path(str(files("fastapi_offline"))) / "static"


def routes() -> list[BaseRoute]:
    """The page, what it needs, and the document."""
    return [
        Route("/docs", docs),
        Route("/docs/start.js", start_script),
        Mount("/docs/assets", StaticFiles(directory=_assets())),
        Route("/openapi.json", openapi),
    ]
