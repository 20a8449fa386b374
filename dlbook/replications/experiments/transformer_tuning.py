"""Transformer: which learning rate does each arm of `transformer` need?

Factors of 2 apart, on two seeds that the reported runs do not use. Where the best was the first or last of a
grid, the grid was made longer.
"""

from dlbook.replications.experiments import transformer

AXES = {
    "arm": [
        f"{name} {lr:g}"
        for name, rates in {
            "post-norm, no warm-up": [0.0025, 0.005, 0.01],
            "no clipping": [0.02, 0.04, 0.08],
            "beta2 0.999": [0.01, 0.02, 0.04, 0.08],
            "no decay": [0.01, 0.02, 0.04, 0.08],
            "zero-init": [0.02, 0.04, 0.08],
            "Muon, 148 steps": [0.08, 0.16, 0.32],
            "SGD, no clipping": [0.25, 0.5, 1, 2],
            "0.02 everywhere": [0.005, 0.01, 0.02],
            "flat Momentum": [0.2, 0.4, 0.8, 1.6],
            "AdamW": [0.01, 0.02, 0.04, 0.08],
            "Momentum": [0.2, 0.4, 0.8, 1.6],
            "SGD": [1, 2, 4],
            "Muon": [0.04, 0.08, 0.16, 0.32],
            "flat AdamW": [0.02, 0.04, 0.08],
            "flat SGD": [1, 2, 4],
            "LayerNorm": [0.01, 0.02, 0.04, 0.08],
            "no norm": [0.01, 0.02, 0.04],
            "post-norm": [0.005, 0.01, 0.02],
            "no residuals": [0.0006, 0.00125, 0.0025],
            "small embeddings": [0.005, 0.01, 0.02],
            "unscaled": [0.02, 0.04, 0.08],
            "no attention": [0.02, 0.04, 0.08],
            "no warm-up": [0.01, 0.02, 0.04],
            "constant rate": [0.005, 0.01, 0.02],
            "6 blocks": [0.01, 0.02, 0.04],
            "6 blocks, no warm-up": [0.005, 0.01, 0.02],
            "6 blocks, post-norm": [0.00125, 0.0025, 0.005, 0.01],
            "6 blocks, post-norm, no warm-up": [0.000625, 0.00125, 0.0025, 0.005],
        }.items()
        for lr in rates
    ]
}
SEEDS = (100, 101)
CHECK = {"arm": "AdamW 0.01", "seed": 100}


def run(seed, arm):
    """As the reported runs."""
    told = transformer.run(seed, arm)
    return {part: told[part] for part in ("excess", "rare")}
