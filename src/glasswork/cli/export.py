"""`glasswork export`: a trained network as files for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from glasswork.cli.command import Report
from glasswork.cli.printing import say, show_table
from glasswork.cli.usage import UsageError


@dataclass(kw_only=True)
class Export(Report):
    """Write a trained network for other programs: ONNX, safetensors, a script; each is compared first."""

    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """A run folder, a trained network that ships, or another TARGET that takes pictures."""
    safetensors: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = ""
    """Its weights alone, by name."""
    onnx: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = ""
    """An ONNX graph from a picture's numbers to logits; needs the extra: pip install 'glasswork[onnx]'."""
    python: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = ""
    """A script that rebuilds and runs it without Glasswork, with its weights beside it; both in FILE if that ends in
    .zip."""

    def result(self) -> dict[str, Any]:
        """{"target", "files": [{"form", "path", "bytes", "about", "checked", "error"}]}."""
        wanted = {"safetensors": self.safetensors, "onnx": self.onnx, "python": self.python}
        if not any(wanted.values()):
            todo = "Name at least one: --onnx FILE, --python FILE, --safetensors FILE."
            raise UsageError("export as what?", where="glasswork export", todo=todo)
        for form, name in wanted.items():
            endings = {"python": (".py", ".zip")}.get(form, (f".{form}",))
            if name and Path(name).suffix not in endings:
                raise UsageError(
                    f"--{form} {name} has another ending",
                    where="glasswork export",
                    why=f"expected {' or '.join(endings)}",
                )
        from glasswork import zoo
        from glasswork.zoo.exporting import EXPORTS, unpack

        network = zoo.load(self.target)
        files = []
        for form, name in wanted.items():
            if not name:
                continue
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            made = EXPORTS[form](network, path.with_suffix(""))
            paths = [made.path]
            if path.suffix == ".py":
                paths = unpack(made, path.parent)
                made.path.unlink()
            files += [
                {
                    "form": form,
                    "path": str(one),
                    "bytes": one.stat().st_size,
                    "about": made.about,
                    "checked": made.checked,
                    "error": made.error,
                }
                for one in paths
            ]
        return {"target": self.target, "files": files}

    def show(self, result: dict[str, Any]) -> None:
        """A table, and what was compared."""
        rows = [(one["path"], f"{one['bytes']:,}", one["about"]) for one in result["files"]]
        show_table(("file", "bytes", "what"), rows, right=("bytes",))
        for form, checked, error in dict.fromkeys((f["form"], f["checked"], f["error"]) for f in result["files"]):
            on = f"on {checked} pictures its logits" if checked else "read back, its weights"
            say(f"{form}: {on} differ from the network's by {error:.1g} at most.")
