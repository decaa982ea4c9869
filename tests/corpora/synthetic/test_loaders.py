"""The synthetic twins are read by the very loaders of the real corpora, whole and without a complaint."""

import pytest

from emocast import corpora, labels
from emocast.corpora import synthetic, table


@pytest.mark.parametrize(("name", "folder"), [("cremad", "CREMA-D"), ("emodb", "EmoDB"), ("shemo", "ShEMO")])
def test_a_twin_is_a_whole_copy_to_the_loader(name, folder, tmp_path):
    root = synthetic.make_twin(
        tmp_path, name, synthetic.TwinSettings(speakers=2, utterances=12), seed=3, processes=2, progress=False
    )
    assert root.name == folder and table.is_synthetic(root)
    module = corpora.get(name)
    assert module.validate(root).empty
    rows = module.load(root)
    assert len(rows) == 24
    assert rows["speaker"].nunique() == 2
    assert set(labels.four_classes(rows["emotion"]).dropna()) == set(labels.FOUR)
    next(root.rglob("*.wav")).unlink()
    assert not module.validate(root).empty
