"""Experiments: the published protocols that take longer than a page may, one file each.

`dlbook.replications.full` says what a file has to hold.
"""
