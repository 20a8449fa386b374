"""Layout: where do the axes stand, so that no setting of an explorer moves them?

matplotlib's constrained layout measures every text, twice, in every picture. An explorer measures a few of
its settings, leaves room for the widest labels among them, and puts the axes of all settings there.
"""

import itertools

from matplotlib.layout_engine import LayoutEngine

_PANEL = 0.2  # of a figure's width: narrower axes are a colorbar or the like
_TICK = 4  # points from a y-axis to where its labels end, at most
_AIR = 3  # points between two panels, at least: markers at the edge and ticks need some


class AxesError(ValueError):
    """The figures of two settings have different axes, so they cannot share a layout."""


class Layout:
    """Where the axes and the title of a figure stand, in fractions of the figure.

    `scales` says for each axes whose y-axis labels it is read by, where it has none of its own.
    """

    def __init__(self, boxes, titles, scales=None):
        self.boxes, self.titles = boxes, titles
        self.scales = scales or [None] * len(boxes)

    @classmethod
    def measured(cls, figure):
        """Return the layout that constrained layout gives a figure, which then keeps it."""
        for _ in range(2):  # labels and axes push each other; the second pass settles them
            figure.get_layout_engine().execute(figure)
        layout = cls(
            [axes.get_position(original=True).extents.tolist() for axes in figure.axes],
            [title and title.get_position() for title in _titles(figure)],
            [_scale(axes, figure.axes) for axes in figure.axes],
        )
        figure.set_layout_engine(Frozen(layout))
        return layout

    def joined(self, other):
        """Return the layout that leaves room for what either leaves room for."""
        self.check(len(other.boxes))
        boxes = [
            [max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])]
            for a, b in zip(self.boxes, other.boxes, strict=True)
        ]
        return Layout(boxes, [a or b for a, b in zip(self.titles, other.titles, strict=True)], self.scales)

    def panels(self, spans, width):
        """Return the parts of a figure that stand side by side, so that a phone can stack them.

        Parameters
        ----------
        spans : iterable of (float, float, int)
            From where to where its texts reach, in points, and whose they are: the place of the axes or None.
        width : float
            Of the figure, in points.

        Returns
        -------
        list of (float, float) or (float, float, float, float)
            Where each part begins and how wide it is, in fractions of the figure; empty if there is one only.
            A colorbar belongs to what stands on its left, a text that reaches over a gap closes it. After
            that, the same of the y-axis labels that a part shares with one further left.
        """
        reach = [[x0 * width, x1 * width] for x0, _, x1, _ in self.boxes]
        wide = [x1 - x0 >= _PANEL * width for x0, x1 in reach]
        for begin, end, owner in spans:
            if owner is None:
                reach.append([begin, end])
            else:
                reach[owner] = [min(begin, reach[owner][0]), max(end, reach[owner][1])]
        wide += [False] * (len(reach) - len(wide))
        groups = []
        for (begin, end), panel in sorted(zip(reach, wide, strict=True)):
            if groups and begin <= groups[-1][1] + _AIR:
                groups[-1][1:] = max(end, groups[-1][1]), panel or groups[-1][2]
            else:
                groups.append([begin, end, panel])
        cuts, seen = [0.0], False
        for i, (begin, _, panel) in enumerate(groups):
            if panel and seen:
                cuts.append(float(groups[i - 1][1] + begin) / 2 / width)
            seen |= panel
        cuts.append(1.0)
        parts = [(a, b - a, *self._shared(a, b, reach, width)) for a, b in itertools.pairwise(cuts)]
        return [tuple(round(float(n), 4) for n in part) for part in parts] if len(parts) > 1 else []

    def _shared(self, begin, end, reach, width):
        """Where the y-axis labels stand that all axes of a part are read by, and how wide they are."""
        here = [i for i, (x0, _, x1, _) in enumerate(self.boxes) if begin <= (x0 + x1) / 2 < end]
        scales = {self.scales[i] for i in here if reach[i][1] - reach[i][0] >= _PANEL * width}
        scale = scales.pop() if len(scales) == 1 else None
        if scale is None or self.boxes[scale][0] >= begin:
            return ()
        left, right = max(reach[scale][0] / width, 0.0), self.boxes[scale][0] - _TICK / width
        return (left, right - left) if right > left else ()

    def check(self, number):
        """Refuse a figure with another number of axes."""
        if number != len(self.boxes):
            raise AxesError(
                f"its figure has {number} axes, the default setting's has {len(self.boxes)}: "
                "make the same axes at every setting, and hide one with ax.set_axis_off()"
            )


def _scale(axes, others):
    """The place among `others` of the axes whose y-axis labels `axes` is read by; None if it has its own."""
    shows = [other.yaxis.get_tick_params().get("labelleft", True) for other in others]
    if shows[others.index(axes)]:
        return None
    siblings = axes.get_shared_y_axes().get_siblings(axes)
    return next((i for i, other in enumerate(others) if shows[i] and other in siblings), None)


class Frozen(LayoutEngine):
    """The layout engine that puts axes where a `Layout` says."""

    _adjust_compatible = False
    _colorbar_gridspec = False

    def __init__(self, layout):
        super().__init__()
        self.layout = layout

    def execute(self, fig):
        """Put the axes that are there already in their places."""
        for axes, (x0, y0, x1, y1) in zip(fig.axes, self.layout.boxes, strict=False):
            axes._set_position((x0, y0, x1 - x0, y1 - y0), which="original")
        for title, position in zip(_titles(fig), self.layout.titles, strict=True):
            if title is not None and position is not None:
                title.set_position(position)


def _titles(figure):
    return [getattr(figure, name, None) for name in ("_suptitle", "_supxlabel", "_supylabel")]
