"""``skbss separate``: what it writes, where, and what it refuses."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skbss.cli._methods import METHODS
from skbss.cli._separation import separate_waveform
from skbss.cli._settings import GROUPINGS, Settings
from skbss.masking import _grouping

RATE = 8000


def stems_of(folder):
    return [
        soundfile.read(path, always_2d=True, dtype="float32")[0]
        for path in sorted(folder.glob("source-*.wav"))
    ]


def entries(folder):
    return sorted(entry.name for entry in folder.iterdir())


def assert_refused(result, message):
    """Exit code 2, nothing on stdout, and one line that holds the message."""
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("skbss: ")
    assert message in lines[0]


def test_stems_add_up_to_the_mixture(skbss, recording, folder, stereo):
    result = skbss("separate", recording, "--sources", 3)
    assert result.exit_code == 0
    assert result.stdout == f"song.wav: 3 sources in {Path('song-stems/index.html')}\n"
    assert result.stderr == ""
    out = folder / "song-stems"
    assert entries(out) == [
        "index.html", "mixture.wav", "separation.json",
        "source-1.wav", "source-2.wav", "source-3.wav",
    ]  # fmt: skip
    stems = stems_of(out)
    total = np.sum(stems, axis=0, dtype=np.float64)
    loudest = max(float(np.abs(stem).max()) for stem in stems)
    np.testing.assert_allclose(total, stereo.T, rtol=0, atol=loudest * 2.0**-24)
    np.testing.assert_array_equal(soundfile.read(out / "mixture.wav", dtype="float32")[0], stereo.T)
    for path in out.glob("*.wav"):
        info = soundfile.info(path)
        assert (info.subtype, info.samplerate, info.channels) == ("FLOAT", RATE, 2)


def test_the_sources_are_told_apart(skbss, recording, folder):
    skbss("separate", recording, "--sources", 2, "--components", 2, "--max-iter", 100)
    tones = set()
    for stem in stems_of(folder / "song-stems"):
        spectrum = np.abs(np.fft.rfft(stem.sum(axis=1)))
        tones.add(int(np.argmax(spectrum)))
        assert np.sort(spectrum)[-1] > 5 * spectrum[330 if np.argmax(spectrum) == 1250 else 1250]
    assert tones == {330, 1250}


@pytest.mark.parametrize(
    ("method", "grouping"),
    [
        (name, ("mfcc", "activations")[number % 2])
        for number, name in enumerate(METHODS)
        if name not in ("harmonic-nmf", "esad")
    ],
)
def test_methods_and_groupings(skbss, recording, folder, method, grouping):
    result = skbss("separate", recording, "--method", method, "--grouping", grouping)
    assert result.exit_code == 0
    told = json.loads((folder / "song-stems" / "separation.json").read_text())
    assert told["settings"]["Method"].startswith(f"{method} (")
    assert told["settings"]["Grouping"] == grouping
    assert len(stems_of(folder / "song-stems")) == 2


def test_pitches(skbss, recording, folder):
    options = ("--pitches", "60-90", "--grouping", "activations", "--n-fft", 512, "--max-iter", 50)
    result = skbss(
        "separate", recording, "--method", "harmonic-nmf", *options, "--out", "o", quick=False
    )
    assert result.exit_code == 0, result.stderr
    told = json.loads((folder / "o" / "separation.json").read_text())
    assert told["settings"]["Components"] == "31"
    assert told["settings"]["Pitches"] == "60-90"
    assert "--pitches 60-90" in told["command"]
    assert "--components" not in told["command"]
    spectra = [np.abs(np.fft.rfft(stem.sum(axis=1))) for stem in stems_of(folder / "o")]
    assert {int(np.argmax(spectrum)) for spectrum in spectra} == {330, 1250}


def test_pitches_reach_as_far_as_the_sample_rate(skbss, recording, folder):
    """4186 Hz, the highest of a piano, are more than half of 8000 Hz."""
    method = ("--method", "harmonic-nmf", "--max-iter", 2, "--free-components", 3)
    assert skbss("separate", recording, *method, quick=False).exit_code == 0
    told = json.loads((folder / "song-stems" / "separation.json").read_text())
    assert told["settings"]["Pitches"] == "21-107"
    assert told["settings"]["Components"] == "90"


def test_the_strengths_of_penalties_count(skbss, recording, folder):
    runs = {
        "usual": (),
        "same": ("--smoothness", 0.1),
        "none": ("--smoothness", 0),
        "grouped": ("--group-sparsity", 0.1),
    }
    for name, options in runs.items():
        result = skbss("separate", recording, "--method", "structured-nmf", *options, "--out", name)
        assert result.exit_code == 0
    stems = {name: stems_of(folder / name)[0] for name in runs}
    np.testing.assert_array_equal(stems["usual"], stems["same"])
    for name in ("none", "grouped"):
        assert np.abs(stems[name] - stems["usual"]).max() > 1e-3
    told = json.loads((folder / "grouped" / "separation.json").read_text())
    assert told["settings"]["Group sparsity"] == "0.1"
    assert "--smoothness 0.1 --orthogonality 0 --group-sparsity 0.1" in told["command"]


@pytest.mark.parametrize("method", ["nmf", "structured-nmf", "conv-nmf"])
def test_activations_are_solved_for_once(stereo, monkeypatch, method):
    from skbss.factorization._base import BaseNMF

    calls = []
    for kind in BaseNMF.__subclasses__():
        solve = kind._activations
        if "_activations" in vars(kind):
            monkeypatch.setattr(
                kind, "_activations", lambda *given, solve=solve: calls.append(1) or solve(*given)
            )
    settings = Settings(method=method, n_components=4, max_iter=5).resolve(RATE, 2)
    separation = separate_waveform(stereo, RATE, settings)
    assert separation.activations.shape == (len(separation.activations), 4)
    assert len(calls) == 1


@pytest.fixture(scope="module")
def three_microphones():
    """Three noises that come and go, at three microphones."""
    rng = np.random.default_rng(0)
    loudness = np.repeat(rng.uniform(size=(3, 40)) > 0.5, 1000, axis=1)
    sources = rng.laplace(size=loudness.shape) * loudness
    gains = np.array([[1, 0.5, 0.2], [0.3, 1, 0.4], [0.1, 0.4, 1]])
    return (0.05 * gains @ sources).astype(np.float32)


def test_several_microphones(skbss, folder, three_microphones):
    soundfile.write(folder / "room.wav", three_microphones.T, RATE, subtype="FLOAT")
    options = ("--method", "esad", "--n-fft", 256)
    result = skbss("separate", "room.wav", *options, quick=False)
    assert result.exit_code == 0, result.stderr
    stems = stems_of(folder / "room-stems")
    assert [stem.shape for stem in stems] == [(three_microphones.shape[1], 3)] * 3
    total = np.sum(stems, axis=0, dtype=np.float64)
    np.testing.assert_allclose(total, three_microphones.T, atol=1e-6)
    told = json.loads((folder / "room-stems" / "separation.json").read_text())
    assert told["command"].startswith("skbss separate --method esad --sources 3 --n-fft 256")
    assert "Components" not in told["settings"]
    # Some microphones near one source hear hardly anything else of it.
    alike = np.corrcoef([stem[:, np.argmax(stem.std(axis=0))] for stem in stems])
    assert np.abs(alike - np.eye(3)).max() < 0.3


def test_fewer_sources_than_microphones(skbss, folder, three_microphones):
    """What is left out is in no stem."""
    soundfile.write(folder / "room.wav", three_microphones.T, RATE, subtype="FLOAT")
    options = ("--method", "esad", "--n-fft", 256, "--sources", 2)
    assert skbss("separate", "room.wav", *options, quick=False).exit_code == 0
    stems = stems_of(folder / "room-stems")
    assert len(stems) == 2
    rest = three_microphones.T - np.sum(stems, axis=0)
    assert 0.01 < np.std(rest) / np.std(three_microphones) < 0.7


def test_microphones_that_hear_the_same(skbss, folder, stereo):
    soundfile.write(folder / "mono.wav", np.stack([stereo[0]] * 2).T, RATE, subtype="FLOAT")
    result = skbss("separate", "mono.wav", "--method", "esad", "--n-fft", 256, quick=False)
    assert result.exit_code == 0
    assert "mono.wav: Some channels of the recording are silent or the same" in result.stderr
    assert "Some channels of the recording" in (folder / "mono-stems" / "index.html").read_text()


def test_templates_are_grouped_by_what_they_are_parts_of(skbss, recording, folder):
    options = ("--method", "multilayer-nmf", "--components", 6, "--max-iter", 50)
    assert skbss("separate", recording, *options).exit_code == 0
    told = json.loads((folder / "song-stems" / "separation.json").read_text())
    assert told["settings"]["Grouping"] == "parents"
    assert len(stems_of(folder / "song-stems")) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("esad", "--sources", 3), "--sources must not exceed the 2 channels of the recording"),
        (("esad", "--grouping", "mfcc"), "--grouping does not go with --method esad"),
        (
            ("nmf", "--grouping", "parents"),
            "does not go with --method nmf, whose templates are parts of nothing; those that take "
            "it: multilayer-nmf",
        ),
        (("esad", "--components", 3), "--components does not go with --method esad"),
        (("nmf", "--smoothness", 1), "does not go with --method nmf; those that take it: str"),
        (
            ("harmonic-nmf", "--components", 9),
            "--components does not go with --method harmonic-nmf",
        ),
        (("structured-nmf", "--sparsity", 1), "those that take it: sparse-nmf, conv-nmf."),
        (("structured-nmf", "--volume", -1), "--volume must be 0 or a positive number, got -1.0"),
        (("conv-nmf", "--sparsity", "inf"), "--sparsity must be 0 or a positive number, got inf"),
        (("harmonic-nmf", "--pitches", "A4"), "as in 21-108; got 'A4'"),
        # Digits of another script.
        (("harmonic-nmf", "--pitches", "\u0666\u0660-70"), "as in 21-108; got"),
        (("harmonic-nmf", "--pitches", "70-60"), "as in 21-108; got '70-60'"),
        (("harmonic-nmf", "--pitches", "60-108"), "reaches up to 4186 Hz, which must be below"),
        (
            ("harmonic-nmf", "--pitches", "60-61", "--sources", 3),
            "--sources must not exceed the number of --pitches and --free-components (2)",
        ),
        (("exemplar-nmf",), "would need a recording of every source by itself"),
    ],
)
def test_options_that_do_not_go_with_a_method(skbss, recording, folder, options, message):
    assert_refused(skbss("separate", recording, "--method", *options, quick=False), message)
    assert entries(folder) == ["song.wav"]


def test_one_microphone_is_not_enough(skbss, folder, stereo):
    soundfile.write(folder / "mono.wav", stereo[0], RATE, subtype="FLOAT")
    result = skbss("separate", "mono.wav", "--method", "esad", quick=False)
    assert_refused(result, "--method esad needs a recording of several channels")


@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3"])
def test_other_formats_in_mono(skbss, folder, stereo, extension):
    soundfile.write(folder / f"song.{extension}", stereo[0], RATE)
    assert skbss("separate", f"song.{extension}").exit_code == 0
    assert [stem.shape for stem in stems_of(folder / "song-stems")] == [(RATE, 1)] * 2


@pytest.mark.parametrize(
    ("shape", "rate"), [((1,), 8000), ((100,), 44_100), ((5000, 5), 16_000), ((3001,), 96_000)]
)
def test_any_length_rate_and_number_of_channels(skbss, folder, shape, rate):
    sound = np.random.default_rng(0).uniform(-1, 1, shape)
    soundfile.write(folder / "x.wav", sound, rate, subtype="FLOAT")
    result = skbss("separate", "--components", 4, "--max-iter", 5, "x.wav", quick=False)
    assert result.exit_code == 0, result.stderr
    stems = stems_of(folder / "x-stems")
    total = np.sum(stems, axis=0, dtype=np.float64).reshape(shape)
    np.testing.assert_allclose(total, sound.astype(np.float32), atol=1e-7)


def test_a_seed_decides_the_result(skbss, recording, folder):
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        skbss("separate", recording, "--seed", seed, "--out", name, "--no-html")
    a, b, c = (stems_of(folder / name)[0] for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_without_page(skbss, recording, folder):
    result = skbss("separate", recording, "--no-html", "--out", "stems")
    assert result.stdout == "song.wav: 2 sources in stems\n"
    assert "index.html" not in entries(folder / "stems")


def test_several_files_have_a_folder_each(skbss, recording, folder):
    (folder / "b").mkdir()
    shutil.copy(recording, folder / "b" / "song.wav")
    result = skbss("separate", "song.wav", "b/song.wav", "--out", "all", "--no-html")
    assert result.exit_code == 0
    assert entries(folder / "all") == ["corpus.jsonl", "song", "song-2"]


def test_nothing_is_separated_where_a_file_is_missing(skbss, recording, folder):
    assert_refused(skbss("separate", "song.wav", "missing.wav", "--out", "all"), "does not exist")
    assert entries(folder) == ["song.wav"]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("text.wav", b"Dear diary, " * 50, (), "cannot be read as a sound file"),
        ("empty.wav", b"", (), "is empty"),
        ("silence.wav", 8000, (), "is silent: every sample is zero"),
        ("slow.wav", 1000, ("--n-fft", 2048), "--n-fft must be at most 2000, 2 seconds of"),
        ("slow.wav", 1000, ("--hop-length", 100), "--hop-length must be at most half of --n-fft"),
    ],
)
def test_what_is_wrong_with_a_file_does_not_stop_the_others(
    skbss, recording, folder, name, content, options, message
):
    if isinstance(content, int):
        soundfile.write(folder / name, np.full(100, content != RATE, float), content)
    else:
        (folder / name).write_bytes(content)
    options = (*options, "--max-iter", 3, "--no-html", "--out", "all")
    result = skbss("separate", name, "song.wav", *options, quick=False)
    assert result.exit_code == 2
    [told] = result.stderr.splitlines()
    assert message in told
    assert entries(folder / "all") == ["corpus.jsonl", "song"]


def test_all_folders_are_checked_before_the_first_is_filled(skbss, recording, folder):
    shutil.copy(recording, folder / "b.wav")
    (folder / "b-stems").mkdir()
    (folder / "b-stems" / "thesis.tex").write_text("mine")
    assert_refused(skbss("separate", "song.wav", "b.wav"), "which skbss did not write")
    assert entries(folder) == ["b-stems", "b.wav", "song.wav"]


def test_every_reason_is_told_once(skbss, recording, folder):
    result = skbss("separate", "x.wav", "song.wav", "y.wav", "song.wav", "--out", "song.wav")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "skbss: 'x.wav' does not exist.",
        "skbss: 'song.wav' is a file; choose another --out.",
        "skbss: 'y.wav' does not exist.",
    ]


@pytest.mark.parametrize("name", ["memo.m4a", "my film.MP4", "-x.aac"])
def test_what_ffmpeg_can_convert(skbss, folder, name):
    (folder / name).write_bytes(b"\0\0\0 ftypM4A " + bytes(100))
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.tex").write_text("mine")
    before = entries(folder)
    result = skbss("separate", "--out", "taken", "--", name)
    command = {
        "memo.m4a": "ffmpeg -i memo.m4a memo.wav",
        "my film.MP4": "ffmpeg -i 'my film.MP4' 'my film.wav'",
        "-x.aac": "ffmpeg -i ./-x.aac ./-x.wav",
    }[name]
    assert_refused(result, f"convert it first: {command}")
    assert result.stderr.endswith(f"{command}\n")
    assert entries(folder) == before


def test_the_command_on_the_page_makes_the_same_stems(skbss, recording, folder):
    skbss("separate", recording, "--seed", 3, "--window", "hamming", "--out", "a")
    told = json.loads((folder / "a" / "separation.json").read_text())
    shown = told["command"].split()
    assert shown[:2] == ["skbss", "separate"]
    assert str(folder) not in (folder / "a" / "index.html").read_text()
    again = [word if word != "a" else "again" for word in shown[1:]]
    assert skbss(*again, quick=False).exit_code == 0
    for first, second in zip(stems_of(folder / "a"), stems_of(folder / "again"), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow these names")
@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)<\u2215script>.wav",
        "[bold red]x[blink].wav",
        '"quoted" & it\'s.wav',
        "two\nlines\x1b[31m.wav",
        "\u202egpj.wav",
        "-rf.wav",
        "...wav",
        "第九 🎹.wav",
        b"\xff\xfe.wav",
    ],
)
def test_hostile_names(skbss, folder, stereo, name):
    name = os.fsdecode(name)
    with (folder / name).open("wb") as file:
        soundfile.write(file, stereo[:1].T, RATE, format="WAV")
    before = entries(folder)
    result = skbss("separate", "--", name)
    assert result.exit_code == 0, result.stderr
    (out,) = set(entries(folder)) - set(before)
    assert out.endswith("-stems")
    assert out.isprintable()
    assert not out.startswith(("-", "."))
    assert "\x1b" not in result.stdout
    assert result.stdout.count("\n") == 1
    page = (folder / out / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "\x1b" not in page


def test_hostile_tags(skbss, folder, stereo):
    with soundfile.SoundFile(folder / "x.flac", "w", RATE, 2) as file:
        file.title = "</title><script>alert(1)</script>"
        file.write(stereo.T)
    assert skbss("separate", "x.flac").exit_code == 0
    page = (folder / "x-stems" / "index.html").read_text(encoding="utf-8")
    assert "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sources", 0), "--sources must be at least 1, got 0"),
        (("--sources", -3), "--sources must be at least 1, got -3"),
        (("--components", 0), "--components must be at least 1, got 0"),
        (("--sources", 5), "--sources must not exceed --components (4)"),
        (
            ("--method", "magic"),
            f"--method must be one of {', '.join(METHODS)}, got 'magic'",
        ),
        (
            ("--grouping", "luck"),
            "--grouping must be one of auto, timbre, mfcc, activations, sections, parents, got "
            "'luck'",
        ),
        (("--window", "broken"), "--window must be a window that scipy.signal.get_window knows"),
        (("--window", "kaiser"), "--window must be a window that scipy.signal.get_window knows"),
        (("--n-fft", 8), "--n-fft must be at least 16, got 8"),
        (("--hop-length", 0), "--hop-length must be at least 1, got 0"),
        (("--hop-length", 200), "--hop-length must be at most half of --n-fft (256)"),
        (("--max-iter", 0), "--max-iter must be at least 1, got 0"),
        (("--mask-exponent", 0), "--mask-exponent must be positive (inf is allowed), got 0.0"),
        (("--mask-exponent", "nan"), "--mask-exponent must be positive"),
        (("--seed", -1), "--seed must be from 0 to 4294967295, got -1"),
        (("--device", "abacus"), "--device must be one of auto, cpu, gpu, got 'abacus'"),
    ],
)
def test_impossible_options(skbss, recording, folder, options, message):
    assert_refused(skbss("separate", recording, *options), message)
    assert entries(folder) == ["song.wav"]


def test_a_gpu_that_is_not_there(skbss, recording, folder):
    import jax

    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("this machine has a GPU")
    assert_refused(skbss("separate", recording, "--device", "gpu"), "JAX sees no GPU")
    assert entries(folder) == ["song.wav"]


def test_on_the_cpu(skbss, recording):
    assert skbss("separate", recording, "--device", "cpu", "--no-html").exit_code == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.wav", None, "does not exist"),
        ("empty.wav", b"", "is empty"),
        ("text.wav", b"Dear diary, " * 50, "cannot be read as a sound file"),
        (".", None, "holds no recordings"),
    ],
)
def test_files_that_are_no_sound(skbss, folder, name, content, message):
    if content is not None:
        (folder / name).write_bytes(content)
    before = entries(folder)
    assert_refused(skbss("separate", name), message)
    assert entries(folder) == before


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(100), "is silent"),
        (np.zeros((0, 1)), "holds no samples"),
        (np.array([0.5, np.nan, 0.5]), "NaN or infinite"),
    ],
)
def test_sound_that_can_not_be_separated(skbss, folder, samples, message):
    soundfile.write(folder / "x.wav", samples, RATE, subtype="FLOAT")
    assert_refused(skbss("separate", "x.wav"), message)
    assert entries(folder) == ["x.wav"]


def test_an_earlier_result_is_kept_unless_told_otherwise(skbss, recording, folder):
    assert skbss("separate", recording, "--out", "o", "--no-html").exit_code == 0
    before = {path.name: path.read_bytes() for path in (folder / "o").iterdir()}
    again = ("separate", recording, "--out", "o", "--sources", 1, "--no-html")
    assert_refused(skbss(*again), "--overwrite")
    assert {path.name: path.read_bytes() for path in (folder / "o").iterdir()} == before
    assert skbss(*again, "--overwrite").exit_code == 0
    assert entries(folder / "o") == ["mixture.wav", "separation.json", "source-1.wav"]


def test_the_recording_itself_is_safe(skbss, recording, folder):
    before = recording.read_bytes()
    assert_refused(
        skbss("separate", recording, "--out", ".", "--overwrite"),
        "holds 'song.wav', which skbss did not write",
    )
    assert recording.read_bytes() == before


def test_output_that_can_not_be_written(skbss, recording, folder):
    assert_refused(skbss("separate", recording, "--out", recording), "is a file")
    assert_refused(skbss("separate", recording, "--out", recording / "x"), "is a file")
    assert entries(folder) == ["song.wav"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user with limited rights"
)
def test_output_folder_without_rights(skbss, recording, folder):
    (folder / "locked").mkdir(mode=0o555)
    assert_refused(skbss("separate", recording, "--out", "locked/x"), "Permission denied")


def test_a_full_disk_leaves_nothing_behind(skbss, recording, folder, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skbss.cli._result.write_wav", fail)
    assert_refused(skbss("separate", recording), "No space left on device")
    assert entries(folder) == ["song.wav"]


def test_ctrl_c_leaves_nothing_behind(skbss, recording, folder, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("skbss.cli._result.write_wav", interrupt)
    result = skbss("separate", recording, "--out", "a/b")
    assert result.exit_code == 130
    assert result.stderr == "skbss: interrupted; nothing unfinished was left behind.\n"
    assert entries(folder) == ["song.wav"]


def test_a_fit_that_did_not_settle_is_told_on_the_page(skbss, recording, folder):
    assert skbss("separate", recording, "--max-iter", 1).exit_code == 0
    page = (folder / "song-stems" / "index.html").read_text(encoding="utf-8")
    assert "stopped at 1 iterations" in page
    assert json.loads((folder / "song-stems" / "separation.json").read_text())["converged"] is False


def test_a_recording_shorter_than_its_components_is_told(skbss, folder):
    soundfile.write(folder / "click.wav", np.linspace(-0.5, 0.5, 300), RATE)
    result = skbss("separate", "click.wav", "--components", "8")
    assert result.exit_code == 0
    assert "click.wav: The recording has fewer frames than components" in result.stderr
    assert "fewer frames than components" in (folder / "click-stems" / "index.html").read_text()


@pytest.mark.parametrize(
    ("length", "options", "note"),
    [
        (300, ("esad", "--n-fft", 256), "too short to learn how its channels are unmixed"),
        (600, ("esad", "--n-fft", 256), None),
        (RATE, ("harmonic-nmf", "--pitches", "21-60", "--n-fft", 256), "larger --n-fft, or --pit"),
        (RATE, ("harmonic-nmf", "--pitches", "24-60", "--n-fft", 256), None),
    ],
)
def test_frames_that_do_not_go_with_a_recording_are_told(
    skbss, folder, stereo, length, options, note
):
    soundfile.write(folder / "x.wav", stereo[:, :length].T, RATE, subtype="FLOAT")
    options = ("--method", *options, "--max-iter", 5)
    result = skbss("separate", "x.wav", *options, quick=False)
    assert result.exit_code == 0, result.stderr
    if note is None:
        assert result.stderr == ""
    else:
        assert note in result.stderr
        assert note in (folder / "x-stems" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("method", METHODS)
def test_the_guide_knows_every_method(method):
    guide = Path(__file__).parents[2] / "docs" / "guide" / "command_line.rst"
    table = guide.read_text(encoding="utf-8").split(".. list-table::")[1]
    assert f"``{method}``" in table


def test_the_command_knows_all_groupings():
    assert GROUPINGS == _grouping.GROUPINGS
