"""Figures: what does each chapter draw? One module per chapter, `figures/<chapter>.py`, of drawing functions.

A drawing function takes the axes (first parameter `ax`) or the whole figure (any other name) and plain
values or arrays, draws with the colours of `dlcore.book.style`, and returns one sentence that states what
was measured. `dlcore.book.explore` and `dlcore.book.show` put it on the page.
"""
