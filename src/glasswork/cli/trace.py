"""`glasswork trace`: every op of one run, its cost, where it was written, and whether its numbers are explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from glasswork.cli.command import Flag, Report, Score
from glasswork.cli.printing import as_json, count, printable, say, show_table
from glasswork.cli.usage import UsageError

if TYPE_CHECKING:
    from glasswork.cli.running import Run


@dataclass(kw_only=True)
class Trace(Report):
    """Run a network once and list every op: its cost, its line in the source, how its numbers are explained."""

    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """A network that ships, torchvision:NAME, file.py:factory, package.module:factory or a run folder."""
    input: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: a sample)")] = ""
    """A picture file, or sample:NAME."""
    backward: Flag = False
    """Also collect the gradient of a class's score (of the output's sum, where there are no classes)."""
    score: Score = None
    """The class whose score it is the gradient of, counted from 0."""
    detail: Literal["ops", "aten"] = "ops"
    """ops: what the author wrote; aten: also what that became."""
    check: int = 4
    """How many random numbers of each op to explain, and to compare with the sum of their terms."""
    output: Annotated[str, tyro.conf.arg(aliases=("-o",), metavar="FILE", help_behavior_hint="")] = ""
    """Also write the JSON to this file."""

    def result(self) -> dict[str, Any]:
        """The contract's trace."""
        if self.check < 0:
            raise UsageError("--check can't be negative", where="glasswork trace", why=f"it is {self.check}")
        from glasswork.cli.running import answer, run

        made = run(self.target, self.input, self.backward, self.score, self.detail)
        ops, explained = _ops(made, self.check)
        result = {
            "target": self.target,
            "network": made.network.name,
            "weights": made.network.weights,
            "input": {"name": made.given.name, "about": made.given.about},
            "parameters": made.network.parameters,
            "macs": made.trace.macs,
            "seconds": made.trace.seconds,
            "backward_seconds": made.trace.backward_seconds,
            "loss": made.loss,
            "answer": answer(made),
            "ops": ops,
            "explained": explained,
        }
        if self.output:
            _write(Path(self.output), as_json(result) + "\n")
        return result

    def show(self, result: dict[str, Any]) -> None:
        """A table of the ops, then what they come to."""
        say(f"{self.target} (weights: {result['weights']}) on {result['input']['name']} ({result['input']['about']})")
        rows = [
            (
                op["id"],
                op["path"],
                "x".join(map(str, op["shape"])),
                count(op["macs"]) if op["macs"] else "",
                f"{1000 * op['seconds']:.2f}",
                *([f"{op['grad']:.3g}" if op["grad"] is not None else ""] if self.backward else []),
                op["explained"] or "no rule",
                "/".join(Path(op["source"]).parts[-2:]) if op["source"] else "",
            )
            for op in result["ops"]
        ]
        slopes = ["|gradient|"] if self.backward else []
        header = ("", "op", "shape", "multiply-adds", "ms", *slopes, "explained", "source")
        show_table(header, rows, right=("", "shape", "multiply-adds", "ms", "|gradient|"))
        explained = result["explained"]
        say(
            f"{len(rows)} ops, {result['parameters']:,} parameters, {count(result['macs'])} multiply-adds, "
            f"{1000 * result['seconds']:.1f} ms while recorded"
        )
        if result["loss"]:
            say(f"Gradients are those of {result['loss']}.")
        if result["answer"]:
            say("It says " + ", ".join(f"{one['label']} {one['probability']:.3f}" for one in result["answer"]) + ".")
        say(
            f"{explained['ops']} of {len(rows)} ops are explained: the terms of {explained['checked']} random numbers "
            f"come to what the network computed, with a largest error of {explained['max_error']:.1e}."
        )
        if self.output:
            print(f"Written to {printable(self.output)}")


def _ops(made: Run, check: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Each op, and what became of explaining them."""
    from glasswork.cli.checking import Checked, check_op

    rows: list[dict[str, Any]] = []
    checks: list[Checked] = []
    for op in made.trace.ops:
        checked = check_op(made.trace, op, check)
        checks.append(checked)
        rows.append(
            {
                "id": op.id,
                "name": op.name,
                "path": op.path,
                "module": op.module,
                "source": str(op.source) if op.source else None,
                "inputs": [maker for maker in op.inputs if isinstance(maker, int)],
                "operands": list(op.inputs),
                "shape": list(op.outputs[0].shape) if op.outputs else [],
                "macs": op.macs,
                "seconds": op.seconds,
                "rebuilt": op.rebuilt,
                "grad": None if not op.outputs or op.grad is None else op.grad.double().norm().item(),
                "explained": checked.kind,
                "checked": checked.count,
                "max_error": checked.error,
                "why": checked.why,
            }
        )
    kinds = [one.kind for one in checks if one.kind is not None]
    return rows, {
        "ops": len(kinds),
        "kinds": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        "checked": sum(one.count for one in checks),
        "max_error": max((one.error for one in checks), default=0.0),
    }


def _write(path: Path, text: str) -> None:
    from glasswork.errors import GlassworkError
    from glasswork.zoo import write_atomically

    try:
        write_atomically(path, text.encode())
    except OSError as error:
        why = error.strerror or str(error)
        raise GlassworkError(
            "this file can't be written", where=str(path), why=why, todo="Name another one."
        ) from error
