"""Networks that speak: sentences of the test split in their words, drawn sample by sample, and as files of sound."""

import io
import wave
from collections.abc import Mapping, Sequence
from functools import partial

import jax
import numpy as np

from evotickets.networks import sequences
from evotickets.tasks import mu_law, utterances
from evotickets.tasks.utterances import RATE, Utterance


def say(params: Mapping[str, np.ndarray], sentences: Sequence[Utterance], key: jax.Array) -> list[np.ndarray]:
    """Let a network speak sentences, all at once, with the phonemes, positions and pitches that they were spoken with.

    Returns the codes of each. Sentences are drawn from silence on; what was really spoken is not read.
    """
    lengths = [len(one.codes) for one in sentences]
    told = np.zeros((len(sentences), max(lengths), 4), np.float32)
    for row, one in zip(told, sentences, strict=True):
        row[: len(one.codes)] = utterances.told(one)
    codes = jax.jit(partial(sequences.generate, level=utterances.level))(dict(params), told, key)
    return [np.asarray(own[:length]) for own, length in zip(codes, lengths, strict=True)]


def sound(codes: np.ndarray) -> bytes:
    """Return codes as a WAV file of 16 bits, which every browser plays."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(np.round(mu_law.decode(codes) * (2**15 - 1)).astype("<i2").tobytes())
    return file.getvalue()


def heard(content: bytes) -> np.ndarray:
    """Return the samples in [−1, 1] of a WAV file that `sound` made."""
    with wave.open(io.BytesIO(content)) as read:
        return np.frombuffer(read.readframes(read.getnframes()), "<i2") / (2**15 - 1)
