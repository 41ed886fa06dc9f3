"""Text to speech by espeak-ng: its samples, and when it speaks which phoneme.

The library is that of the extra `speech`, whose version is pinned, or else that of the system.
"""

import ctypes
import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from evotickets.extras import MissingError

LIBRARIES = ("libespeak-ng.so.1", "libespeak-ng.1.dylib", "libespeak-ng.dylib", "libespeak-ng.dll")
MISSING = (
    "{what} needs espeak-ng, which is not installed: pip install 'evotickets[speech]', or install the package espeak-ng of "
    "the system"
)

SYNCHRONOUS, PHONEMES, NO_EXIT = 2, 0x0001, 0x8000
"""Of espeak_Initialize: hand samples to a callback, tell of phonemes, and return where there is an error."""
CHARACTERS, UTF8, PHONEME = 1, 1, 7
"""What a position in a text counts, how the text is written, and the event of a phoneme."""


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("pointer", ctypes.c_void_p), ("text", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("name", _Name),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Phoneme(NamedTuple):
    """A phoneme by its name in espeak-ng, and the sample at which it begins."""

    name: str
    start: int


class Spoken(NamedTuple):
    """A text that was spoken: samples int16 [n], and its phonemes in order."""

    samples: np.ndarray
    phonemes: tuple[Phoneme, ...]


class Speech(NamedTuple):
    """What was spoken, samples a second, and the version of espeak-ng, which decides how texts sound."""

    spoken: list[Spoken]
    rate: int
    version: str


def _found() -> tuple[Any, str | None]:
    """Return the library and the folder of its data, None for its own; no library where there is none."""
    if find_spec("espeakng_loader") is not None:
        import espeakng_loader

        return ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path()
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name), None
        except OSError:
            continue
    return None, None


def missing(what: str) -> str:
    """Say that something needs espeak-ng, and how to install it; nothing where it is there."""
    return "" if _found()[0] is not None else MISSING.format(what=what)


def speak(texts: Iterable[str], voice: str) -> Speech:
    """Let a voice speak some texts, in a process of its own.

    What the library spoke before changes how it sounds, and `espeak_Terminate`, after which it would begin anew, may wait for
    ever for a thread that it started.

    Raises:
        MissingError: if espeak-ng is not installed.
        FileNotFoundError: if its data are missing, or it has no such voice.
    """
    if sentence := missing("speech"):
        raise MissingError(sentence)
    command = [sys.executable, "-P", "-m", __name__]
    asked = json.dumps([list(texts), voice])
    # Of what is imported here nothing need be installed.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, input=asked, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise FileNotFoundError(done.stderr.strip().rpartition("\n")[2])
    told = json.loads(done.stdout)
    spoken = [
        Spoken(np.frombuffer(b64decode(samples), np.int16), tuple(Phoneme(*one) for one in phonemes))
        for samples, phonemes in told["spoken"]
    ]
    return Speech(spoken, told["rate"], told["version"])


def _spoken(texts: Iterable[str], voice: str) -> dict[str, Any]:
    """Let a voice speak some texts in this process, which has spoken none; samples are in base 64."""
    library, data = _found()
    library.espeak_Info.restype = ctypes.c_char_p
    library.espeak_Synth.argtypes = (
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
        *(ctypes.c_void_p, ctypes.c_void_p),
    )
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, None if data is None else data.encode(), PHONEMES | NO_EXIT)
    if rate <= 0:
        sys.exit("espeak-ng is installed without its data: install the package espeak-ng-data, too")
    pieces: list[bytes] = []
    phonemes: list[tuple[str, int]] = []

    @_CALLBACK
    def hear(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            pieces.append(ctypes.string_at(samples, 2 * count))
        index = 0
        while events[index].type:
            event = events[index]
            if event.type == PHONEME:
                phonemes.append((event.name.text.decode("utf-8", "replace"), event.sample))
            index += 1
        return 0

    library.espeak_SetSynthCallback(hear)
    if library.espeak_SetVoiceByName(voice.encode()):
        sys.exit(f"espeak-ng has no voice {voice}: install the package espeak-ng-data, too")
    spoken = []
    for text in texts:
        pieces.clear()
        phonemes.clear()
        library.espeak_Synth(text.encode(), len(text.encode()) + 1, 0, CHARACTERS, 0, UTF8, None, None)
        spoken.append((b64encode(b"".join(pieces)).decode(), list(phonemes)))
    return {"spoken": spoken, "rate": rate, "version": library.espeak_Info(None).decode()}


if __name__ == "__main__":
    print(json.dumps(_spoken(*json.load(sys.stdin))), flush=True)
    # The threads of the library are not waited for.
    os._exit(0)
