"""Figures: what does each chapter draw? One module per chapter, `figures/<chapter>.py`, of drawing functions.

A drawing function takes the axes (first parameter `ax`) or the whole figure (any other name) and plain
values or arrays, draws with the colours of `dlbook.explorer.style`, and returns one sentence that states what
was measured. `dlbook.explore` and `dlbook.show` put it on the page.
"""
