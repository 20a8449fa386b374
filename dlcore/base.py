"""Base: what do all layers have in common?

Every layer has the same two methods. ``forward(x, training=False)`` returns the output and remembers what the
way back needs. ``backward(dy, input_gradient=True)`` takes the gradient of the loss with respect to that
output, writes the gradients of the layer's own arrays and returns the gradient with respect to ``x``.
"""

import functools
import inspect


class Layer:
    """A layer with nothing to learn and nothing remembered yet; subclasses write `forward` and `backward`.

    Attributes
    ----------
    params : tuple of str
        The names of the arrays that the layer learns. The gradient of ``W`` is ``dW``, written in place, so
        that both can be views into a network's long vectors.
    buffers : tuple of str
        The names of the arrays that it keeps but does not learn, such as running averages.
    """

    params = ()
    buffers = ()
    _memory = None
    _frozen = frozenset()

    def forward(self, x, training=False):
        """The output for ``x``, examples in rows; `training` is for layers that behave differently then."""
        raise NotImplementedError

    def backward(self, dy, input_gradient=True):
        """Write the gradients of the layer's arrays; return that of ``x``, or None if nobody asks for it."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}()"


def learns(layer):
    """Whether the layer, or one inside it, has an array to learn that is not frozen.

    Examples
    --------
    >>> learns(Layer())
    False
    """
    frozen = getattr(layer, "_frozen", ())
    own = any(name not in frozen for name in getattr(layer, "params", ()))
    return own or any(learns(inner) for inner in getattr(layer, "layers", ()))


def backward_through(layers, dy, input_gradient=True):
    """Take the gradient ``dy`` of the last layer's output back through all layers.

    Returns the gradient with respect to the first layer's input. With ``input_gradient=False`` it stops at
    the first layer that learns and returns None: what lies below has no use for its gradient, and the input's
    gradient costs as much as a forward pass.
    """
    if input_gradient:
        for layer in reversed(layers):
            dy = layer.backward(dy)
        return dy
    first = next((i for i, layer in enumerate(layers) if learns(layer)), len(layers))
    for i in reversed(range(first, len(layers))):
        if i == first and _can_leave_out_dx(type(layers[i])):
            layers[i].backward(dy, input_gradient=False)
        else:
            dy = layers[i].backward(dy)
    return None


@functools.cache
def _can_leave_out_dx(kind):
    """A layer that somebody wrote for one page may have ``backward(self, dy)`` alone."""
    return "input_gradient" in inspect.signature(kind.backward).parameters
