"""Notebook 02 with published models: the same notebook, checkpoints of the official layout, random weights."""

import json
import os
import shutil

import nbformat
import pandas as pd
import pytest

import hub as small_hub
import small_clap
from emocast import paths, runner
from emocast.contrastive import zero_shot

SOURCE = paths.NOTEBOOKS / "02_clap_zero_shot.ipynb"
OWN = """
extends: smoke
corpora: {{iemocap: small/IEMOCAP_full_release}}
windows: {{shifts_s: [0, 2]}}
claims: {{shifts_s: [0, 2]}}
embeddings: {{block_shifts_s: [0]}}
contrastive:
  models: {{laion: "laion-clap:{laion}", microsoft: "msclap:{microsoft}"}}
  events: 6
  permutations: 5
  clusters: [2]
intervals: {{draws: 20}}
"""


@pytest.fixture(scope="module")
def profile(tmp_path_factory, corpus_root, shared_folder):
    """A profile of one's own: a small corpus, a few events, two random checkpoints; in folders of its own."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(corpus_root, folder / "data" / "small")
    small_hub.tokenizers(folder / "data" / "checkpoints")
    made = {kind: getattr(small_clap, kind)(shared_folder / kind) for kind in ("laion", "microsoft")}
    (folder / "own.yaml").write_text(OWN.format(**made))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOCAST_DATA", str(folder / "data"))
        patch.setenv("EMOCAST_OUTPUTS", str(folder / "outputs"))
        patch.setenv("HF_HOME", str(folder / "empty"))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(paths.ROOT / "lib"), os.environ.get("PYTHONPATH", "")]))
        yield folder / "own.yaml"


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "dimension"), [("laion", 512), ("microsoft", 1024)])
def test_the_notebook_runs_with_a_published_model_and_finds_chance(profile, encoder, dimension):
    folder = runner.run(SOURCE, profile=str(profile), parameters={"encoder": encoder})
    assert folder == profile.parent / "outputs" / "own" / "variants" / f"encoder={encoder}" / SOURCE.stem
    scores = pd.read_csv(folder / "zero_shot.csv", keep_default_na=False, na_values=["nan"])
    assert set(scores["part"]) == {"all speakers, none heard before"}
    calibrated = scores[scores["way"] == zero_shot.CALIBRATED]
    assert set(calibrated["calibration"]) == {zero_shot.TRANSDUCTIVE}
    words = scores[scores["way"] != zero_shot.PROBE].astype({"uar": float})
    # Random weights: 0.25 by chance over the ways. One way alone may lie far from it: four classes, few utterances.
    assert 0.1 < words["uar"].mean() < 0.4
    assert {"zero_shot", "prompts", "plane", "clusters"} <= _figures(folder)
    assert f": {dimension} values, sound at" in _printed(folder / f"{SOURCE.stem}.ipynb")


def _figures(folder):
    return {figure["name"] for figure in json.loads((folder / "manifest.json").read_text())["figures"]}


def _printed(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells if cell.cell_type == "code" for output in cell.outputs)
