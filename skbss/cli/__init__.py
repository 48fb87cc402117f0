"""The ``skbss`` command."""

from skbss.cli._app import app, main

__all__ = ["app", "main"]
