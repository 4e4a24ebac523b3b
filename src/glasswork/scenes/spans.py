"""A line of Markdown as words that a page sets: strong, code, formulas and links, and nothing else."""

from __future__ import annotations

import re

from glasswork.scenes.messages.lecture import Span

MARKED = re.compile(
    r"\*\*(?P<strong>[^*]+)\*\*"
    r"|`(?P<code>[^`]+)`"
    r"|\$(?P<formula>[^$]+)\$"
    r"|\[(?P<words>[^\]]+)\]\((?P<href>/[^\s)]*|https://[^\s)]+)\)"
)


def spans(line: str) -> list[Span]:
    """The words of a line. What is no mark of these stays as it was typed, HTML too."""
    found, at = list[Span](), 0
    for one in MARKED.finditer(line):
        if one.start() > at:
            found.append(Span(line[at : one.start()]))
        at = one.end()
        if words := one["words"]:
            href = one["href"]
            found.append(Span(words, "page" if href.startswith("/") else "outside", href))
        elif one["strong"]:
            found.append(Span(one["strong"], "strong"))
        elif one["code"]:
            found.append(Span(one["code"], "code"))
        else:
            found.append(Span(one["formula"], "formula"))
    if at < len(line):
        found.append(Span(line[at:]))
    return found


def plain(line: list[Span]) -> str:
    """The words alone."""
    return "".join(one.words for one in line)
