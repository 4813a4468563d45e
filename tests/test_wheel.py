"""The wheel: what is installed from it is all of Hanse, the built console included."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this tree, as pip makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [
        "wheel",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
    if done.returncode and "hatchling" in done.stderr:
        pytest.skip("hatchling, which makes the wheel, could not be had from a package registry")
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return zipfile.ZipFile(made)


def test_the_wheel_has_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    """Templates, data and notes lie beside the modules that read them."""
    there = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src" / "hanse").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there
    assert there - set(wheel.namelist()) == set()


def test_the_wheel_has_the_built_console(wheel: zipfile.ZipFile) -> None:
    """It is not in the repository, and nothing could be seen without it."""
    static = "hanse/console/static/console/"
    if not (ROOT / "src" / static).is_dir():
        pytest.skip("the console is not built: npm could not be had at set-up")
    names = set(wheel.namelist())
    assert {static + name for name in ("console.css", "console.js", "world.json", "licences.txt")} <= names
    assert any(name.startswith(f"{static}islands/") for name in names)


def test_the_command_runs_from_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Nothing is read from the repository."""
    wheel.extractall(tmp_path / "site")
    words = "import hanse, sys; from hanse.cli import main; print(hanse.__file__); sys.argv = ['hanse', '--help']; main()"
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(str(tmp_path / "site"))
    assert "attacks" in done.stdout
