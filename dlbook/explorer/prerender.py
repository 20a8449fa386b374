"""Prerender: how is every setting of an explorer drawn once, when a book is built?

The build starts the chapters' kernels with three variables set (`dlbook.explorer.extension`):
EXPLORER_FRAMES is the folder for the frames, EXPLORER_CHAPTER the chapter's name, EXPLORER_PROGRESS a log
that the terminal shows. Two settings that look alike share a file, because a file is named by its content.
EXPLORER_DRAFT=1, which an author sets, draws the default setting only and leaves the sliders out.
"""

import gzip
import hashlib
import os
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

from dlbook.explorer.frames import DrawingError

_TRIAL = 4  # settings drawn before deciding whether other processes would help
_WORTHWHILE = 3.0  # seconds of drawing left that make it worth starting them


def prerender(explorer, folder):
    """Draw every setting of `explorer` into `folder`; return the names of the files and the sentences."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if os.environ.get("EXPLORER_DRAFT"):
        name, sentence, *_ = _draw(explorer, explorer.start, folder)
        draft = {"draft": True} if explorer.controls else {}
        return {"frames": [name], "sentences": [sentence], "start": 0, "controls": [], "play": None} | draft
    settings = explorer.settings()
    begun = time.perf_counter()
    drawn = _drawn_with_room(explorer, settings, folder)
    seconds = time.perf_counter() - begun
    names, sentences, _, spans = zip(*drawn, strict=True)
    weights = [_weight(folder / name) for name in sorted(set(names))]
    _say(
        f"{explorer.name}: {len(settings)} settings, {len(weights)} pictures, "
        f"{statistics.median(weights):.1f} kB gzip each, {seconds:.1f} s"
    )
    found = {"frames": list(names), "sentences": list(sentences), "start": settings.index(explorer.start)}
    panels = _panels(explorer, set().union(*spans))
    return found | ({"panels": panels} if panels else {})


def _panels(explorer, spans):
    layout = explorer.layout or explorer.frame(explorer.start)[0].get_layout_engine().layout
    return layout.panels(spans, 72 * explorer.size[0])


def _drawn_with_room(explorer, settings, folder):
    if len(settings) == 1:
        return _all(explorer, settings, folder)
    for setting in dict.fromkeys([explorer.start, settings[0], settings[-1]]):
        _make_room(explorer, setting)
    drawn = _all(explorer, settings, folder)
    crowded = [setting for setting, seen in zip(settings, drawn, strict=True) if seen[2]]
    if not crowded:
        return drawn
    while crowded:
        _make_room(explorer, crowded[0])
        # where no layout has room for a text, matplotlib's own would not have had it either
        first_fits = not explorer.svg(crowded[0])[2]
        crowded = [setting for setting in crowded[1:] if explorer.svg(setting)[2]] if first_fits else []
    return _all(explorer, settings, folder)


def _make_room(explorer, setting):
    with _named(explorer, setting):
        explorer.make_room(setting)


def _all(explorer, settings, folder):
    begun = time.perf_counter()
    drawn = [_draw(explorer, setting, folder) for setting in settings[:_TRIAL]]
    left = settings[_TRIAL:]
    if left and (time.perf_counter() - begun) / _TRIAL * len(left) > _WORTHWHILE:
        _say(f"{explorer.name}: drawing {len(settings)} settings")
        drawn += _in_processes(explorer, left, folder)
    else:
        drawn += [_draw(explorer, setting, folder) for setting in left]
    return drawn


@contextmanager
def _named(explorer, setting):
    try:
        yield
    except Exception as error:
        chapter = os.environ.get("EXPLORER_CHAPTER", "this notebook")
        raise DrawingError(
            f"{chapter}: explorer {explorer.name} at {explorer.described(setting) or 'its only setting'}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _draw(explorer, setting, folder):
    with _named(explorer, setting):
        text, sentence, overflowed = explorer.svg(setting)
        content, spans = text.encode(), explorer.memory.spans
    name = f"frame-{hashlib.sha256(content).hexdigest()[:12]}.svg"
    target = folder / name
    if not target.exists():
        half = target.with_suffix(f".{os.getpid()}")
        half.write_bytes(content)
        half.replace(target)
    return name, sentence, overflowed, spans


def _draw_all(explorer, settings, folder):
    return [_draw(explorer, setting, folder) for setting in settings]


def _in_processes(explorer, settings, folder):
    from joblib import Parallel, cpu_count, delayed

    chunk = max(1, len(settings) // (8 * cpu_count()))
    chunks = [settings[i : i + chunk] for i in range(0, len(settings), chunk)]
    done, told = [], time.monotonic()
    jobs = Parallel(n_jobs=-1, return_as="generator")(delayed(_draw_all)(explorer, c, folder) for c in chunks)
    for part in jobs:
        done += part
        if time.monotonic() - told > 3:
            told = time.monotonic()
            _say(f"{explorer.name}: {_TRIAL + len(done)} of {_TRIAL + len(settings)}")
    return done


def _weight(path):
    return len(gzip.compress(path.read_bytes(), mtime=0)) / 1000


def _say(line):
    if "EXPLORER_PROGRESS" in os.environ:
        with open(os.environ["EXPLORER_PROGRESS"], "a") as log:
            log.write(f"{os.environ.get('EXPLORER_CHAPTER', '')} {line}\n")
