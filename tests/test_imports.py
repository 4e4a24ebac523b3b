"""Who may import whom (DESIGN: the house): data flows one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import glasswork

SOURCE = Path(glasswork.__file__).parent
BASE = {"networks", "data", "tracing"}
MAY_IMPORT = {
    "networks": set(),
    "data": set(),
    "tracing": set(),
    "zoo": {"networks", "data"},
    "measuring": {"zoo", "networks", "data"},
    "generation": {"zoo", "networks", "data"},
    "training": {"measuring", "generation", "zoo", "networks", "data"},
    "recipes": {"training", "measuring", "generation", "zoo", "networks", "data"},
    "explaining": {"tracing"},
    "scenes": {"recipes", "training", "measuring", "generation", "zoo", "explaining", *BASE},
}
SHELLS = {"server", "notebook", "cli"}  # may import everything, and nothing imports them


def imported_rooms(path: Path) -> set[str]:
    """The rooms of glasswork that a file imports, at any depth of nesting."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("glasswork.")}
    return rooms - {"version", "__version__", "errors", "randomness", "file_signatures"}


ROOMS = sorted(path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_flows_into_it(room: str) -> None:
    if room in SHELLS:
        return
    for path in (SOURCE / room).rglob("*.py"):
        extra = imported_rooms(path) - MAY_IMPORT[room] - {room}
        assert not extra, f"{path.relative_to(SOURCE)} may not import {sorted(extra)}"


def test_networks_and_tracing_need_nothing_but_torch() -> None:
    allowed = {"torch", "glasswork", *sys.stdlib_module_names}
    for room in ("networks", "tracing"):
        for path in (SOURCE / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    roots = {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    roots = {node.module.split(".")[0]}
                else:
                    continue
                assert roots <= allowed, f"{path.relative_to(SOURCE)} imports {sorted(roots - allowed)}"


def test_importing_glasswork_and_asking_for_help_loads_no_torch() -> None:
    code = (
        "import sys, glasswork, glasswork.cli\n"
        "try: glasswork.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
