"""`python -m glasswork` is the command `glasswork`."""

import sys

from glasswork.cli import main

sys.exit(main())
