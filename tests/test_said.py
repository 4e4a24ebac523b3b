"""Pages know what the program says by its English templates (texts/de.said.json): each of them must still be said."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAID: dict[str, str] = json.loads((ROOT / "frontend/src/texts/de.said.json").read_text())
ELSEWHERE = ("cli", "tracing", "notebook")
"""Packages whose errors go to a terminal, or are told in other words before a page sees them."""
KNOWN = 0.95
"""The share of what a page may be told that it knows; the rest is said in English."""


def template(node: ast.AST) -> str | None:
    """A text as it is written, with {1}, {2} for what an f-string fills in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    slots = iter(range(1, 100))
    return "".join(str(part.value) if isinstance(part, ast.Constant) else f"{{{next(slots)}}}" for part in node.values)


@cache
def modules() -> list[tuple[Path, ast.Module]]:
    package = ROOT / "src/glasswork"
    return [(path.relative_to(package), ast.parse(path.read_text())) for path in sorted(package.rglob("*.py"))]


def errors(module: ast.Module) -> Iterator[str]:
    """What its errors say: what, why and what to do; not where, which is a name."""
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "GlassworkError":
            given = [*call.args, *(word.value for word in call.keywords if word.arg in ("why", "todo"))]
            yield from (text for node in given if (text := template(node)) and re.search("[a-z]{3} [a-z]{2}", text))


def test_what_pages_know_is_still_said():
    texts = {text for _, module in modules() for node in ast.walk(module) if (text := template(node)) is not None}
    texts |= {text.strip().partition("\n")[0] for text in texts}  # a recipe is told by its docstring's first line
    texts |= {text.removeprefix("; ") for text in texts}  # remarks in a row
    assert not set(SAID) - texts, "nothing says this any more: take it out of de.said.json"


def test_pages_know_nearly_all_errors():
    told = {text for path, module in modules() if path.parts[0] not in ELSEWHERE for text in errors(module)}
    assert len(told) > 400
    missing = sorted(told - set(SAID))
    lines = "\n".join(f"  {json.dumps(text)}: {json.dumps(text)}," for text in missing)
    assert len(missing) <= (1 - KNOWN) * len(told), f"to be translated in de.said.json:\n{lines}"
