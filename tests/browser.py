"""A page as Chromium has it in the end."""

import shutil
import subprocess
from threading import Timer

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def browse(address, tmp_path, *options, timeout=120):
    """The document as the browser has it in the end, and what it wrote to its console."""
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
        "--dump-dom", *options, address,
    ]  # fmt: skip
    document = []
    with (tmp_path / "browser.log").open("w+", errors="replace") as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as browser:
            stop = Timer(timeout, browser.kill)
            stop.start()
            # Its exit is not waited for: now and then Chromium hangs there.
            for line in browser.stdout:
                document.append(line)
                if "</html>" in line:
                    break
            stop.cancel()
            browser.kill()
        log.seek(0)
        console = [line for line in log if "CONSOLE" in line]
    assert document, f"Chromium told nothing within {timeout} s"
    return "".join(document), console
