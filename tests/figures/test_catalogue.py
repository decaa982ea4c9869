import matplotlib as mpl
import pytest

from emocast import figures
from emocast.corpora import catalogue


@pytest.fixture
def facts():
    return catalogue.load()


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_sizes_draws_every_corpus_where_its_utterances_are(facts, ax):
    kept = catalogue.verdicts(facts)["fits"]
    figures.sizes(facts, kept, ax, needed=2000)
    points = ax.collections[-1].get_offsets()
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert dict(zip(names, points[:, 0], strict=True)) == facts["utterances"].to_dict()
    bold = {tick.get_text() for tick in ax.get_yticklabels() if tick.get_fontweight() == "bold"}
    assert bold == {"IEMOCAP", "MELD"}
    assert set(facts["language"]) <= set(texts(ax)), "each language stands beside its rows"
    assert any(list(line.get_xdata()) == [2000, 2000] for line in ax.get_lines())
    assert "13,706  (12.1 h)" in texts(ax)


def test_sizes_keeps_a_languages_rows_together(facts, ax):
    figures.sizes(facts, catalogue.verdicts(facts)["fits"], ax, needed=2000)
    languages = facts.loc[[tick.get_text() for tick in ax.get_yticklabels()], "language"]
    assert languages.ne(languages.shift()).sum() == facts["language"].nunique()


def test_the_matrix_has_a_cell_a_score_in_its_colour(facts, ax):
    scored = catalogue.criteria(facts)
    figures.criteria_matrix(scored, ax, asked_by=catalogue.ASKED_BY)
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    columns = [tick.get_text().partition("\n")[0] for tick in ax.get_xticklabels()]
    assert columns == list(catalogue.CRITERIA)
    cells = [patch for patch in ax.patches if isinstance(patch, mpl.patches.Rectangle)]
    assert len(cells) == scored.size
    for cell in cells:
        (column, row) = cell.get_center().round().astype(int)
        fill = figures.catalogue.MARKS[scored.loc[names[row], columns[column]]][0]
        assert mpl.colors.to_hex(cell.get_facecolor()).upper() == fill
    assert names[:3] == ["IEMOCAP", "MELD", "M3ED"], "those that meet most stand above"
    assert "5 of 6" in texts(ax)
