"""`glasswork explain`: one number, its formula, its terms, and the error of their sum."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from glasswork.cli.command import Flag, Report, Score
from glasswork.cli.printing import say
from glasswork.cli.usage import UsageError

AT = re.compile(r"(?P<op>.+?)\[(?P<index>\s*-?\d+\s*(?:,\s*-?\d+\s*)*)?\]", re.DOTALL)
SHOWN, PRINTED = 3, 32  # terms, for people and in JSON
REDUCED = {
    "sum": "the sum of {terms}",
    "mean": "the mean of {terms}",
    "max": "the largest of {count}",
    "min": "the smallest of {count}",
    "product": "the product of {terms}",
    "norm": "the root of the sum of the squares of {terms}",
    "logsumexp": "the logarithm of the sum of the exponentials of {terms}",
    "softmax": "its own share of the sum of {count}",
    "log_softmax": "the logarithm of its own share of the sum of {count}",
    "identity": "this number itself",
}
OTHERS = {  # how the remainder is reduced; else a sum
    "mean": "mean of",
    "max": "largest of",
    "min": "smallest of",
    "product": "product of",
    "norm": "norm of",
    "logsumexp": "logsumexp of",
}


@dataclass(kw_only=True)
class Explain(Report):
    """Explain one number of a network: its formula, its largest terms, the rest, and the error of their sum."""

    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """A network that ships, torchvision:NAME, timm:NAME, hf:FOLDER, file.py:factory, package.module:factory, a run
    folder or a trace file."""
    at: Annotated[str, tyro.conf.arg(metavar="'OP[i,j,...]'")]
    """The number: an op of `glasswork trace`, an input or a parameter, and an index that counts every axis."""
    input: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: a sample)")] = ""
    """A picture file, an array (.npy), sample:NAME, or a text or a row for networks that read such."""
    weights: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = ""
    """Weights to put into the network first: .safetensors, or a checkpoint (.pt, .pth, .ckpt, .bin)."""
    grad: Flag = False
    """Explain the gradient of a class's score at this number instead."""
    score: Score = None
    """The class whose score it is the gradient of, counted from 0."""
    terms: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="(default: 3; in JSON 32)")] = None
    """How many terms to list, the largest; 0 for all."""

    def result(self) -> dict[str, Any]:
        """The contract's explanation."""
        path, index = split(self.at)
        if self.terms is not None and self.terms < 0:
            raise UsageError("--terms can't be negative", where="glasswork explain", why=f"it is {self.terms}")
        from dataclasses import asdict

        from glasswork.cli.running import run_or_open
        from glasswork.explaining import explain, explain_value
        from glasswork.tracing import UnknownAddress

        made = run_or_open(self.target, self.input, self.grad, self.score, weights=self.weights)
        of = "grad" if self.grad else "value"
        listed = (PRINTED if self.json else SHOWN) if self.terms is None else self.terms or None
        try:
            found = explain_value(made.trace, path, index, of, listed)
        except UnknownAddress:
            if not path.isdigit():
                raise
            found = explain(made.trace, int(path), index, of, listed)
        op = next((op for op in made.trace.ops if op.path == found.op), None)
        return {
            "target": self.target,
            "input": {"name": made.given.name, "about": made.given.about},
            "loss": made.loss,
            "name": op.name if op else None,
            "source": str(op.source) if op and op.source else None,
            **asdict(found),
        }

    def show(self, result: dict[str, Any]) -> None:
        """The number, then what it is made of."""
        address = f"{result['op']}[{','.join(map(str, result['index']))}]"
        head = f"d {result['loss']} / d {address}" if self.grad else address
        say(f"{head} = {result['value']:.6g}")
        made_by = " ".join(filter(None, (result["name"], result["source"] and f"({result['source']})")))
        say(f"  {made_by or result['note']}, on {result['input']['name']} ({result['input']['about']})")
        if result["formula"]:
            say(f"  {result['formula']}")
        if result["kind"] == "given":
            return
        reduced = REDUCED[result["reduce"]].format(count=result["count"], terms=_terms(result["count"]))
        say(f"  {result['kind']}: {reduced}")
        for term in result["terms"]:
            scaled = f"{term['value']:.6g} × {term['factor']:.6g} = " if term["factor"] is not None else ""
            of = f" × {term['factor_ref'].partition('@')[0]}" if term["factor_ref"] else ""
            say(f"    {scaled}{term['product']:+.6g}  {term['name']}{of}")
        others = result["count"] - len(result["terms"])
        if others:
            rest = OTHERS.get(result["reduce"], "sum of")
            say(f"    {result['remainder']:+.6g}  the {rest} {_terms(others)} not listed")
        for operand in result["operands"]:
            say(f"  with {operand['name']} = {operand['value']:.6g}")
        if result["nonlinear"]:
            say(f"  {result['nonlinear']:+.6g} is not linear")
        if result["note"] and made_by:
            say(f"  {result['note']}")
        say(f"  error {result['error']:.1e}")


def _terms(count: int) -> str:
    return f"{count:,} term{'' if count == 1 else 's'}"


def split(at: str) -> tuple[str, tuple[int, ...]]:
    """The op and the index of `OP[i,j,...]`.

    Raises:
        UsageError: it has not this form.
    """
    match = AT.fullmatch(at.strip())
    if match is None:
        raise UsageError(
            f"--at {at!r} names no number",
            where="glasswork explain",
            why="expected OP[i,j,...]",
            todo="Such as 'block1.conv1[0,3,7,7]'; `glasswork trace` lists the ops.",
        )
    index = match["index"] or ""
    return match["op"], tuple(int(place) for place in index.split(",") if place.strip())
