"""`glasswork trace`: every op of one run, its cost, where it was written, and whether its numbers are explained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
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
    """A network that ships, torchvision:NAME, timm:NAME, hf:FOLDER, file.py:factory, package.module:factory, a run
    folder or a trace file."""
    input: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: a sample)")] = ""
    """A picture file, an array (.npy), sample:NAME, or a text or a row for networks that read such."""
    weights: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = ""
    """Weights to put into the network first: .safetensors, or a checkpoint (.pt, .pth, .ckpt, .bin)."""
    backward: Flag = False
    """Also collect the gradient of a class's score (of the output's sum, where there are no classes)."""
    score: Score = None
    """The class whose score it is the gradient of, counted from 0."""
    detail: Literal["ops", "aten"] = "ops"
    """ops: what the author wrote; aten: also what that became."""
    check: int = 4
    """How many random numbers of each op to explain, and to compare with the sum of their terms."""
    output: Annotated[str, tyro.conf.arg(aliases=("-o",), metavar="FILE", help_behavior_hint="")] = ""
    """Also write a file: the JSON where it ends in .json, else the run itself, a TARGET from then on."""
    tensor: Annotated[tuple[str, str] | None, tyro.conf.arg(metavar="OP FILE", help_behavior_hint="")] = None
    """Also write one tensor to a .npy or .csv file: an op, an input or a parameter; OP@grad for its gradient."""

    def result(self) -> dict[str, Any]:
        """The contract's trace."""
        if self.check < 0:
            raise UsageError("--check can't be negative", where="glasswork trace", why=f"it is {self.check}")
        from glasswork.cli.running import answer, run_or_open
        from glasswork.cli.tensors import write_tensor
        from glasswork.tracing import profile

        made = run_or_open(self.target, self.input, self.backward, self.score, self.detail, self.weights)
        if self.tensor is not None:
            write_tensor(made.trace, *self.tensor)
        ops, explained = _ops(made, self.check)
        result = {
            "target": self.target,
            "network": made.name,
            "weights": made.weights,
            "input": {"name": made.given.name, "about": made.given.about},
            "parameters": made.parameters,
            "macs": made.trace.macs,
            "seconds": made.trace.seconds,
            "backward_seconds": made.trace.backward_seconds,
            "loss": made.loss,
            "answer": answer(made),
            "modules": [
                {"path": row.path, "type": row.type, "calls": row.calls, "share": row.share, **asdict(row.total)}
                for row in profile(made.trace)
            ],
            "ops": ops,
            "explained": explained,
        }
        if self.output.endswith(".json"):
            _write(Path(self.output), as_json(result) + "\n")
        elif self.output:
            _make_room(Path(self.output))
            made.trace.save(self.output)
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
        for file in filter(None, (self.output, self.tensor and self.tensor[1])):
            print(f"Written to {printable(file)}")


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
                "bytes": op.bytes,
                "rebuilt": op.rebuilt,
                "children": [
                    {"name": child.name, "shape": list(child.outputs[0].shape), "seconds": child.seconds}
                    for child in op.children
                    if child.outputs
                ],
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


def _make_room(path: Path) -> None:
    from glasswork.errors import GlassworkError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        why = getattr(error, "strerror", None) or str(error)
        raise GlassworkError(
            "this file can't be written", where=str(path), why=why, todo="Name another one."
        ) from error


def _write(path: Path, text: str) -> None:
    from glasswork.errors import GlassworkError
    from glasswork.zoo import write_atomically

    try:
        write_atomically(path, text.encode())
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        why = getattr(error, "strerror", None) or str(error)
        raise GlassworkError(
            "this file can't be written", where=str(path), why=why, todo="Name another one."
        ) from error
