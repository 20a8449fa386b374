"""Live: how does the picture follow the sliders in Jupyter?"""

from html import escape

from dlbook.explorer import frames


def widget(explorer):
    """Return the controls, the picture and the sentence of an explorer as one ipywidget."""
    import ipywidgets

    first, said, seconds = explorer.first

    def made(control):
        kind = {
            "range": ipywidgets.SelectionSlider,
            "radio": ipywidgets.RadioButtons,
            "select": ipywidgets.Dropdown,
        }[control.kind]
        # a slow drawing is asked for when the slider is let go, not at every value on the way
        slow = {"continuous_update": seconds < 0.3} if control.kind == "range" else {}
        return kind(
            options=list(zip(control.texts, control.values, strict=True)),
            index=control.start,
            description=control.label,
            style={"description_width": "initial"},
            **slow,
        )

    inputs = {control.name: made(control) for control in explorer.controls}
    picture = ipywidgets.Image(value=first, format="png", layout={"max_width": "100%"})
    sentence = ipywidgets.HTML(escape(said))
    drawn = {explorer.start: (first, said)}

    def redraw(change):
        setting = tuple(control.index for control in inputs.values())
        if setting not in drawn:
            try:
                figure, text = explorer.frame(setting)
                drawn[setting] = frames.png(figure), text
            except Exception as error:  # a foolish value must not take the controls away
                sentence.value = f"<strong>{escape(f'{type(error).__name__}: {error}')}</strong>"
                return
        picture.value, text = drawn[setting]
        sentence.value = escape(text)

    for control in inputs.values():
        control.observe(redraw, "index")
    rows = [ipywidgets.HBox(list(inputs.values()), layout={"flex_flow": "row wrap"})]
    if explorer.play:
        slider = inputs[explorer.play]
        play = ipywidgets.Play(min=0, max=len(slider.options) - 1, value=slider.index, interval=400)
        play.observe(lambda change: setattr(slider, "index", change["new"]), "value")
        slider.observe(lambda change: setattr(play, "value", change["new"]), "index")
        rows.append(play)
    return ipywidgets.VBox([*rows, picture, sentence])
