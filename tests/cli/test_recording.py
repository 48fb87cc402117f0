"""What can be read is read as it is; what cannot is told in one line."""

import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from skbss.cli._errors import CommandError
from skbss.cli._recording import probe_recording, read_recording, write_wav

RATE = 8000


@pytest.fixture(scope="module")
def sound():
    rng = np.random.default_rng(0)
    return rng.uniform(-0.5, 0.5, (2, 2 * RATE)).astype(np.float32)


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3", "aiff"])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_formats(tmp_path, sound, extension, n_channels):
    path = tmp_path / f"sound.{extension}"
    soundfile.write(path, sound[:n_channels].T, RATE)
    assert probe_recording(path) == (RATE, n_channels)
    recording = read_recording(path)
    assert recording.sample_rate == RATE
    assert recording.waveform.shape == (n_channels, sound.shape[1])
    assert recording.waveform.dtype == np.float32
    if extension in ("wav", "flac", "aiff"):
        np.testing.assert_allclose(recording.waveform, sound[:n_channels], atol=2**-15)


@pytest.mark.parametrize("length", [1, 100, 300_000])
def test_lengths(tmp_path, length):
    path = tmp_path / "sound.wav"
    wave = np.linspace(0.1, 0.9, length, dtype=np.float32)[np.newaxis]
    write_wav(path, wave, 44_100)
    np.testing.assert_array_equal(read_recording(path).waveform, wave)


def test_stems_are_written_as_32_bit_floats(tmp_path, sound):
    write_wav(tmp_path / "s.wav", 3 * sound, 22_050)
    info = soundfile.info(tmp_path / "s.wav")
    assert (info.subtype, info.samplerate, info.channels) == ("FLOAT", 22_050, 2)
    np.testing.assert_array_equal(read_recording(tmp_path / "s.wav").waveform, 3 * sound)


def test_six_channels(tmp_path):
    soundfile.write(tmp_path / "s.wav", np.full((400, 6), 0.5), RATE)
    assert read_recording(tmp_path / "s.wav").waveform.shape == (6, 400)


def test_title_and_artist_are_found(tmp_path, sound):
    with soundfile.SoundFile(tmp_path / "s.flac", "w", RATE, 2) as file:
        file.title, file.artist = "<b>Song</b>", "A & B"
        file.write(sound.T)
    assert read_recording(tmp_path / "s.flac").tag == "<b>Song</b> · A & B"


def test_missing(tmp_path):
    for read in (probe_recording, read_recording):
        with pytest.raises(CommandError, match=r"x\.wav' does not exist"):
            read(tmp_path / "x.wav")


def test_folder(tmp_path):
    with pytest.raises(CommandError, match="is a folder"):
        read_recording(tmp_path)


def test_empty_file(tmp_path):
    (tmp_path / "x.wav").touch()
    with pytest.raises(CommandError, match="is empty"):
        read_recording(tmp_path / "x.wav")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "x.wav")
    with pytest.raises(CommandError, match="not a regular file"):
        read_recording(tmp_path / "x.wav")


@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.raw", "x.ogg", "x"])
def test_text_is_no_sound(tmp_path, name):
    (tmp_path / name).write_text("Dear diary, " * 100)
    with pytest.raises(CommandError, match=r"cannot be read as a sound file|holds no samples"):
        read_recording(tmp_path / name)


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3"])
def test_cut_short(tmp_path, sound, extension):
    path = tmp_path / f"x.{extension}"
    soundfile.write(path, sound.T, RATE)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CommandError, match=r"is damaged: it ends after \d+ %|cannot be read"):
        read_recording(path)


def test_decoders_write_nothing(tmp_path, sound, capfd):
    path = tmp_path / "x.mp3"
    soundfile.write(path, sound.T, RATE)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CommandError):
        read_recording(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("options", [("-write_xing", "0"), ("-q:a", "4")])
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_other_encoders_are_not_mistaken_for_damage(tmp_path, sound, options):
    soundfile.write(tmp_path / "x.wav", sound.T, RATE)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", tmp_path / "x.wav", *options, tmp_path / "x.mp3"],
        check=True,
    )
    length = read_recording(tmp_path / "x.mp3").waveform.shape[1]
    assert sound.shape[1] <= length <= sound.shape[1] + 3000


def test_a_header_written_before_the_length_was_known_is_no_damage(tmp_path, sound):
    path = tmp_path / "x.wav"
    soundfile.write(path, sound.T, RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(content))
    assert read_recording(path).waveform.shape == sound.shape


def test_no_samples(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros((0, 1)), RATE)
    for read in (probe_recording, read_recording):
        with pytest.raises(CommandError, match="holds no samples"):
            read(tmp_path / "x.wav")


def test_silence(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(500), RATE)
    with pytest.raises(CommandError, match="is silent"):
        read_recording(tmp_path / "x.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(tmp_path, sound, value):
    broken = sound.copy()
    broken[1, RATE] = value
    write_wav(tmp_path / "x.wav", broken, RATE)
    with pytest.raises(CommandError, match=r"NaN or infinite at 1\.000 s"):
        read_recording(tmp_path / "x.wav")
