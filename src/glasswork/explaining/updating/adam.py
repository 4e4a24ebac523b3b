"""Adam and its kin: a running mean of the gradient over the root of a running mean of its square."""

from __future__ import annotations

from glasswork.explaining.updating.symbols import Expression, Quantity, magnitude, maximum, root
from glasswork.explaining.updating.update import Step, enrol


def _moments(step: Step) -> tuple[Quantity, Quantity, Quantity, Quantity]:
    """m' and v', and their two decays (Kingma and Ba 2015, algorithm 1)."""
    mean, square = step.pair("betas", r"\beta_1", r"\beta_2")
    m = step.set("exp_avg", "m'", mean * step.old("exp_avg", "m") + (1 - mean) * step.gradient)
    v = step.set("exp_avg_sq", "v'", square * step.old("exp_avg_sq", "v") + (1 - square) * step.gradient**2)
    return m, v, mean, square


def _adam(step: Step, *, decoupled: bool) -> None:
    rate, tiny = step.setting("lr", r"\eta"), step.setting("eps", r"\epsilon")
    if decoupled:
        step.decay_weight(rate)
    else:
        step.decay_into_gradient()
    m, v, mean, square = _moments(step)
    if step.on("amsgrad"):
        v = step.set("max_exp_avg_sq", r"v^{max}", maximum(step.old("max_exp_avg_sq", r"v^{max}_{t-1}"), v))
    t = step.count()
    unbiased_m = step.set("mean of gradients", r"\hat{m}", m / (1 - mean**t), "between")
    unbiased_v = step.set("mean of their squares", r"\hat{v}", v / (1 - square**t), "between")
    step.set_weight(step.weight - rate * unbiased_m / (root(unbiased_v) + tiny))


@enrol("Adam", "Kingma and Ba 2015; amsgrad: Reddi et al. 2018")
def adam(step: Step) -> None:
    """Weight decay is a part of the gradient, and so divided by its size too."""
    _adam(step, decoupled=step.on("decoupled_weight_decay"))


@enrol("AdamW", "Loshchilov and Hutter 2019")
def adamw(step: Step) -> None:
    """Weight decay stands apart from the gradient."""
    _adam(step, decoupled=True)


@enrol("NAdam", "Dozat 2016")
def nadam(step: Step) -> None:
    """Adam with Nesterov's look ahead; the momentum's decay grows with the steps."""
    rate, tiny = step.setting("lr", r"\eta"), step.setting("eps", r"\epsilon")
    if step.on("decoupled_weight_decay"):
        step.decay_weight(rate)
    else:
        step.decay_into_gradient()
    m, v, mean, square = _moments(step)
    t, psi = step.count(), step.setting("momentum_decay", r"\psi")
    now = step.set("momentum now", r"\mu_t", mean * (1 - 0.5 * 0.96 ** (t * psi)), "between")
    ahead = step.set("momentum next", r"\mu_{t+1}", mean * (1 - 0.5 * 0.96 ** ((t + 1) * psi)), "between")
    product = step.set("mu_product", r"\Pi'", step.old("mu_product", r"\Pi", first=1.0) * now)
    below = root(v / (1 - square**t)) + tiny
    fresh = (1 - now) * step.gradient / (1 - product)
    step.set_weight(step.weight - rate * (fresh + ahead * m / (1 - product * ahead)) / below)


@enrol("RAdam", "Liu et al. 2020")
def radam(step: Step) -> None:
    """Adam only once the squares' mean is of enough steps to be trusted; before that, momentum."""
    rate, tiny = step.setting("lr", r"\eta"), step.setting("eps", r"\epsilon")
    if step.on("decoupled_weight_decay"):
        step.decay_weight(rate)
    else:
        step.decay_into_gradient()
    m, v, mean, square = _moments(step)
    t = step.count()
    unbiased = step.set("mean of gradients", r"\hat{m}", m / (1 - mean**t), "between")
    longest = step.set("longest length", r"\rho_\infty", 2 / (1 - square) - 1, "between")
    length = step.set("length of the average", r"\rho_t", longest - 2 * t * square**t / (1 - square**t), "between")
    if length.value <= 5:
        step.set_weight(step.weight - rate * unbiased)
        return
    trust: Expression = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    r = step.set("rectification", "r", root(trust), "between")
    adaptive = root(1 - square**t) / (root(v) + tiny)
    step.set_weight(step.weight - rate * r * unbiased * adaptive)


@enrol("Adamax", "Kingma and Ba 2015, section 7.1")
def adamax(step: Step) -> None:
    """The largest gradient of late in place of the squares' mean."""
    rate, tiny = step.setting("lr", r"\eta"), step.setting("eps", r"\epsilon")
    step.decay_into_gradient()
    mean, largest = step.pair("betas", r"\beta_1", r"\beta_2")
    m = step.set("exp_avg", "m'", mean * step.old("exp_avg", "m") + (1 - mean) * step.gradient)
    u = step.set("exp_inf", "u'", maximum(largest * step.old("exp_inf", "u"), magnitude(step.gradient) + tiny))
    step.set_weight(step.weight - rate * m / ((1 - mean ** step.count()) * u))
