"""The front end's gates: message types fresh, prettier, svelte-check; and proof that svelte-check can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from hatch_build import FRONTEND, install_packages, npm  # noqa: E402  (the build hook stands at the root)

CANARY = FRONTEND / "src" / "Canary.svelte"
PLANTED = '<script lang="ts">\n  const planted: number = "an error";\n</script>\n\n{planted}\n'


def main() -> int:
    install_packages()
    subprocess.run([sys.executable, "scripts/build_messages.py", "--check"], cwd=ROOT, check=True)
    npm("run", "--silent", "format")
    npm("run", "--silent", "check")
    try:
        CANARY.write_text(PLANTED)
        npm("run", "--silent", "check")
    except subprocess.CalledProcessError:
        return 0
    finally:
        CANARY.unlink()
    print("svelte-check accepted a planted type error: it checks nothing", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
