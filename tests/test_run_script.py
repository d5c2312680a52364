"""`./run`: what it says on a machine that lacks something, and that what it set up here is what was asked for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edge import wes

ROOT = Path(__file__).parent.parent
SH = shutil.which("sh") or "/bin/sh"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what the script needs, where it may do what it likes."""
    place = tmp_path / "house"
    (place / "edge" / "wes").mkdir(parents=True)
    for name in ("run", "pyproject.toml"):
        shutil.copy(ROOT / name, place / name)
    return place


def run(house: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """./run there, with an empty HOME and without what the caller's environment would let through."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(house)} | environment
    return subprocess.run([SH, "run", *arguments], cwd=house, env=clean, capture_output=True, text=True, check=False)


def fake_python(house: Path, script: str) -> str:
    path = house / "python"
    path.write_text(f"#!{SH}\n{script}\n")
    path.chmod(0o755)
    return str(path)


def set_up(house: Path) -> Path:
    """A .venv whose programs only say how they were called; the script believes that everything is installed."""
    programs = house / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "uv", "edge", "plc-sim", "ruff", "mypy"):
        (programs / name).write_text(f'#!{SH}\necho "{name} uncompiled=${{EDGE_UNCOMPILED:-0}} $*" >>"{house}/calls"\n')
        (programs / name).chmod(0o755)
    return house / "calls"


def calls(house: Path, *arguments: str) -> list[str]:
    """What ./run ARGUMENTS runs, once everything is installed."""
    said = set_up(house)
    assert run(house, "setup").returncode == 0
    said.unlink()
    assert run(house, *arguments).returncode == 0
    return [line for line in said.read_text().splitlines() if " -c " not in line]


def test_without_python_it_says_what_to_install(house: Path) -> None:
    done = run(house, "demo", PYTHON="python-that-is-not-here")
    assert done.returncode == 2
    assert "apt install python3" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_python_that_is_too_old_is_refused(house: Path) -> None:
    old = fake_python(house, 'case "$1" in --version) echo "Python 3.9.2" ;; *) exit 1 ;; esac')
    done = run(house, "test", PYTHON=old)
    assert done.returncode == 2
    assert "Python 3.9.2 is too old" in done.stderr
    assert "3.11" in done.stderr


def test_a_python_without_the_venv_module_is_refused_before_anything_is_made(house: Path) -> None:
    bare = fake_python(house, 'case "$2" in *version_info*) exit 0 ;; *) exit 1 ;; esac')
    done = run(house, "demo", PYTHON=bare)
    assert done.returncode == 2
    assert "apt install python3-venv" in done.stderr
    assert not (house / ".venv").exists()


def test_an_unknown_command_is_refused_with_the_usage(house: Path) -> None:
    done = run(house, "fly")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown command 'fly'" in done.stderr
    assert "usage" in done.stderr
    assert run(house).stdout.startswith("usage")


def test_all_tests_run_compiled_and_the_core_uncompiled_before(house: Path) -> None:
    usual, at_once = "-m not scenario and not bench", "-n auto --maxprocesses 4 --dist loadfile"
    assert calls(house, "test", "-x", "--junitxml=all.xml") == [
        f"python uncompiled=1 -m pytest -q {usual} {at_once} tests/wes",
        f"python uncompiled=0 -m pytest {usual} {at_once} -x --junitxml=all.xml",
    ]


@pytest.mark.parametrize("chosen", ["tests/oms", "tests/test_codec.py::test_one", "-k why", "-m scenario", "--lf"])
def test_chosen_tests_run_once(house: Path, chosen: str) -> None:
    assert calls(house, "test", *chosen.split()) == [
        f"python uncompiled=0 -m pytest -m not scenario and not bench {chosen}"
    ]


def test_what_is_installed_is_installed_again_only_when_something_changed(house: Path) -> None:
    said = set_up(house)
    for times, change in ((1, "a first time"), (1, ""), (2, "pyproject.toml"), (3, "edge/wes/sort.py")):
        if change.endswith((".toml", ".py")):
            with (house / change).open("a") as file:
                file.write("# changed\n")
        assert run(house, "edge", "--version").returncode == 0
        installs = [line for line in said.read_text().splitlines() if line.startswith("uv ")]
        assert len(installs) == times, change or "nothing changed"


def test_an_installation_that_fails_is_tried_again_with_pip_and_never_taken_for_done(house: Path) -> None:
    said = set_up(house)
    (house / ".venv" / "bin" / "uv").write_text(f"#!{SH}\nexit 1\n")
    assert run(house, "setup").returncode == 0
    assert "python uncompiled=0 -m pip install" in said.read_text()
    (house / "pyproject.toml").write_text("[project]\n")
    (house / ".venv" / "bin" / "python").write_text(f"#!{SH}\nexit 1\n")
    done = run(house, "edge", "--version", PYTHON="python-that-is-not-here")
    assert done.returncode == 2
    assert not (house / ".venv" / "installed").exists()


def test_a_copied_folder_does_not_run_the_code_of_the_other(house: Path) -> None:
    set_up(house)
    assert run(house, "setup").returncode == 0
    copy = house.with_name("copy")
    shutil.copytree(house, copy)
    done = run(copy, "edge", "--version", PYTHON="python-that-is-not-here")
    assert done.returncode == 2, "it sets itself up anew, for which there is no Python here"
    assert "python-that-is-not-here" in done.stderr


@pytest.mark.skipif(not os.environ.get("EDGE_REQUIRE_COMPILED"), reason="EDGE_REQUIRE_COMPILED is not set")
def test_the_core_is_compiled() -> None:
    assert wes.CORE == "compiled", "no C compiler was found when this was installed, or the build of the core is broken"
