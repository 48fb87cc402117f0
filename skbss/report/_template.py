"""Templates of pages that hold everything themselves and let nothing else in."""

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent


def load_template(
    template: str,
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    folder: Path = _HERE,
):
    """A template that escapes every string, with its style sheets and scripts at hand.

    In the template ``style`` and ``script`` are the texts of the files, in their order, to stand
    as they are within one ``<style>`` and one ``<script>`` element; ``style_hash`` and
    ``script_hash`` are what a content security policy needs to allow these two and no other. A
    name that is not defined is an error.

    Parameters
    ----------
    template : str
        File name of the template.
    styles, scripts : sequence of str
        File names of style sheets and scripts.
    folder : Path
        Where all of these files are looked for first; after it, the folder of this module.

    Returns
    -------
    jinja2.Template
        The same object for the same arguments.
    """
    return _load(template, tuple(styles), tuple(scripts), folder)


@lru_cache(maxsize=8)
def _load(template: str, styles: tuple[str, ...], scripts: tuple[str, ...], folder: Path):
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folders = list(dict.fromkeys([folder, _HERE]))
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name, files in [("style", styles), ("script", scripts)]:
        text = "\n".join(_read(file, folders) for file in files)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
        environment.globals[name] = Markup(text)
        environment.globals[f"{name}_hash"] = f"'sha256-{digest}'"
    return environment.get_template(template)


def _read(file: str, folders: Sequence[Path]) -> str:
    paths = [folder / file for folder in folders]
    path = next((path for path in paths if path.is_file()), paths[0])
    return path.read_text(encoding="utf-8")
