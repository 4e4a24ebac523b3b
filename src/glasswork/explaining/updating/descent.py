"""Steps along the gradient: with momentum, averaged, or by its sign alone."""

from __future__ import annotations

from glasswork.explaining.updating.symbols import between, sign
from glasswork.explaining.updating.update import Step, enrol


@enrol("SGD", "Robbins and Monro 1951; momentum: Polyak 1964; Nesterov 1983, as in Sutskever et al. 2013")
def sgd(step: Step) -> None:
    """torch's momentum adds the whole gradient, and the rate multiplies the sum."""
    step.decay_into_gradient()
    rate, momentum = step.setting("lr", r"\eta"), step.setting("momentum", r"\mu")
    if momentum:
        dampening = step.setting("dampening", r"\tau")
        fresh = (1 - dampening) * step.gradient if dampening else step.gradient
        kept = step.gradient  # the first time, and then not dampened
        if step.remembers("momentum_buffer"):
            kept = momentum * step.old("momentum_buffer", "m") + fresh
        m = step.set("momentum_buffer", "m'", kept)
        step.gradient = step.gradient + momentum * m if step.on("nesterov") else m
    step.set_weight(step.weight - rate * step.gradient)


@enrol("ASGD", "Polyak and Juditsky 1992")
def asgd(step: Step) -> None:
    """The weight itself; the average that the optimiser keeps beside it changes nothing here."""
    step.decay_into_gradient()
    rate = step.old("eta", r"\eta_t", first=step.setting("lr", r"\eta").value)
    decay = step.setting("lambd", r"\lambda_0")
    step.set_weight((1 - decay * rate) * step.weight - rate * step.gradient)


@enrol("Rprop", "Riedmiller and Braun 1993")
def rprop(step: Step) -> None:
    """Each weight has its own step: longer while the slope keeps its sign, shorter when it turns."""
    shorter, longer = step.pair("etas", r"\eta^-", r"\eta^+")
    least, most = step.pair("step_sizes", r"\Delta_{min}", r"\Delta_{max}")
    size = step.old("step_size", r"\Delta", first=step.setting("lr", r"\eta").value)
    agreement = step.gradient.value * step.old("prev", "g_{t-1}").value
    if agreement:
        size = step.set("step_size", r"\Delta'", between(least, size * (longer if agreement > 0 else shorter), most))
    else:
        size = step.set("step_size", r"\Delta'", between(least, size, most))
    if agreement < 0:  # the slope has turned: no step this time
        step.set_weight(step.weight + 0)
    else:
        step.set_weight(step.weight - size * sign(step.gradient))
