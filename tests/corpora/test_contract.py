"""What every corpus module must say and do, whichever corpus it is."""

import inspect

import pytest

from emocast import corpora
from emocast.corpora.table import CorpusError


@pytest.mark.parametrize("name", corpora.NAMES)
def test_a_corpus_module_has_the_common_face(name, tmp_path):
    module = corpora.get(name)
    for constant in ("NAME", "CITATION", "LICENCE", "URL", "LABELS", "GROUP", "COUNTS"):
        assert getattr(module, constant), f"{name} lacks {constant}"
    for section in ("Who and what", "How labelled", "Licence", "Known faults", "Layout read", "Source"):
        assert f"{section}:" in inspect.getdoc(module), f"the data card of {name} does not say: {section}"
    for function in (module.load, module.validate):
        with pytest.raises(CorpusError, match=str(tmp_path)):
            function(tmp_path)


def test_an_unknown_corpus_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no corpus 'ravdess'; there are iemocap"):
        corpora.get("ravdess")
