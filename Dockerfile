# The pinned environment and the workflow in one image.
#
#   docker build -t evotickets .
#   docker run --rm -v "$PWD/results:/evotickets/results" evotickets run config/config.yaml
# Speech (config/speech.yaml) needs espeak-ng besides: the extra speech, or the package espeak-ng of Debian.
FROM python:3.11.14-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1

WORKDIR /evotickets
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY src src
COPY workflow workflow
RUN pip install --extra-index-url "$TORCH_INDEX" --constraint constraints.txt '.[workflow,torch,slurm]'
COPY config config

ENTRYPOINT ["evotickets"]
CMD ["--help"]
