"""The renderer: what does a page do with a replication's facts?

The output of `replicated` is a box, which the page shows, and its facts, which the ledger reads.
"""

from dlbook.replications.verdicts import MIME


class FactsRenderer:
    """The MyST-NB renderer of facts, an entry point of this package: a page shows nothing of them."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(renderer, data, inline):
        """Return no nodes for facts, and None for any other output."""
        return [] if data.mime_type == MIME else None
