"""How the process of Snakemake is begun."""

import os
import signal
import sys

from evotickets.commands import processes


def test_the_head_ignores_ctrl_c_from_its_start_and_nothing_is_forked_for_that(tmp_path, monkeypatch):
    """A fork of a process in which JAX has threads can end in a deadlock, which Python and JAX warn of."""
    forks = []
    os.register_at_fork(before=lambda: forks.append(1))
    python, said = tmp_path / "python", tmp_path / "said"
    ask = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{ask}" > "{said}"\n')
    python.chmod(0o755)
    monkeypatch.setattr(processes, "_python", lambda: str(python))
    before = signal.getsignal(signal.SIGINT)
    assert processes.snakemake() == 0
    assert said.read_text() == "True\n"
    assert forks == []
    assert signal.getsignal(signal.SIGINT) is before
