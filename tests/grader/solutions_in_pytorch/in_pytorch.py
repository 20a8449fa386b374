"""What an exercise says of PyTorch: its solutions, its scripts with lines changed, PyTorch's own steps."""

import contextlib
import io
import re

import numpy as np
import pytest
from test_release import SOURCE

from dlbook.grader import release
from dlbook.grader.cells import kind_of, name_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def solved(exercise, upto):
    """The names that an exercise defines, with its solutions, up to one task's checks and without them."""
    space = {"__name__": "solved"}
    for cell in release.read(exercise, SOURCE).cells:
        if name_of(cell) == upto:
            return space
        if cell.cell_type == "code" and kind_of(cell) in ("locked", "answer"):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(cell.source, space)
    raise ValueError(f"{exercise} has no task {upto}")


def walked(gradients, arguments):
    """The path of torch.optim.SGD from 0, for one parameter with these gradients."""
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer, path = torch.optim.SGD([w], **arguments), [0.0]
    for g in gradients:
        w.grad = torch.full((1,), g, dtype=torch.float64)
        optimizer.step()
        path.append(w.item())
    return np.array(path)


def script(exercise, **changed):
    """The numbered script of an exercise's task, with some lines (`_7="..."`) changed."""
    (block,) = [
        found[1]
        for cell in release.read(exercise, SOURCE).cells
        if (found := re.search(r"```python\n( 1 .*?)```", cell.source, flags=re.DOTALL))
    ]
    lines = [line[4:] for line in block.splitlines()]
    for name, line in changed.items():
        before = lines[int(name[1:]) - 1]
        lines[int(name[1:]) - 1] = before[: len(before) - len(before.lstrip())] + line
    return "\n".join(lines)


def arrays(state):
    return {name: value.numpy().copy() for name, value in state.items()}
