"""What a server is started with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST_PORT = 7860
BUILT_PAGES = Path(__file__).parent.parent / "static" / "app"


@dataclass(frozen=True)
class Settings:
    """What a server is started with; `port` is the one that it really listens on."""

    host: str = LOOPBACK
    port: int = FIRST_PORT
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """Lets a program in by `Authorization: Bearer TOKEN`; the browser's cookie is derived from it."""
    pages: tuple[str, ...] = (
        *("/", "/cnn", "/diffusion", "/gan", "/lstm", "/open", "/perceptron", "/race", "/rnn", "/train"),
        *("/transformer", "/vit", "/convolution", "/teach", "/lecture", "/unet"),
    )
    """The paths that answer with the built page."""
    built: Path = BUILT_PAGES
    """Where the built front end lies."""
    home: Path | None = None
    """Where pictures are kept; None: GLASSWORK_HOME, or the user's cache folder."""
