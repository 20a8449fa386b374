"""Grokking: what changes where the last, incomplete batch of a pass is trained on, as in the authors' code?

One run with weight decay, as `grokking` has it but for this.
"""

from dlbook.replications.experiments import grokking

AXES = {"decay": [1.0]}
SEEDS = 1
CHECK = {"decay": 1.0, "seed": 0}


def run(seed, decay, steps=None):
    """As the reported runs, with every batch."""
    return grokking.run(seed, decay, steps, incomplete=True)


def probe(seed, decay):
    """The training loss after 40 steps."""
    return {"early": run(seed, decay, steps=grokking.EARLY)["early"]}
