"""Transformer: which learning rate does each arm of `transformer` need?

Factors of 2 apart, on two seeds that the reported runs do not use. Where the best was the last of a grid, the
grid was made longer.
"""

from dlbook.replications.experiments import transformer

AXES = {
    "arm": [
        f"{name} {lr:g}"
        for name, rates in {
            "AdamW": [0.0025, 0.005, 0.01, 0.02, 0.04, 0.08],
            "SGD": [0.5, 1, 2, 4],
            "no attention": [0.005, 0.01, 0.02, 0.04, 0.08],
            "no norm": [0.005, 0.01, 0.02, 0.04],
            "post-norm": [0.005, 0.01, 0.02],
            "small embeddings": [0.005, 0.01, 0.02, 0.04],
            "flat AdamW": [0.01, 0.02, 0.04, 0.08],
            "flat SGD": [1, 2, 4],
            "Muon": [0.02, 0.04, 0.08, 0.16, 0.32],
            "Momentum": [0.1, 0.2, 0.4, 0.8, 1.6],
            "no residuals": [0.0003, 0.0006, 0.00125, 0.0025, 0.005, 0.01, 0.02],
            "LayerNorm": [0.01, 0.02, 0.04, 0.08],
            "no warm-up": [0.01, 0.02, 0.04],
            "constant rate": [0.005, 0.01, 0.02],
            "unscaled": [0.01, 0.02, 0.04, 0.08],
        }.items()
        for lr in rates
    ]
}
SEEDS = (100,)
CHECK = {"arm": "AdamW 0.01", "seed": 100}


def run(seed, arm):
    """As the reported runs."""
    told = transformer.run(seed, arm)
    return {part: told[part] for part in ("excess", "rare")}
