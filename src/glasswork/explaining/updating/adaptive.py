"""A rate for each weight, from the size of the gradients that it has seen."""

from __future__ import annotations

from glasswork.explaining.updating.symbols import Expression, root
from glasswork.explaining.updating.update import Step, enrol


@enrol("Adagrad", "Duchi et al. 2011")
def adagrad(step: Step) -> None:
    """The squares are summed over all steps, so the steps only get shorter."""
    step.decay_into_gradient()
    rate: Expression = step.setting("lr", r"\eta")
    if slowing := step.setting("lr_decay", r"\gamma"):
        rate = step.set("rate now", r"\eta_t", rate / (1 + (step.count() - 1) * slowing), "between")
    s = step.set("sum", "s'", step.old("sum", "s") + step.gradient**2)
    step.set_weight(step.weight - rate * step.gradient / (root(s) + step.setting("eps", r"\epsilon")))


@enrol("RMSprop", "Hinton 2012, lecture 6e; centred: Graves 2013")
def rmsprop(step: Step) -> None:
    """A running mean of the squares; torch adds epsilon outside the root."""
    step.decay_into_gradient()
    rate, tiny = step.setting("lr", r"\eta"), step.setting("eps", r"\epsilon")
    decay, momentum = step.setting("alpha", r"\alpha"), step.setting("momentum", r"\mu")
    v = step.set("square_avg", "v'", decay * step.old("square_avg", "v") + (1 - decay) * step.gradient**2)
    spread: Expression = v
    if step.on("centered"):
        mean = step.set("grad_avg", r"\bar{g}'", decay * step.old("grad_avg", r"\bar{g}") + (1 - decay) * step.gradient)
        spread = v - mean**2
    move = step.gradient / (root(spread) + tiny)
    if momentum:
        move = step.set("momentum_buffer", "m'", momentum * step.old("momentum_buffer", "m") + move)
    step.set_weight(step.weight - rate * move)


@enrol("Adadelta", "Zeiler 2012")
def adadelta(step: Step) -> None:
    """The step has the weight's own unit: the size of the steps so far over the size of the gradients so far."""
    step.decay_into_gradient()
    decay, tiny = step.setting("rho", r"\rho"), step.setting("eps", r"\epsilon")
    v = step.set("square_avg", "v'", decay * step.old("square_avg", "v") + (1 - decay) * step.gradient**2)
    steps = step.old("acc_delta", "u")
    move = step.set("step before the rate", r"\Delta", root(steps + tiny) / root(v + tiny) * step.gradient, "between")
    step.set("acc_delta", "u'", decay * steps + (1 - decay) * move**2)
    step.set_weight(step.weight - step.setting("lr", r"\eta") * move)
