"""Regularization: how do we keep a network from learning its training set by heart?

Every remedy makes the training set harder to memorize, and each has a file of its own:

- `penalties`: large weights cost something (`L1`, `L2`, `Lq`, `norm`, `ridge`);
- `dropout`: units cannot count on each other (`Dropout`, `GaussianDropout`, `UniformDropout`);
- `early_stopping`: stop when the validation loss no longer falls (`EarlyStopping`);
- `clipping`: no single step goes too far (`clip_by_value`, `clip_by_norm`);
- `augmentation`: no image is seen twice (`flip`, `shift`, `crop`, `rotate`, `add_noise`, `mixup`).
"""

from .augmentation import add_noise, crop, flip, mixup, rotate, shift
from .clipping import clip_by_norm, clip_by_value
from .dropout import Dropout, GaussianDropout, UniformDropout
from .early_stopping import EarlyStopping
from .penalties import L1, L2, Lq, norm, ridge

__all__ = [
    "L1",
    "L2",
    "Dropout",
    "EarlyStopping",
    "GaussianDropout",
    "Lq",
    "UniformDropout",
    "add_noise",
    "clip_by_norm",
    "clip_by_value",
    "crop",
    "flip",
    "mixup",
    "norm",
    "ridge",
    "rotate",
    "shift",
]
