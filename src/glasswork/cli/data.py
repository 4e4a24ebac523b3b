"""`glasswork data`: data sets and weights, where they are from, what is missing here, and what one's own data holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import tyro

from glasswork.cli.command import Report
from glasswork.cli.printing import progress, say, show_table, size
from glasswork.cli.usage import UsageError

UNEVEN = 3.0  # times, from where it is worth a word
MOST = 5  # groups of files
SHOWN = 20  # problems


@dataclass(kw_only=True)
class Data(Report):
    """List data sets and weights: where from, licence, size; get what is missing; look at your own data."""

    action: Annotated[
        tyro.conf.Positional[Literal["list", "fetch", "look"]], tyro.conf.arg(metavar="list|fetch|look")
    ] = "list"
    """list: all of them; fetch: see that NAME is here, or learn how to get it; look: what your own data holds."""
    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = ""
    """The data set, for fetch; folder:DIR, imagenet:DIR, csv:FILE or text:FILE, for look."""

    def result(self) -> dict[str, Any]:
        """{"data": one row for each split, "weights": one for each network}; for fetch, the splits of one data set."""
        if self.action == "fetch":
            return _fetched(self.name)
        if self.action == "look":
            from glasswork.data import given

            if not given.is_given(self.name):
                raise UsageError(
                    f"look at what? ({self.name})", where="glasswork data look", why=", ".join(given.FORMS)
                )
            return given.look(self.name)
        if self.name:
            raise UsageError(f"list takes no name ({self.name})", where="glasswork data list")
        from glasswork import data, zoo

        weights = [
            {
                "name": row.name,
                "licence": row.licence,
                "bytes": row.bytes,
                "origin": [f"glasswork train {row.recipe}, on {row.data}"],
            }
            for row in zoo.shipped()
        ]
        weights += [
            {
                "name": one.name,
                "licence": one.licence,
                "bytes": one.bytes,
                "origin": [f"{one.keeper}: {_here(one.here, one.name)}"],
            }
            for one in zoo.sources()
        ]
        return {"data": [asdict(entry) for entry in data.catalogue()], "weights": weights}

    def show(self, result: dict[str, Any]) -> None:
        """Tables."""
        if self.action == "look":
            _show_look(result)
            return
        if self.action == "fetch":
            if result["weights"]:
                say(f"The weights of {result['name']} are here ({result['weights']}).")
            for row in result["splits"]:
                say(f"{row['name']} {row['split']}: {row['count']:,} {row['of']} are here ({_place(row)}).")
            return
        rows = []
        for row in result["data"]:  # the size is that of all splits that ship, so it stands with the first of them
            first = row["shipped"] and row["name"] not in {one[0] for one in rows if one[5]}
            held = size(row["bytes"]) if first else ""
            rows.append((row["name"], row["split"], f"{row['count']:,}", row["of"], _place(row), held, row["licence"]))
        show_table(("data", "split", "count", "of", "where", "size", "licence"), rows, right=("count", "size"))
        for name, what, origin in dict.fromkeys((r["name"], r["what"], tuple(r["origin"])) for r in result["data"]):
            say(f"{name}: {what}. From {'; '.join(origin)}.")
        weights = [
            (row["name"], *row["origin"], size(row["bytes"]) if row["bytes"] else "", row["licence"] or "not named")
            for row in result["weights"]
        ]
        if weights:
            print()
            show_table(("weights", "made by", "size", "licence"), weights, right=("size",))


def _show_look(result: dict[str, Any]) -> None:
    say(f"{result['data']}: {result['count']:,} examples ({result['kind']})")
    if result["classes"]:
        total = max(1, sum(result["classes"].values()))
        rows = [(name, f"{count:,}", f"{count / total:.1%}") for name, count in result["classes"].items()]
        show_table(("class", "examples", "share"), rows, right=("examples", "share"))
    if result["balance"] and result["balance"] > UNEVEN:
        say(f"The largest class is {result['balance']:.1f} times the smallest: --set balance=true draws all alike.")
    for part, count in result["splits"].items():
        say(f"{part}: {count:,}")
    for name in ("sizes", "modes"):
        if result.get(name):
            say(f"{name}: {', '.join(f'{value} ({count:,})' for value, count in result[name].items())}")
    for name, what in (
        ("leaks", "the same content in several parts or classes"),
        ("duplicates", "the same content"),
        ("alike", "look the same"),
    ):
        found = result.get(name, [])
        if found:
            more = f" and {len(found) - MOST:,} more groups" if len(found) > MOST else ""
            say(f"{what}: {'; '.join(' = '.join(group[:MOST]) for group in found[:MOST])}{more}")
    if result["problems"]:
        say(f"not used: {len(result['problems']):,}")
        show_table(("file", "why"), [(p["path"], p["why"]) for p in result["problems"][:SHOWN]])


def _here(here: bool, name: str) -> str:
    return "on this machine" if here else f"missing; glasswork data fetch {name}"


def _place(row: dict[str, Any]) -> str:
    if row["shipped"]:
        return "ships with Glasswork"
    return "installed on this machine" if row["available"] else "missing: glasswork data fetch says how"


def _fetched(name: str) -> dict[str, Any]:
    """What is here of a data set, or of a network's weights.

    Raises:
        GlassworkError: there is none of this name, or a part of it is missing; says where to get it.
    """
    from glasswork import data

    if not name:
        raise UsageError("fetch what?", where="glasswork data fetch", why=f"known: {', '.join(data.all_names())}")
    if name not in data.all_names():
        return {"name": name, "weights": _fetched_weights(name), "splits": []}
    data.fetch(name)
    splits = [entry for entry in data.catalogue() if entry.name == name]
    for entry in splits:
        if not entry.available:
            data.load(name, entry.split)  # its error says where it is looked for, and how to get it
    return {"name": name, "weights": None, "splits": [asdict(entry) for entry in splits]}


def _fetched_weights(name: str) -> str:
    from glasswork import data, zoo
    from glasswork.errors import unknown

    shipped = [row.name for row in zoo.shipped()]
    if name in shipped:
        return zoo.load(name).weights
    known = [*data.all_names(), *shipped, *(source.name for source in zoo.sources())]
    if name not in known and ":" not in name:
        raise unknown("data set or trained network", name, known)
    with progress(f"fetching {name}") as told:
        return str(zoo.fetch(name, told))
