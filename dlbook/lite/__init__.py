"""Lite: how does a reader change the code on the page, with nothing to install and no server?

Every chapter and exercise opens as a notebook in the browser: JupyterLite shows it and Pyodide runs it, both
served from the site's own folder `lite/`. `runtime` fetches and trims the two once, into a folder of the
user's cache. `pages` derives the notebooks, `wheel` packs the book's own code, and `publish`, a Sphinx
extension, adds `lite/` and its links to the site if the runtime is there.
"""


def setup(app):
    """Register the Sphinx extension."""
    from dlbook.lite import publish  # here, since `python -m dlbook.lite.publish` would load it twice

    return publish.setup(app)
