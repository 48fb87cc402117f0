"""``skbss`` as a process of its own: exit codes, terminals and pipes."""

import contextlib
import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "skbss"]
POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")


def run(*arguments):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    "arguments", [("--help",), ("demo", "--help"), ("separate", "--help"), ("evaluate", "--help")]
)
def test_help_is_quick_to_come_and_teaches(arguments):
    program = (
        f"import sys; from skbss.cli import main; sys.argv[1:] = {list(arguments)!r}\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "names = {'jax', 'librosa', 'matplotlib', 'sklearn', 'scipy', 'numpy'}\n"
        "sys.exit(f'imported: {heavy}' if (heavy := names & set(sys.modules)) else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "skbss " in result.stdout
    assert result.stderr == ""


def test_version():
    from skbss import __version__

    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"skbss {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [("separate",), ("separate", "--no-such-option", "x"), ("no-such-command",)]
)
def test_a_wrong_command_line_is_bad_input(folder, arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_bad_file_is_told_in_one_line(folder):
    (folder / "text.wav").write_text("Dear diary")
    result = run("separate", "text.wav")
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert [entry.name for entry in folder.iterdir()] == ["text.wav"]


@POSIX_ONLY
def test_a_terminal_shows_progress_and_a_pipe_does_not(recording, folder):
    import pty

    arguments = ["separate", recording, "--max-iter", "5", "--no-html", "--n-fft", "256"]
    piped = run(*arguments, "--out", "piped")
    assert piped.stderr == ""
    assert piped.stdout == "song.wav: 2 sources in piped\n"
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--out", "shown"], stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(master, 1 << 16)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.wait() == 0
    assert b"Separating song.wav" in shown
    assert b"song.wav: 2 sources in shown" in shown


@POSIX_ONLY
def test_lines_stand_above_the_display_of_a_corpus(recording, folder):
    import pty

    (folder / "corpus").mkdir()
    for name in ("a.wav", "b.wav"):
        (folder / "corpus" / name).write_bytes(recording.read_bytes())
    (folder / "corpus" / "c.wav").write_bytes(b"no sound")
    master, terminal = pty.openpty()
    command = [*COMMAND, "separate", "corpus", "--max-iter", "1", "--no-html", "--n-fft", "256"]
    process = subprocess.Popen(command, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(master, 1 << 16):
            shown += part
    os.close(master)
    assert process.wait() == 2
    # What is written on a line of its own begins after a line break, or an erased line.
    for line in (b"a.wav: 2 sources", b"b.wav: 2 sources", b"skbss: 'corpus/c.wav' cannot"):
        before = shown[: shown.index(line)]
        assert before == b"" or before.endswith((b"\n", b"\x1b[2K", b"\r")), before[-40:]
