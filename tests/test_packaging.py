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
from dataclasses import dataclass
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
    """A copy of the checkout with a subpackage and a data file that no list names."""
    copy = tmp_path_factory.mktemp("checkout") / "sdmodel"
    shutil.copytree(ROOT, copy, ignore=LEFTOVERS)
    added = copy / "sdmodel" / "added_by_a_contributor"
    (added / "pages").mkdir(parents=True)
    (added / "__init__.py").write_text("", encoding="utf-8")
    (added / "pages" / "page.css").write_text("", encoding="utf-8")
    return copy


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


def test_wheel_holds_the_three_folders_and_nothing_else(checkout, distributions):
    expected = {
        f"{home}/{path.relative_to(checkout / folder).as_posix()}"
        for folder, home in HOMES.items()
        for path in (checkout / folder).rglob("*")
        if path.is_file()
    }
    with zipfile.ZipFile(distributions["wheel"]) as archive:
        names = set(archive.namelist())
    metadata = {name for name in names if re.match(r"sdmodel-[^/]+\.dist-info/", name)}
    assert names - metadata == expected
    assert "sdmodel/py.typed" in names
    assert "sdmodel/added_by_a_contributor/pages/page.css" in names
    assert any(name.endswith("/licenses/LICENSE") for name in metadata)


def test_wheel_from_the_sdist_holds_the_same_files(distributions):
    def contents(path):
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}

    assert contents(distributions["wheel from sdist"]) == contents(distributions["wheel"])


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


@dataclass(frozen=True)
class Installed:
    """An environment with sdmodel in it: its commands, the checkout it came from, and the mode of installation."""

    commands: Path
    checkout: Path
    mode: str
    home: Path

    def run(self, program, *arguments, cwd, **variables):
        """Output of a command of the environment, without our variables and with a home folder of its own."""
        env = {key: text for key, text in os.environ.items() if not key.startswith(("PYTHON", "COV", "SDMODEL"))}
        env |= variables | {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "MPLCONFIGDIR": str(self.home / "matplotlib"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return call(self.commands / program, *arguments, cwd=cwd, env=env)


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request, tmp_path_factory, checkout, distributions):
    """A fresh environment with sdmodel in it, read-only; nothing is changed there by the tests.

    The dependencies are those of the environment that runs the tests, reached through a .pth file.
    """
    place = tmp_path_factory.mktemp(request.param)
    environment = place / "environment"
    venv.create(environment, with_pip=False)
    python = environment / BIN / ("python.exe" if os.name == "nt" else "python")
    site = Path(sysconfig.get_path("purelib", scheme="venv", vars={"base": str(environment)}))
    borrowed = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")

    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-compile", "--quiet"]
    source = shutil.copytree(checkout, place / "source")
    if request.param == "editable":
        isolation = [] if ISOLATED else ["--no-build-isolation"]
        call(*pip, *isolation, "--editable", source, cwd=place)
    else:
        call(*pip, "--no-index", distributions["wheel"], cwd=place)
    forbid_writing(site, source)
    before = fingerprint(site, source)
    yield Installed(environment / BIN, source, request.param, place / "home")
    allow_writing(site, source)
    assert fingerprint(site, source) == before


def test_installed_package_works_elsewhere_and_writes_nothing_home(installed, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "decay.mdl").write_text(DECAY, encoding="utf-8")
    listed = installed.run("sdmodel", "list", cwd=work, SDMODEL_CACHE=os.environ["SDMODEL_CACHE"])
    shipped = [path.stem for path in (ROOT / "models").glob("*.mdl")]
    assert shipped
    assert [name for name in shipped if name not in listed] == []

    script = """
import importlib.util, sdmodel
print(sdmodel.__file__)
print([n for n in ("experiments", "models", "tests", "docs") if importlib.util.find_spec(n)])
print(sdmodel.load("decay.mdl").run().to_dataframe()["level"].iloc[-1])
"""
    place, leaked, last = installed.run("python", "-c", script, cwd=work).splitlines()
    editable = installed.mode == "editable"
    assert Path(place).is_relative_to(installed.checkout if editable else installed.commands.parent)
    if not editable:  # an editable install puts the checkout on the path, with all that lies in it
        assert leaked == "[]"
    assert float(last) == pytest.approx(math.exp(-2), rel=1e-4)
    assert [path.name for path in work.iterdir()] == ["decay.mdl"]


def test_experiments_and_models_are_found_from_any_folder(installed, tmp_path):
    """In the root of the checkout its own `sdmodel/` comes first, where a wheel is installed too."""
    script = """
import importlib.resources, importlib.util, pkgutil
import sdmodel.experiments, sdmodel.models.data
from sdmodel.experiments import global_sensitivity
models = importlib.resources.files("sdmodel.models")
print(global_sensitivity.__name__)
print(*sorted(p.name for p in models.iterdir() if p.name.endswith(".mdl")))
print(len((models / "data" / "seed_figures.csv").read_text(encoding="utf-8")))
print([n for n in ("sdmodel.tests", "sdmodel.docs", "sdmodel.setup", "sdmodel.sdmodel") if importlib.util.find_spec(n)])
"""
    for cwd in [tmp_path] + [installed.checkout] * (installed.mode == "wheel"):
        name, models, length, strangers = installed.run("python", "-c", script, cwd=cwd).splitlines()
        assert name == "sdmodel.experiments.global_sensitivity"
        assert models.split() == sorted(path.name for path in (ROOT / "models").glob("*.mdl"))
        assert int(length) > 1000
        assert strangers == "[]"


def test_a_type_checker_finds_the_package(installed, tmp_path, monkeypatch):
    """Type checkers look at the folders that .pth files name; they run no import hook."""
    monkeypatch.chdir(tmp_path)  # the working folder comes first
    finder = pytest.importorskip("mypy.modulefinder")
    options = pytest.importorskip("mypy.options").Options()
    options.python_executable = str(installed.commands / ("python.exe" if os.name == "nt" else "python"))
    paths = finder.compute_search_paths([], options, "")
    home = installed.checkout if installed.mode == "editable" else installed.commands.parent
    modules = ["sdmodel", "sdmodel.model"] + ["sdmodel.experiments.global_sensitivity"] * (installed.mode == "wheel")
    for name in modules:
        found = finder.FindModuleCache(paths, None, options).find_module(name)
        assert isinstance(found, str), f"{name}: {found}"
        assert Path(found).is_relative_to(home)


@pytest.mark.slow
def test_a_type_checker_reads_the_types_of_a_users_file(installed, tmp_path):
    """Slow, since mypy reads all that sdmodel imports."""
    pytest.importorskip("mypy")
    imports = "from sdmodel.experiments import global_sensitivity\n" if installed.mode == "wheel" else ""
    (tmp_path / "user.py").write_text(
        f"import sdmodel\n{imports}model = sdmodel.load('network')\nreveal_type(model)\nreveal_type(model.run())\n"
        "sdmodel.Outcome(2034)\n",
        encoding="utf-8",
    )
    python = installed.commands / ("python.exe" if os.name == "nt" else "python")
    options = ["--strict", "--follow-imports=silent", "--python-executable", str(python), "--config-file="]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "user.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert [line.split('"')[1].rpartition(".")[2] for line in lines if "Revealed" in line] == ["Model", "Run"], lines
    assert [re.sub(r"^.*\[", "[", line) for line in lines if ": error:" in line] == ["[arg-type]"], lines
