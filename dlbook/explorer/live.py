"""Live: how does the picture follow the sliders in Jupyter?"""

import asyncio
from html import escape

_PAUSE = 0.02  # seconds in which the moves that are waiting already can arrive
_SLOW = 0.3  # seconds of a drawing that is asked for when the slider is let go, not on the way


def widget(explorer):
    """Return the controls, the picture and the sentence of an explorer as one ipywidget."""
    import ipywidgets

    _, first, said, seconds = explorer.first

    def made(control):
        kind = {
            "range": ipywidgets.SelectionSlider,
            "radio": ipywidgets.RadioButtons,
            "select": ipywidgets.Dropdown,
        }[control.kind]
        slow = {"continuous_update": seconds < _SLOW} if control.kind == "range" else {}
        return kind(
            options=list(zip(control.texts, control.values, strict=True)),
            index=control.start,
            description=control.label,
            style={"description_width": "initial"},
            **slow,
        )

    inputs = {control.name: made(control) for control in explorer.controls}
    pictures = _Pictures(explorer)
    # in its own size: stretched to the column's width it would push the sentence out of sight
    layout = {"max_width": "100%", "align_self": "flex-start"}
    picture = ipywidgets.Image(value=first.encode(), format="svg+xml", layout=layout)
    sentence = ipywidgets.HTML(escape(said))

    def redraw():
        try:
            picture.value, text = pictures.at(tuple(control.index for control in inputs.values()))
            sentence.value = escape(text)
        except Exception as error:  # a foolish value must not take the controls away
            sentence.value = f"<strong>{escape(f'{type(error).__name__}: {error}')}</strong>"

    moved = last_only(redraw)
    for control in inputs.values():
        control.observe(lambda change: moved(), "index")
    rows = [ipywidgets.HBox(list(inputs.values()), layout={"flex_flow": "row wrap"})]
    if explorer.play:
        slider = inputs[explorer.play]
        play = ipywidgets.Play(min=0, max=len(slider.options) - 1, value=slider.index, interval=400)
        play.observe(lambda change: setattr(slider, "index", change["new"]), "value")
        slider.observe(lambda change: setattr(play, "value", change["new"]), "index")
        rows.append(play)
    title = [ipywidgets.HTML(f"<strong>{escape(explorer.title)}</strong>")] if explorer.title else []
    return ipywidgets.VBox([*title, *rows, picture, sentence])


class _Pictures:
    """The pictures of an explorer that a reader has seen, in the light theme: a notebook knows no other."""

    def __init__(self, explorer):
        _, first, said, _ = explorer.first
        self.explorer, self.drawn = explorer, {explorer.start: (first.encode(), said)}

    def at(self, setting):
        """Return the SVG of a setting and its sentence."""
        if setting not in self.drawn:
            text, sentence, overflowed = self.explorer.svg(setting, dark=False)
            if overflowed:
                self.explorer.make_room(setting)
                self.drawn.clear()
                text, sentence, _ = self.explorer.svg(setting, dark=False)
            self.drawn[setting] = text.encode(), sentence
        return self.drawn[setting]


def last_only(draw):
    """Return a function that asks for a drawing; of several moves that wait for one, the last counts.

    Without a running event loop it draws at once.
    """
    waiting = []

    def later():
        waiting.clear()
        draw()

    def moved():
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            draw()
        else:
            for handle in waiting:
                handle.cancel()
            waiting[:] = [loop.call_later(_PAUSE, later)]

    return moved
