"""What make itself decides: folders with spaces, names that cannot be, the kernel that the lab opens. Nothing is run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emocast import paths, settings

MAKEFILE = (paths.ROOT / "Makefile").read_text(encoding="utf-8")
OURS = ", ".join(settings.available())


@pytest.fixture(autouse=True)
def environment():
    """Make looks into the environment; without one it would begin by making it."""
    if not (paths.ROOT / ".venv").is_dir() and not os.environ.get("CONDA_PREFIX"):
        pytest.skip("make has no environment here; `make test` makes one")


def make(*arguments):
    stamp = f"{sys.prefix}/.emocast.lock"  # -o: taken as up to date, whatever the lock says meanwhile
    command = ["make", "--no-print-directory", "-o", stamp, *arguments]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)


def targets(data: Path, outputs: Path) -> list[Path]:
    """All files of the smoke profile that make asks for, those first that others need."""
    listed = re.search(r"^NOTEBOOKS := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)[1].replace("\\", " ").split()
    folders = ("IEMOCAP_full_release", "CREMA-D", "EmoDB", "ShEMO", "LibriSpeech", "MELD.Raw")
    home = outputs / "smoke"
    made = [data / "smoke" / folder / "synthetic.json" for folder in folders]
    made = [data / "smoke" / ".code", *(home / ".code" / name for name in [*listed, "models"]), *made]
    made.append(home / "models" / ".trained")
    return made + [home / name / f"{name}.ipynb" for name in listed] + [home / "index.html"]


def test_folders_with_spaces_and_umlauts_are_folders_like_others(tmp_path):
    data, outputs = tmp_path / "meine Daten", tmp_path / "meine  Läufe (neu)"
    asked = ("-n", "reproduce", "PROFILE=smoke", f"DATA={data}", f"OUTPUTS={outputs}")
    first = make(*asked)
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("emocast_run run notebooks/") == len(list(paths.NOTEBOOKS.glob("*.ipynb")))
    for number, path in enumerate(targets(data, outputs)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (4_000_000_000 + number,) * 2)
    again = make(*asked)
    *own_make, last = again.stdout.splitlines()
    assert last == f'echo "Up to date: open {outputs}/smoke/index.html"', again.stdout + again.stderr
    assert len(own_make) == 1 and own_make[0].endswith("-j2 finished"), again.stdout


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("my own.yaml", f"PROFILE is one of {OURS}, or the path of a .yaml file without a space: my own"),
        ("", f"PROFILE is one of {OURS}"),
        ("nowhere.yaml", "no profile nowhere.yaml"),
    ],
)
def test_a_profile_that_cannot_be_is_said_in_one_line(profile, said):
    done = make("-n", "reproduce", f"PROFILE={profile}")
    (line,) = done.stderr.splitlines()
    assert done.returncode != 0 and said in line


def test_empty_folders_mean_the_usual_ones():
    done = make("-n", "clean", "OUTPUTS=", "DATA=")
    assert f'"{paths.ROOT}/outputs/demo"' in done.stdout and f'"{paths.ROOT}/data/demo"' in done.stdout


def test_the_lab_has_the_kernel_of_this_environment(tmp_path):
    """A kernel of the same name in the user's home, of another Python, would otherwise be taken."""
    command = make("-n", "lab").stdout
    assert "jupyterlab --notebook-dir=notebooks" in command
    given = dict(re.findall(r"(\w+)=(\S+) ", command.partition(" -m ")[0]))
    stranger = tmp_path / "kernels" / "python3"
    stranger.mkdir(parents=True)
    spec = {"argv": ["/another/python", "-m", "ipykernel"], "display_name": "another", "language": "python"}
    (stranger / "kernel.json").write_text(json.dumps(spec))
    found = {}
    for name, more in (("plain", {"JUPYTER_PREFER_ENV_PATH": "0"}), ("lab", given)):
        command = [sys.executable, "-m", "jupyter_client.kernelspecapp", "list", "--json"]
        environment = {**os.environ, "JUPYTER_DATA_DIR": str(tmp_path), **more}
        listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found[name] = json.loads(listed.stdout)["kernelspecs"]["python3"]
    assert found["plain"]["spec"]["display_name"] == "another"
    assert Path(found["lab"]["resource_dir"]).is_relative_to(sys.prefix)
    assert found["lab"]["spec"]["argv"][0] in ("python", sys.executable), "for `python` jupyter puts its own"
