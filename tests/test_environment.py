"""An environment is made by one process, and anew where another was interrupted."""

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LATER = 2**32
"""Seconds: after everything that a test makes."""
FILE = ROOT / "workflow/environment.py"
SPEC = importlib.util.spec_from_file_location("environment", FILE)
environment = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(environment)


def create(home):
    """Make something like an environment in no time: its interpreter is this one."""
    (home / "bin").mkdir()
    (home / "bin/python").symlink_to(sys.executable)


@pytest.fixture
def place(tmp_path):
    """A folder for an environment, the file that lists what is installed, and what was installed so far."""
    needs = tmp_path / "constraints.txt"
    needs.write_text("x==1\n")
    os.utime(needs, (1, 1))
    installed = []

    def make(install=lambda _: True):
        environment.make(
            tmp_path / ".venv", [needs], lambda python: installed.append(python) or install(python), create
        )

    return tmp_path / ".venv", needs, installed, make


def test_an_environment_is_made_once_and_again_when_its_list_changes(place):
    home, needs, installed, make = place
    make()
    make()
    assert installed == [home / "bin/python"]
    assert (home / "installed").is_file()
    assert not (home / "unfinished").exists()
    os.utime(needs, (LATER, LATER))
    make()
    assert len(installed) == 2


def test_an_interrupted_installation_is_made_anew(place):
    home, _, installed, make = place

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(interrupted)
    (home / "half a package").touch()
    make()
    assert len(installed) == 2
    assert not (home / "half a package").exists()
    assert (home / "installed").is_file()


@pytest.mark.parametrize("interrupted_in", ["mkdir", "create"])
def test_an_environment_that_was_interrupted_before_pip_is_made_anew(interrupted_in, place):
    home, _, _, make = place
    home.mkdir()
    (home / "unfinished").touch()
    if interrupted_in == "create":
        (home / "bin").mkdir()
    make()
    assert (home / "installed").is_file()
    assert (home / "bin/python").exists()


def test_what_pip_refuses_leaves_what_was_there(place):
    home, needs, _, make = place
    make()
    (home / "mine").touch()
    os.utime(needs, (LATER, LATER))
    with pytest.raises(SystemExit, match=r"Not all could be installed into \.venv: pip says why above"):
        make(lambda _: False)
    assert not (home / "installed").exists()
    make()
    assert (home / "mine").exists()


def test_an_environment_of_somebody_else_is_filled_and_not_deleted(place):
    home, _, installed, make = place
    home.mkdir()
    create(home)
    (home / "mine").touch()
    make()
    assert installed
    assert (home / "mine").exists()


def test_an_environment_without_its_python_is_left_alone(place):
    home, _, installed, make = place
    home.mkdir()
    (home / "mine").touch()
    with pytest.raises(SystemExit, match="has no Python that runs: load the one it was made with, or delete"):
        make()
    assert not installed
    assert (home / "mine").exists()


def test_a_link_to_a_half_made_environment_is_named(place, tmp_path):
    home, _, _, make = place
    (tmp_path / "other").mkdir()
    (tmp_path / "other/unfinished").touch()
    home.symlink_to(tmp_path / "other")
    with pytest.raises(SystemExit, match=r"leads to .*other, which is half made: delete that folder"):
        make()
    assert (tmp_path / "other/unfinished").exists()


@pytest.mark.parametrize("torn", ["x-1.0.dist-info", "~umpy"])
def test_packages_without_a_name_and_the_rests_of_old_ones_tell_of_two_pips(torn, tmp_path):
    home = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", home], check=True)
    site = next(home.glob("lib/python*/site-packages"))
    assert not environment.half_made(home)
    (site / torn).mkdir()
    assert environment.half_made(home)


def test_two_at_once_install_once(tmp_path):
    program = textwrap.dedent(f"""
        import importlib.util, os, sys, time
        from pathlib import Path
        spec = importlib.util.spec_from_file_location("environment", {str(FILE)!r})
        environment = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(environment)

        def create(home):
            (home / "bin").mkdir()
            (home / "bin/python").symlink_to(sys.executable)

        def install(_):
            with open("installed", "a") as file:
                file.write("x")
            time.sleep(1)
            return True

        Path("needs").touch()
        os.utime("needs", (1, 1))
        environment.make(Path(".venv").absolute(), [Path("needs")], install, create)
    """)
    both = [
        subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in "ab"
    ]
    said = "".join(process.communicate(timeout=60)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert (tmp_path / "installed").read_text() == "x"
    assert "Another process makes .venv: waiting for it" in said
