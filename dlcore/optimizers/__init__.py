"""Optimizers: given the gradient here, where should the parameters go next?

All the parameters of a network are one vector ``theta``, and an optimizer moves that vector. It makes no
difference to it whether ``theta`` is a point on a contour plot or a million weights.

- `first_order`: a short step along the gradient, corrected by what earlier gradients said, from one
  mini-batch after another: ``step(theta, grad)`` (`SGD`, `Momentum`, `Nesterov`, `AdaGrad`, `AdaDelta`,
  `RMSprop`, `Adam`, `AdamW`, `Lion`), each of them one `equation`, which `base` applies to the vector;
- `matrices`: first-order methods that know which parameters are a matrix (`Muon`, `Shampoo`);
- `averaging`: an average of the weights on their way (`EMA`);
- `second_order`: few long steps that know the curvature, from the loss of all examples:
  ``minimize(f_and_grad, theta0, steps=)``, or `init` and `step` by step (`Newton`, `LBFGS`), on the walk of
  `minimizing`;
- `line_search`: how far along a direction (`full_step`, `backtracking`, `strong_wolfe`).
"""

from .averaging import EMA
from .base import NonFiniteGradient, Optimizer
from .equation import equation
from .first_order import (
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    Lion,
    Momentum,
    Nesterov,
    RMSprop,
)
from .line_search import backtracking, full_step, strong_wolfe
from .matrices import Muon, Shampoo, orthogonalized
from .minimizing import Path, Point, SecondOrder, SingularHessian
from .second_order import (
    LBFGS,
    Newton,
    numerical_hessian,
    two_loop,
)

__all__ = [
    "EMA",
    "LBFGS",
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Lion",
    "Momentum",
    "Muon",
    "Nesterov",
    "Newton",
    "NonFiniteGradient",
    "Optimizer",
    "Path",
    "Point",
    "RMSprop",
    "SecondOrder",
    "Shampoo",
    "SingularHessian",
    "backtracking",
    "equation",
    "full_step",
    "numerical_hessian",
    "orthogonalized",
    "strong_wolfe",
    "two_loop",
]
