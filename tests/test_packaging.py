"""What is built and installed: complete, without generic names, and never written to afterwards.

Everything happens in a copy of the checkout, since setuptools leaves folders behind where it builds.
"""

import hashlib
import math
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEFTOVERS = shutil.ignore_patterns(
    "__pycache__", ".*_cache", ".git", ".venv", ".hypothesis", "*.egg-info", "build", "_build", "generated"
)
# Where each folder of the checkout is installed.
HOMES = {"sdmodel": "sdmodel", "experiments": "sdmodel/experiments", "models": "sdmodel/models"}
# setuptools before 77 cannot read the licence field, so pip and build have to fetch a newer one.
ISOLATED = int(version("setuptools").split(".")[0]) < 77
BIN = "Scripts" if os.name == "nt" else "bin"

DECAY = """{UTF-8}
level = INTEG(-rate*level, 1) ~ Dmnl ~ A stock that empties. |
rate = 1 ~ 1/Year ~ Part that leaves in a year. |
INITIAL TIME = 0 ~ Year ~ |
FINAL TIME = 2 ~ Year ~ |
TIME STEP = 0.125 ~ Year ~ |
SAVEPER = 1 ~ Year ~ |
"""


def call(*command, cwd, env=None):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if ISOLATED and "No matching distribution found for setuptools" in done.stdout + done.stderr:
        pytest.skip("setuptools>=77 is neither installed nor to be had: no package index can be reached")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(source, out, *kinds):
    isolation = [] if ISOLATED else ["--no-isolation"]
    call(sys.executable, "-m", "build", *isolation, *kinds, "--outdir", out, cwd=source)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    copy = tmp_path_factory.mktemp("checkout") / "sdmodel"
    return shutil.copytree(ROOT, copy, ignore=LEFTOVERS)


@pytest.fixture(scope="module")
def distributions(checkout, tmp_path_factory):
    """The wheel, the source distribution, and the wheel built from the source distribution."""
    out = tmp_path_factory.mktemp("dist")
    source = shutil.copytree(checkout, tmp_path_factory.mktemp("source") / "sdmodel")
    build(source, out, "--wheel", "--sdist")
    wheel, sdist = next(out.glob("*.whl")), next(out.glob("*.tar.gz"))
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    again = tmp_path_factory.mktemp("again")
    build(next(unpacked.iterdir()), again, "--wheel")
    return {"wheel": wheel, "sdist": sdist, "wheel from sdist": next(again.glob("*.whl"))}


@pytest.mark.parametrize("kind", ["wheel", "wheel from sdist"])
def test_wheel_holds_the_three_folders_and_nothing_else(checkout, distributions, kind):
    expected = {
        f"{home}/{path.relative_to(checkout / folder).as_posix()}"
        for folder, home in HOMES.items()
        for path in (checkout / folder).rglob("*")
        if path.is_file()
    }
    with zipfile.ZipFile(distributions[kind]) as archive:
        names = set(archive.namelist())
    metadata = {name for name in names if re.match(r"sdmodel-[^/]+\.dist-info/", name)}
    assert names - metadata == expected
    assert "sdmodel/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in metadata)


def test_sdist_holds_what_testing_and_documenting_need(checkout, distributions):
    with tarfile.open(distributions["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = ("sdmodel", "experiments", "models", "tests", "docs")
    expected = {
        path.relative_to(checkout).as_posix()
        for folder in folders
        for path in (checkout / folder).rglob("*")
        if path.is_file()
    }
    expected |= {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", ".ci/run"}
    assert expected <= names


def fingerprint(*folders):
    """Digest of every file of the folders, by path."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def forbid_writing(*folders):
    """Take the write permission; it binds everybody but the administrator, hence the fingerprint."""
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)


def allow_writing(*folders):
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture(params=["wheel", "wheel from sdist", "editable"])
def installed(request, tmp_path, checkout, distributions):
    """A fresh environment with sdmodel in it, read-only: its commands, and the mode of installation.

    The dependencies are those of the environment that runs the tests, reached through a .pth file.
    """
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / BIN / ("python.exe" if os.name == "nt" else "python")
    site = Path(sysconfig.get_path("purelib", scheme="venv", vars={"base": str(environment)}))
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "borrowed.pth").write_text("\n".join(sorted(borrowed)) + "\n", encoding="utf-8")

    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet"]
    folders = [site]
    if request.param == "editable":
        source = shutil.copytree(checkout, tmp_path / "source")
        isolation = [] if ISOLATED else ["--no-build-isolation"]
        call(*pip, *isolation, "--editable", source, cwd=tmp_path)
        folders.append(source)
    else:
        call(*pip, "--no-index", distributions[request.param], cwd=tmp_path)
    forbid_writing(*folders)
    before = fingerprint(*folders)
    yield environment / BIN, request.param
    allow_writing(*folders)
    assert fingerprint(*folders) == before


def test_installed_package_works_elsewhere_and_writes_nothing_home(installed, tmp_path):
    commands, mode = installed
    work = tmp_path / "work"
    work.mkdir()
    (work / "decay.mdl").write_text(DECAY, encoding="utf-8")
    env = {key: text for key, text in os.environ.items() if not key.startswith(("PYTHON", "COV", "SDMODEL"))}
    env |= {
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "home" / "cache"),
        "MPLCONFIGDIR": str(tmp_path / "home" / "matplotlib"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    listed = call(commands / "sdmodel", "list", cwd=work, env=env)
    shipped = [path.stem for path in (ROOT / "models").glob("*.mdl")]
    assert shipped
    assert [name for name in shipped if name not in listed] == []

    script = """
import importlib.util, sdmodel, sdmodel.experiments
print(sdmodel.__file__)
print([n for n in ("experiments", "models", "tests", "docs") if importlib.util.find_spec(n)])
print(sdmodel.load("decay.mdl").run().to_dataframe()["level"].iloc[-1])
"""
    place, leaked, last = call(commands / "python", "-c", script, cwd=work, env=env).splitlines()
    assert Path(place).is_relative_to(tmp_path / "source" if mode == "editable" else tmp_path / "environment")
    assert leaked == "[]"
    assert float(last) == pytest.approx(math.exp(-2), rel=1e-4)
    assert [path.name for path in work.iterdir()] == ["decay.mdl"]
