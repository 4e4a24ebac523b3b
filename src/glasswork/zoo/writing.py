"""A network as a script of its own: its source, gathered from our files, and how it is given a picture."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from glasswork import networks
from glasswork.errors import GlassworkError
from glasswork.version import __version__
from glasswork.zoo.libraries import library_call
from glasswork.zoo.network import Network
from glasswork.zoo.preprocessing import FILTERS

OURS = "glasswork."
IMPORTS = (
    "import sys",
    "from pathlib import Path",
    "import torch",
    "from PIL import Image, ImageOps",
    "from safetensors.torch import load_file",
    "from torch import Tensor, nn",
)
"""What the template itself needs."""
MARK = re.compile("<<([A-Z_]+)>>")
TEMPLATE = Path(__file__).with_name("template.py.txt")


@dataclass
class Gathered:
    """Definitions that a class needs, from any number of files.

    Attributes:
        imports: lines that import what isn't ours.
        parts: pieces of source by name, in an order in which they can be run.
        origins: the file that each name is from.
    """

    imports: set[str] = field(default_factory=set)
    parts: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)


def script(network: Network, name: str) -> str:
    """A script that builds a network, reads `NAME.safetensors` beside it, and names pictures.

    Args:
        network: one of ours, of torchvision or of timm, that takes pictures.
        name: of the script, without its ending.

    Raises:
        GlassworkError: it is built by code that isn't ours to hand on.
    """
    how = network.preprocess
    card = network.card
    kind = card.network if card is not None else network.target
    if how is None or not kind or network.detects:
        raise GlassworkError("this network can't be written as a script", where=network.target)
    if kind.startswith(("torchvision:", "timm:")):
        imported, source = library_call(kind, len(network.labels))
        imports = {imported}
    else:
        architecture = networks.named().get(kind, kind)
        if architecture not in networks.names():
            why = "it is built by code that is not Glasswork's to hand on"
            raise GlassworkError("this network can't be written as a script", where=network.target, why=why)
        sizes = {**networks.sizes(kind), **(card.sizes if card is not None else {})}
        factory = networks.reference(architecture).factory
        gathered = Gathered()
        _gather(factory.__module__, factory.__name__, gathered)
        imports = gathered.imports
        arguments = ", ".join(f"{key}={value!r}" for key, value in sizes.items())
        source = "\n\n\n".join(
            [*gathered.parts.values(), f"def build() -> nn.Module:\n    return {factory.__name__}({arguments})"]
        )
    if how.filter not in FILTERS:
        why = f"it is resized by {how.filter[:40]!r}, which is none of {', '.join(FILTERS)}"
        raise GlassworkError("this network can't be written as a script", where=network.target, why=why)
    filled = {
        "NAME": _plain(name),
        "TITLE": _plain(network.title),
        "VERSION": __version__,
        "ABOUT": _about(network),
        **_sorted({*IMPORTS, *imports} - {"from torch import Tensor", "from torch import nn"}),
        "SOURCE": source,
        "LABELS": _listed(network.labels),
        "SIZE": repr(how.size),
        "CHANNELS": repr(how.channels),
        "SHORTER_SIDE": repr(how.shorter_side),
        "FILTER": f"Image.Resampling.{how.filter.upper()}",
        "MEAN": repr(how.mean),
        "STD": repr(how.std),
        "INVERT": repr(how.light_on_dark),
    }
    # in one pass: a label may read like a mark itself
    return MARK.sub(lambda found: filled[found[1]], TEMPLATE.read_text(encoding="utf-8"))


def _plain(words: str) -> str:
    """Words of a card or a file's name as they may stand in a docstring: nothing in them can end it."""
    return "".join(one for one in " ".join(words.split()) if one.isprintable() and one not in '"\\')


def _sorted(imports: set[str]) -> dict[str, str]:
    """Import lines as one writes them: of Python's own library, and of others."""
    ordered = sorted(imports, key=lambda line: (line.startswith("from"), line.split()[1].lower()))
    own = [line for line in ordered if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    return {"STANDARD": "\n".join(own), "IMPORTS": "\n".join(line for line in ordered if line not in own)}


def _about(network: Network) -> str:
    card = network.card
    if card is None or "accuracy" not in card.scores:
        return ""
    return f"\n{card.scores['accuracy']:.1%} of {card.tested_on:,} held-out pictures were named rightly.\n"


def _listed(labels: tuple[str, ...]) -> str:
    return "(\n" + "".join(f"    {label!r},\n" for label in labels) + ")"


def _gather(module: str, name: str, into: Gathered) -> None:
    """A definition of a file of ours, after all that it needs.

    Raises:
        GlassworkError: two files have different things of one name.
    """
    if name in into.origins:
        if into.origins[name] != module:
            raise GlassworkError(
                "this network can't be written as a script", why=f"two files have a {name} of their own"
            )
        return
    into.origins[name] = module
    path = sys.modules[module].__file__
    assert path is not None
    source = Path(path).read_text(encoding="utf-8")
    lines, tree = source.splitlines(), ast.parse(source)
    made, imported = _top_level(tree)
    if name not in made:
        raise GlassworkError("this network can't be written as a script", why=f"{module} does not say what {name} is")
    node = made[name]
    decorators: set[ast.AST] = set()
    if isinstance(node, ast.ClassDef):  # it is enrolled with us by one
        decorators = {part for one in node.decorator_list if _is_enrolment(one) for part in ast.walk(one)}
    needed = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and one not in decorators}
    for other in sorted(needed - {name}):
        if other in made:
            _gather(module, other, into)
        elif other in imported:
            line, home, its = imported[other]
            if home.startswith(OURS):
                _gather(home, its, into)
            else:
                into.imports.add(line)
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []) if not _is_enrolment(one))])
    into.parts[name] = "\n".join(lines[first - 1 : node.end_lineno])


def _top_level(tree: ast.Module) -> tuple[dict[str, ast.stmt], dict[str, tuple[str, str, str]]]:
    """What a file defines, and what it imports: the line, the module and the name there."""
    made: dict[str, ast.stmt] = {}
    imported: dict[str, tuple[str, str, str]] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for one in ast.walk(target):
                    if isinstance(one, ast.Name):
                        made[one.id] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            made[node.target.id] = node
        elif isinstance(node, ast.Import):
            for alias in node.names:
                words = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                imported[alias.asname or alias.name.partition(".")[0]] = words, alias.name, ""
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                words = f"from {node.module} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                imported[alias.asname or alias.name] = words, node.module, alias.name
    return made, imported


def _is_enrolment(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Name) and called.id == "network"
