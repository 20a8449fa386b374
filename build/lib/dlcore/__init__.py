"""dlcore: the NumPy library of the book *Why Deep Networks Train*."""
