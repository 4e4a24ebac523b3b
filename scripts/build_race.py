"""Make the record of the race again, src/glasswork/measuring/race.json.

What is not asked for stays as it is, but for what is only counted.

    python scripts/build_race.py --runs DIR              the slim race, from run folders, beside the runs there
    python scripts/build_race.py --paces                 how long a step of each slim network takes; likewise alone
    python scripts/build_race.py --costs [NAME ...]      measure reference networks; let the machine do nothing else
    python scripts/build_race.py --baselines FILE        what scripts/baselines.py printed
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import torch

from glasswork import recipes
from glasswork.measuring import layers, race
from glasswork.measuring.record import (
    PATH,
    Baseline,
    Claimed,
    Cost,
    Machine,
    Published,
    Record,
    Slab,
    encode_record,
    read_record,
)
from glasswork.recipes import slim_race
from glasswork.training.events import Stepped

MEASURED = (
    *("alexnet", "alexnet_2012", "alexnet_2012_one_tower", "vgg11", "vgg16", "vgg19"),
    *("googlenet", "resnet18", "resnet50", "resnet152"),
)
DRAWN = ("alexnet", "vgg16", "googlenet", "resnet152")
BATCH = 4
PACED = (10, 60)
"""Steps of the run that measures a step's time: to warm up, and in all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--paces", action="store_true")
    parser.add_argument("--costs", nargs="*")
    parser.add_argument("--baselines", type=Path)
    asked = parser.parse_args()
    costs = None if asked.costs is None else race.measured(tuple(asked.costs) or MEASURED, BATCH)
    record = read_record() if PATH.is_file() else Record()
    record = msgspec.structs.replace(
        record,
        claimed=msgspec.convert(race.claimed(), list[Claimed]),
        published=msgspec.convert(race.published(), list[Published]),
    )
    if asked.runs:
        known = {racer.name: racer for racer in record.racers}
        racers = [racer.joined(known.get(racer.name, racer)) for racer in slim_race(asked.runs)]
        paces = {name: racer.step_milliseconds for name, racer in known.items()}
        record = msgspec.structs.replace(record, racers=[racer.paced(paces.get(racer.name)) for racer in racers])
    if asked.paces:
        record = msgspec.structs.replace(record, racers=[racer.paced(pace(racer.name)) for racer in record.racers])
    if asked.baselines:
        rows = msgspec.json.decode(asked.baselines.read_bytes(), type=list[Baseline])
        record = msgspec.structs.replace(record, baselines=rows)
    if costs is not None:
        known = {cost.name: cost for cost in record.costs} | {row["name"]: cost(row) for row in costs}
        kept = [known[name] for name in MEASURED if name in known]
        record = msgspec.structs.replace(record, costs=kept, machine=machine())
    PATH.write_bytes(encode_record(record))


def cost(row: dict[str, Any]) -> Cost:
    name = row["name"]
    found = layers.layers(name)
    linear = sum(layer.parameters for layer in found if layer.kind == "linear")
    slabs = [Slab(**vars(layer)) for layer in found] if name in DRAWN else []
    fields = {key: value for key, value in row.items() if key in Cost.__struct_fields__}
    for key in ("milliseconds", "training_milliseconds", "batch_milliseconds"):
        fields[key] = round(fields[key], 2)
    return Cost(**fields, linear_parameters=linear, kept_bytes=layers.kept_bytes(name), layers=slabs)


def pace(name: str) -> float:
    """Milliseconds of a step of training on one thread, the mean of a short run's after it has warmed up."""
    torch.set_num_threads(1)
    warm, last = PACED
    settings = {"steps": last, "evaluate_every": 10 * last, "validation": 64}
    with tempfile.TemporaryDirectory() as folder:
        ended = [
            event.seconds for event in recipes.run(name, out=folder, settings=settings) if isinstance(event, Stepped)
        ]
    return round(1000 * (ended[-1] - ended[warm]) / (last - 1 - warm), 2)


def machine() -> Machine:
    """What it runs on; the processor's name where Linux gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    processor = next(named, platform.processor() or platform.machine())
    return Machine(processor, os.cpu_count() or 1, str(torch.__version__), datetime.date.today().isoformat())


if __name__ == "__main__":
    main()
