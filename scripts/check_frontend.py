"""The front end's gates: message types fresh, prettier, svelte-check; and proof that svelte-check can fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from hatch_build import FRONTEND, install_packages, npm  # noqa: E402  (the build hook stands at the root)

CANARY = FRONTEND / "src" / "Canary.svelte"
PLANTED = '<script lang="ts">\n  const planted: number = "an error";\n</script>\n\n{planted}\n'
COMPLAINT = re.compile(r"^\d+ (ERROR|WARNING) ", re.MULTILINE)


def main() -> int:
    install_packages()
    subprocess.run([sys.executable, "scripts/build_messages.py", "--check"], cwd=ROOT, check=True)
    npm("run", "--silent", "format")
    found = complaints_of_types()
    planted = [line for line in found if CANARY.name in line]
    if not planted:
        print("svelte-check accepted a planted type error: it checks nothing", file=sys.stderr)
    others = [line for line in found if line not in planted]
    for line in others:
        print(line, file=sys.stderr)
    return 0 if planted and not others else 1


def complaints_of_types() -> list[str]:
    """What svelte-check says, a line each, while one file stands there that it has to complain about."""
    try:
        CANARY.write_text(PLANTED)
        npm("run", "--silent", "check", "--", "--output", "machine", stdout=subprocess.PIPE, text=True)
    except subprocess.CalledProcessError as error:
        return [line for line in error.stdout.splitlines() if COMPLAINT.match(line)]
    finally:
        CANARY.unlink()
    return []


if __name__ == "__main__":
    sys.exit(main())
