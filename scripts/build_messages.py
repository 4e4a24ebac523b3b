"""Make the page's message types from Python's: the JSON Schema, then TypeScript. With --check, only say if stale."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from glasswork.scenes import messages

ROOT = Path(__file__).parent.parent
LIB = ROOT / "frontend" / "src" / "lib"
SCHEMA = LIB / "messages.schema.json"
TYPES = LIB / "messages.ts"
BANNER = "// Generated from src/glasswork/scenes/messages/ by scripts/build_messages.py. Don't edit."


def generate() -> tuple[str, str]:
    """The schema and the types as they should stand."""
    schema = json.dumps(messages.schema(), indent=2) + "\n"
    command = ["node", "node_modules/json-schema-to-typescript/dist/src/cli.js"]
    sys.path.insert(0, str(ROOT))
    from hatch_build import install_packages, node_environment

    install_packages()
    done = subprocess.run(
        [*command, "--unreachableDefinitions", "--no-additionalProperties", "--bannerComment", BANNER],
        input=schema,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT / "frontend",
        env=node_environment(),
    )
    return schema, re.sub(
        r"\n \*(?:\n \*)? This interface was referenced by .*?\n \*\/", "\n */", done.stdout, flags=re.S
    )


def main() -> int:
    schema, types = generate()
    if "--check" in sys.argv:
        fresh = SCHEMA.read_text() == schema and TYPES.read_text() == types
        if not fresh:
            print("frontend/src/lib/messages.ts is stale: run python scripts/build_messages.py", file=sys.stderr)
        return 0 if fresh else 1
    SCHEMA.write_text(schema)
    TYPES.write_text(types)
    return 0


if __name__ == "__main__":
    sys.exit(main())
