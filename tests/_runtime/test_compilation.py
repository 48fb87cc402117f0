"""Compiled programs on disk: made by one process, used by the next, and only if asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
import jax.monitoring
counts = {"hits": 0, "misses": 0}

def listen(event, **_):
    for name in counts:
        if event.endswith("compilation_cache/cache_" + name):
            counts[name] += 1

jax.monitoring.register_event_listener(listen)
import numpy as np
import skbss

if "compile first" in sys.argv:
    jax.jit(lambda x: x + 1)(0)
folder = None
if "enable" in sys.argv:
    folder = str(skbss.enable_compilation_cache(*sys.argv[2:3]))
X = np.random.default_rng(0).random((20, 10))
skbss.BetaNMF(2, init="random", random_state=0, tol=0, max_iter=3).fit(X)
print(json.dumps({"folder": folder, **counts}))
"""


def run(tmp_path, *arguments):
    environment = {name: value for name, value in os.environ.items() if "JAX" not in name}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "user"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_next_process_compiles_nothing(tmp_path):
    folder = tmp_path / "a folder" / "of programs"
    first = run(tmp_path, "enable", folder, "compile first")
    assert first["folder"] == str(folder)
    assert first["misses"] > 0
    assert any(folder.iterdir())
    second = run(tmp_path, "enable", folder)
    assert second["misses"] == 0
    assert second["hits"] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other folders")
def test_by_default_in_the_users_folder_for_caches(tmp_path):
    folder = Path(run(tmp_path, "enable")["folder"])
    assert folder == tmp_path / "user" / "skbss" / "programs"
    assert folder.stat().st_mode & 0o077 == 0


def test_nothing_is_kept_without_being_asked_for(tmp_path):
    counted = run(tmp_path)
    assert counted == {"folder": None, "hits": 0, "misses": 0}
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_made(tmp_path):
    import skbss

    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        skbss.enable_compilation_cache(tmp_path / "file" / "programs")
    with pytest.raises(NotADirectoryError, match="file is no folder"):
        skbss.enable_compilation_cache(tmp_path / "file")
    with pytest.raises(ValueError, match="empty name"):
        skbss.enable_compilation_cache("")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that nobody can write to")
def test_a_folder_that_can_not_be_written_to():
    import jax

    import skbss

    before = jax.config.jax_compilation_cache_dir
    with pytest.raises(OSError, match="/proc/self"):
        skbss.enable_compilation_cache("/proc/self")
    assert jax.config.jax_compilation_cache_dir == before
