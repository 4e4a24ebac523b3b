"""One step of an optimiser, for one weight: old value, gradient, what the optimiser remembers, new value."""

from glasswork.explaining.updating import adam, adaptive, descent  # noqa: F401  (each enrols its rules)
from glasswork.explaining.updating.symbols import Assignment, Expression, Quantity
from glasswork.explaining.updating.update import NoUpdateRule, Update, explain_update, optimizers

__all__ = ["Assignment", "Expression", "NoUpdateRule", "Quantity", "Update", "explain_update", "optimizers"]
