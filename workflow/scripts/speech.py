"""Put what all networks of a task say, and what was really spoken, on one page, and draw spectrograms."""

from evotickets import jobs, results, sealed
from evotickets.systems.hybrid import SENTENCES, speaking, speech_figures
from evotickets.systems.hybrid.tables import HYBRID
from evotickets.tasks import speech


def main(inputs, output, task, cells):
    words, spoken = zip(*speech.tested(SENTENCES), strict=True)
    original = [speaking.sound(one.codes) for one in spoken]
    sounds = list(map(sealed.read_sound, inputs.sentences))
    said = [sounds[start : start + len(words)] for start in range(0, len(sounds), len(words))]
    frame = results.read_table(inputs.table, schema=HYBRID)
    frame = frame[frame["task"] == task]
    version = speech.about()["espeak-ng"]
    speech_figures.speech(frame, list(words), original, cells, said, version, output.page)
    first = [speaking.heard(own[0]) for own in (original, *said)]
    speech_figures.spectrograms(first, [None, *cells], words[0], output.spectrograms)


with jobs.job(snakemake) as job:
    main(snakemake.input, snakemake.output, snakemake.wildcards.task, job.params["cells"])
