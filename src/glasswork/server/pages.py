"""The built front end: one document for every page, and its assets."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

# Windows keeps some of these in its registry, where other programs change them.
for kind, ending in {
    "text/javascript": ".js",
    "text/css": ".css",
    "image/svg+xml": ".svg",
    "font/woff2": ".woff2",
    "font/woff": ".woff",
    "font/ttf": ".ttf",
    "application/wasm": ".wasm",
    "application/json": ".json",
    "image/webp": ".webp",
}.items():
    mimetypes.add_type(kind, ending)

NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Glasswork: the pages are not built</title>
<h1>The pages are not built yet</h1>
<p>This copy of Glasswork has no built front end. In a checkout, build it with:</p>
<pre>make frontend</pre>
<p>or, without make, <code>python hatch_build.py build</code>. Then reload this page; the server can go on running.</p>
</html>
"""


class BuiltPages:
    """Serves what was built into a folder. Only files found by listing it are opened, never a path that came in."""

    def __init__(self, built: Path) -> None:
        self.built = built
        self.assets: dict[str, Path] = {}

    async def page(self, request: Request) -> Response:
        """The document of every page."""
        try:
            return HTMLResponse(await run_in_threadpool((self.built / "index.html").read_bytes))
        except OSError:
            return HTMLResponse(NOT_BUILT, 503)

    async def asset(self, request: Request) -> Response:
        """One file of `assets/`."""
        return await self.file(f"assets/{request.path_params['name']}")

    async def icon(self, request: Request) -> Response:
        """The icon, which browsers want beside the document."""
        return await self.file("icon.svg")

    async def file(self, name: str) -> Response:
        """One built file."""
        path = self.assets.get(name) or (await run_in_threadpool(self.list_assets)).get(name)
        if path is None:
            return PlainTextResponse("There is no such file.\n", 404)
        try:
            body = await run_in_threadpool(path.read_bytes)
        except OSError:
            return PlainTextResponse("This file was replaced: reload the page.\n", 404)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Response(body, media_type=kind)

    def list_assets(self) -> dict[str, Path]:
        """Look again which files there are: a build may have replaced them. Links are left out."""
        found = {path for path in self.built.rglob("*") if path.is_file() and not path.is_symlink()}
        self.assets = {path.relative_to(self.built).as_posix(): path for path in found}
        return self.assets
