"""What a network is told of speech, sample by sample: which phoneme, how much of it is over, and its pitch.

Axes: `T` samples of a sentence, `n` windows.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from evotickets.tasks import mu_law
from evotickets.tasks.espeak import Phoneme, Spoken

RATE = 8000
"""Samples a second."""
PAUSE = "_"
PHONEMES = (
    PAUSE, "0", "3", "3:", ";", "@", "@2", "@L", "A:", "A@", "D", "E", "I", "I#", "I2", "N", "O", "O2", "O:", "O@", "OI", "S",
    "T", "U", "V", "Z", "a", "a#", "aI", "aI3", "aU", "aa", "b", "d", "dZ", "e@", "eI", "f", "g", "h", "i", "i:", "i@", "i@3",
    "j", "k", "l", "m", "n", "o@", "oU", "p", "r", "s", "t", "t#", "tS", "u:", "v", "w", "z",
)  # fmt: skip
"""Names of espeak-ng's English phonemes; what is none of them counts as a pause.

With three numbers a network reads 64 entries, which blocks of 16 and 4 rows divide.
"""
STRESS = "',=%|"
ALLOPHONE = "#2-"
"""What names begin and end with, and can do without."""

LEVELS = 4.0
"""The largest level that a network reads."""

HOP, FRAME = 80, 320
"""Samples from one estimate of the pitch to the next, and those behind each: 10 and 40 ms."""
LOWEST, HIGHEST = 60, 400
"""Pitches (Hz) that are looked for."""
VOICED, NEARLY = 0.5, 0.9
"""Autocorrelation of a frame from which on it has a pitch; what share of the highest peak counts as much."""
QUIET = 1e-3
"""Root mean square of a frame that has none."""


class Utterance(NamedTuple):
    """A sentence: codes uint8 [T], phonemes uint8 [T], positions in them float32 [T] in [0, 1), pitches float32 [T].

    A pitch is told in units of 100 Hz; what has none has 0.
    """

    codes: np.ndarray
    phonemes: np.ndarray
    positions: np.ndarray
    pitches: np.ndarray


def number(name: str) -> int:
    """Return the place of a phoneme among `PHONEMES`, without stress; allophones that are not there count as their phoneme."""
    plain = name.lstrip(STRESS)
    known = next((own for own in (plain, plain.rstrip(ALLOPHONE)) if own in PHONEMES), PAUSE)
    return PHONEMES.index(known)


def align(phonemes: Sequence[Phoneme], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the phoneme uint8 [T] of every sample, and how much of it is over float32 [T]; before the first is a pause."""
    starts = [0, *(min(phoneme.start, length) for phoneme in phonemes), length]
    numbers = [0, *(number(phoneme.name) for phoneme in phonemes)]
    lengths = np.diff(starts)
    positions = [np.arange(own) / own for own in lengths if own]
    return np.repeat(np.array(numbers, np.uint8), lengths), np.concatenate(positions).astype(np.float32)


def pitch(samples: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Return the pitch in Hz, float32 [T], by autocorrelation of frames; 0 where a frame is quiet or has none.

    Of peaks that are nearly as high as the highest, the one of the shortest lag counts, as two periods correlate like one.
    """
    lags = np.arange(rate // HIGHEST - 1, rate // LOWEST + 2)
    frames = -(-len(samples) // HOP)
    padded = np.pad(samples, (FRAME // 2, FRAME // 2 + HOP + lags[-1]))
    found = np.zeros(frames, np.float32)
    for index in range(frames):
        whole = padded[index * HOP : index * HOP + FRAME + lags[-1]]
        first = whole[:FRAME]
        power = first @ first
        if power < FRAME * QUIET**2:
            continue
        later = np.lib.stride_tricks.sliding_window_view(whole, FRAME)[lags]
        likeness = later @ first / np.sqrt(power * (later**2).sum(1) + 1e-12)
        inner = likeness[1:-1]
        peaks = np.flatnonzero((inner >= likeness[:-2]) & (inner >= likeness[2:]) & (inner >= VOICED))
        if len(peaks):
            high = peaks[inner[peaks] >= NEARLY * inner[peaks].max()]
            found[index] = rate / lags[1 + high[0]]
    return np.repeat(found, HOP)[: len(samples)]


def utterance(spoken: Spoken, rate: int) -> Utterance:
    """Return what was spoken at 8 kHz in codes, without the silence behind its last phoneme."""
    # Importing it takes half a second, and speech is made once.
    from scipy.signal import resample_poly

    heard = [phoneme for phoneme in spoken.phonemes if number(phoneme.name)]
    behind = [phoneme.start for phoneme in spoken.phonemes if heard and phoneme.start > heard[-1].start]
    end = min([*behind, len(spoken.samples)])
    samples = resample_poly(spoken.samples[:end] / 2.0**15, RATE, rate)
    phonemes = [Phoneme(phoneme.name, round(phoneme.start * RATE / rate)) for phoneme in spoken.phonemes]
    numbers, positions = align(phonemes, len(samples))
    return Utterance(mu_law.encode(samples), numbers, positions, pitch(samples) / 100)


def level(codes: Any) -> Any:
    """Return codes as a network reads them, in [−4, 4]: of a spread as large as what else it reads."""
    return LEVELS * (2 * codes / (mu_law.CODES - 1) - 1)


def told(speech: Utterance) -> np.ndarray:
    """Return what a network reads to tell every sample, float32 [T, 4]: level of the one before, position, pitch, phoneme."""
    before = np.concatenate([[mu_law.SILENCE], speech.codes[:-1]])
    columns = (level(before.astype(np.float64)), speech.positions, speech.pitches, speech.phonemes)
    return np.stack([column.astype(np.float32) for column in columns], -1)


def windows(speech: Utterance, labels: int, warm_up: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a sentence into windows: inputs float32 [n, T, 4], and the codes uint8 of the last `labels` samples of each.

    The `warm_up` samples before are read, too; in front of a sentence there is silence. What no window fills is left out.
    """
    count = len(speech.codes) // labels
    silence = np.zeros((warm_up, 4), np.float32)
    silence[:, 0] = level(mu_law.SILENCE)
    whole = np.concatenate([silence, told(speech)])
    x = np.stack([whole[index * labels : (index + 1) * labels + warm_up] for index in range(count)])
    return x, speech.codes[: count * labels].reshape(count, labels)
