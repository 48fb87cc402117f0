"""Two voices at once, other sentences of both to train on, and a room to put them in."""

import numpy as np
import pyroomacoustics
from scipy.signal import fftconvolve
from stems import PEAK, aligned, balanced, faded, limited
from voices import VOICE_RATE, speak

SAMPLE_RATE = VOICE_RATE
VOICES = {"female": "slt", "male": "rms"}
SABINE_TIME = 0.225  # seconds: Sabine's formula promises more than the room then has, 0.2

TEXTS = {
    "piece": {
        "female": "We took the early train to the coast and had breakfast on the beach. "
        "The water was still cold, but nobody minded.",
        "male": "My neighbor grows tomatoes on his roof, and every summer he gives half of them "
        "away to the people on our street.",
    },
    "train": {
        "female": "The museum opens at nine, so we should leave the house before eight. "
        "Please bring a warm jacket, because the old castle has no heating. "
        "Afterwards we could share a large pizza and watch the ships go by. "
        "Yesterday I found a photograph of the garden behind the school.",
        "male": "The first snow fell during the night and covered every path in the valley. "
        "A fox had crossed the yard, and its prints led straight to the barn. "
        "Which of these keys do you think belongs to the garage? "
        "They usually choose the quiet table near the window.",
    },
}

_SILENCE = {"begin": 0.1, "end": 0.3}  # the end is longer than the response of the room

_ROOM = (5.2, 4.1, 2.7)  # meters
_MICROPHONES = ((2.575, 1.6, 1.4), (2.625, 1.6, 1.4))
_CENTER = (2.6, 1.6, 1.4)
_DISTANCE = 1.2  # of both speakers from the center of the microphones
_AZIMUTHS = {"female": 35.0, "male": -50.0}  # degrees to the right of straight ahead
_RESPONSE_SECONDS = 0.25


def render(part):
    """Dry stems of the clip to separate ("piece") or to train on ("train"), by speaker."""
    begin, end = (round(_SILENCE[side] * SAMPLE_RATE) for side in ("begin", "end"))
    speech = []
    for name, voice in VOICES.items():
        waveform = speak(TEXTS[part][name], voice=voice)
        speech.append(np.pad(faded(waveform, SAMPLE_RATE, end=0.02), (begin, end)))
    stems = aligned(speech, max(map(len, speech)))
    return dict(zip(VOICES, limited(balanced(stems, (0.0, 0.0))), strict=True))


def room_impulse_responses(pieces):
    """Responses from both speakers to both microphones.

    Parameters
    ----------
    pieces : list of ndarray of shape (n_sources, length)
        What will be played in the room, to set the level: none exceeds the peak of the stems.

    Returns
    -------
    responses : ndarray of shape (n_sources, n_channels, taps)
    """
    absorption, order = pyroomacoustics.inverse_sabine(SABINE_TIME, _ROOM)
    room = pyroomacoustics.ShoeBox(
        _ROOM,
        fs=SAMPLE_RATE,
        materials=pyroomacoustics.Material(absorption),
        max_order=order,
        use_rand_ism=False,
    )
    for azimuth in _AZIMUTHS.values():
        angle = np.deg2rad(azimuth)
        direction = np.array([np.sin(angle), np.cos(angle), 0.0])
        room.add_source(_CENTER + _DISTANCE * direction)
    room.add_microphone_array(np.transpose(_MICROPHONES))
    room.compute_rir()
    # The fractional delays are centered on half their length: without it, delays are true.
    centered = pyroomacoustics.constants.get("frac_delay_length") // 2
    length = round(_RESPONSE_SECONDS * SAMPLE_RATE)
    responses = np.stack(
        [
            aligned([room.rir[microphone][source][centered:] for microphone in range(2)], length)
            for source in range(2)
        ]
    )
    responses = faded(responses, SAMPLE_RATE, begin=0.0, end=0.05)
    images = [fftconvolve(stems[:, None], responses, axes=-1) for stems in pieces]
    return responses * (PEAK / max(np.abs(image.sum(axis=0)).max() for image in images))
