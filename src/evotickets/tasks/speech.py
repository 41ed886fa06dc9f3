"""Speech of espeak-ng, sample by sample: sentences of ours that it speaks once, which are kept sealed in the folder of data.

Every tenth sentence validates, and every tenth tests.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from evotickets import sealed
from evotickets.tasks import espeak, mu_law, utterances
from evotickets.tasks.files import Made, data_folder
from evotickets.tasks.registry import Images, task
from evotickets.tasks.utterances import PHONEMES, Utterance

VOICE = "en-us"
LABELS, WARM_UP = 256, 64
"""Samples that a window is to tell, and those before it from which a state warms up."""
VALIDATION, TEST = 8, 9
"""Which of ten sentences validate and test."""
FORMAT = 1
"""To be raised when utterances are made otherwise."""


@cache
def sentences() -> tuple[str, ...]:
    """Return what is spoken."""
    text = Path(__file__).with_name("sentences.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)


def kept() -> Path:
    """Return the file of the data folder that keeps the speech; other sentences have another."""
    digest = hashlib.sha256("\n".join([str(FORMAT), VOICE, *PHONEMES, *sentences()]).encode()).hexdigest()
    return data_folder() / "speech" / f"{digest[:16]}.safetensors"


def make() -> list[Path]:
    """Return the path of the speech, spoken first where it is missing, and read it.

    Raises:
        MissingError: if espeak-ng is not installed.
        FileNotFoundError: if it lacks its data.
        ResultError: if the file is damaged or cannot be written.
    """
    path = kept()
    if not path.exists():
        speech = espeak.speak(sentences(), VOICE)
        spoken = [utterances.utterance(one, speech.rate) for one in speech.spoken]
        tensors = {name: np.concatenate([getattr(one, name) for one in spoken]) for name in Utterance._fields}
        tensors["lengths"] = np.array([len(one.codes) for one in spoken])
        sealed.write_arrays(path, tensors, first=True, about={"espeak-ng": speech.version, "voice": VOICE})
    sealed.read_tensors(path)
    return [path]


def missing() -> str:
    """Say what is missing to have the speech, and how to install it; nothing where it is there, or can be made."""
    return "" if kept().exists() else espeak.missing("the task speech")


def about() -> dict[str, str]:
    """Return the version of espeak-ng that spoke, the voice, and the digest of all that was kept."""
    (path,) = make()
    return sealed.about(path.read_bytes())


def spoken() -> list[Utterance]:
    """Return all sentences; raises as `make`."""
    (path,) = make()
    tensors = sealed.read_arrays(path)
    ends = np.cumsum(tensors["lengths"])[:-1]
    return [
        Utterance(*parts) for parts in zip(*(np.split(tensors[name], ends) for name in Utterance._fields), strict=True)
    ]


def tested(count: int) -> list[tuple[str, Utterance]]:
    """Return the first sentences of the test split, each in words and as it was spoken."""
    pairs = list(zip(sentences(), spoken(), strict=True))
    return pairs[TEST::10][:count]


@task(
    kind="sequence",
    input_shape=(WARM_UP + LABELS, 4),
    classes=mu_law.CODES,
    labels=LABELS,
    codes=len(PHONEMES),
    standardise="none",
    files=Made(make, missing, about),
)
def speech() -> Images:
    """Hundred sentences in windows of 256 samples, 8 kHz and 8-bit μ-law, by the sample before, phoneme, position and pitch.

    Source: Kalchbrenner et al. (2018), "Efficient neural audio synthesis"; text to speech as in Lenc et al. (2019).
    Deviates: a formant synthesizer speaks in place of a person, at 8 kHz and 8 bits in place of 24 kHz and 16.
    """
    every = spoken()

    def of(*places: int) -> tuple[np.ndarray, np.ndarray]:
        cut = [utterances.windows(one, LABELS, WARM_UP) for index, one in enumerate(every) if index % 10 in places]
        return np.concatenate([x for x, _ in cut]), np.concatenate([y for _, y in cut])

    return Images(of(*range(VALIDATION)), of(VALIDATION), of(TEST))
