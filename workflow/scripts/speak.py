"""Let the network of a cell speak sentences of the test split; they are the same for every cell."""

from evotickets import devices, jobs, sealed, streams
from evotickets.systems.hybrid import SENTENCES, speaking
from evotickets.tasks import speech


def main(path, sentences, task, seed):
    network = sealed.read_arrays(path)
    spoken = [own for _, own in speech.tested(SENTENCES)]
    said = speaking.say(network, spoken, streams.stream(seed, "hybrid", task, "speech"))
    for file, codes in zip(sentences, said, strict=True):
        sealed.write_sound(file, speaking.sound(codes))


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(snakemake.input.network, snakemake.output.sentences, job.params["task"], job.params["seed"])
