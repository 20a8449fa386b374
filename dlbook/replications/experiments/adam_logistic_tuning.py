"""Kingma and Ba (2015), figure 1: which rate does each method of `adam_logistic` need?

Factors of 3 apart, on a seed that is not used again. Where the best was the last of a grid, the grid was made
longer.
"""

from dlbook.replications.experiments import adam_logistic

AXES = {
    "arm": [
        f"{method} {rate:g}"
        for method, rates in {
            "Adam": [0.01, 0.03, 0.1, 0.3, 1],
            "AdaGrad": [0.01, 0.03, 0.1, 0.3],
            "Nesterov": [0.1, 0.3, 1, 3, 10],
        }.items()
        for rate in rates
    ]
}
SEEDS = (0,)
CHECK = {"arm": "Adam 0.03", "seed": 0}


def run(seed, arm):
    """Return the training loss after the last pass and the mean loss of the first."""
    told = adam_logistic.run(seed, arm)
    return {"loss": told["loss"], "loss_of_pass_1": told["loss_of_pass_1"]}


def probe(seed, arm):
    """The loss of the first pass."""
    return adam_logistic.probe(seed, arm)
