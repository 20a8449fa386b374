"""Normalization: what if every signal had mean 0 and variance 1?

- `scalers`: before the network, fitted on the training set (`StandardScaler`, `MinMaxScaler`);
- `batch`: inside it, over the examples of a mini-batch (`BatchNorm`);
- `example`: inside it, over the features of one example (`LayerNorm`, `RMSNorm`) or over groups of its
  channels (`GroupNorm`);
- `standardizing`: what the three have in common.

Sequences are ``(m, t, d)``, features last.
"""

from .batch import BatchNorm
from .example import GroupNorm, LayerNorm, RMSNorm
from .scalers import MinMaxScaler, StandardScaler

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "MinMaxScaler", "RMSNorm", "StandardScaler"]
