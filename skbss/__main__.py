"""``python -m skbss``: the same as the ``skbss`` command."""

from skbss.cli import main

if __name__ == "__main__":
    main()
