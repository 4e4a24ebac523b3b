"""Named whole runs: network, data, training. A recipe's name is the trained network's name everywhere."""

from glasswork.recipes._evaluation import Evaluation, evaluate
from glasswork.recipes._racing import RACERS, slim_race
from glasswork.recipes._registry import about, config, names, recipe
from glasswork.recipes._running import changes, run

__all__ = ["RACERS", "Evaluation", "about", "changes", "config", "evaluate", "names", "recipe", "run", "slim_race"]
