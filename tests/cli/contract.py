"""What `--json` prints, as DESIGN's contract has it, in JSON Schema; more fields are welcome."""

from typing import Any

from jsonschema import Draft202012Validator

NUMBER = {"type": "number"}
WHOLE = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
KINDS = ["formula", "linear", "linearised", "selected", "given", "random"]


def record(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


def many(item: Any) -> dict[str, Any]:
    return {"type": "array", "items": item}


def table(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value, **more}


SCORES = table(NUMBER, minProperties=1)
OP = record(
    id=WHOLE,
    name=TEXT,
    module=TEXT,
    source={"type": ["string", "null"], "pattern": r":\d+$"},
    inputs=many(WHOLE),
    shape=many(WHOLE),
    macs=WHOLE,
    seconds=NUMBER,
    rebuilt={"type": "boolean"},
)
TERM = record(
    name=TEXT, ref={"type": ["string", "null"]}, value=NUMBER, factor={"type": ["number", "null"]}, product=NUMBER
)
SHAPES = {
    "trace": record(
        target=TEXT,
        parameters=WHOLE,
        macs=WHOLE,
        seconds=NUMBER,
        ops=many(OP),
        explained=record(
            ops=WHOLE,
            kinds=table(WHOLE, propertyNames={"enum": KINDS}),
            checked=WHOLE,
            max_error=NUMBER,
        ),
    ),
    "explain": record(
        op=TEXT,
        index=many(WHOLE),
        kind={"enum": KINDS},
        value=NUMBER,
        formula=TEXT,
        terms=many(TERM),
        remainder=NUMBER,
        nonlinear=NUMBER,
        error=NUMBER,
    ),
    "eval": record(recipe=TEXT, data=TEXT, n=WHOLE, scores=SCORES),
    "train": record(run=TEXT, recipe=TEXT, steps=WHOLE, steps_per_second=NUMBER, final=SCORES, checkpoint=TEXT),
    "networks": many(
        record(
            name=TEXT,
            recipe=TEXT,
            parameters=WHOLE,
            macs=WHOLE,
            data=TEXT,
            scores=SCORES,
            bytes=WHOLE,
            licence=TEXT,
        )
    ),
}


def check(command: str, result: Any) -> None:
    """Raise if a result has not the shape that the contract gives it."""
    Draft202012Validator(SHAPES[command]).validate(result)
