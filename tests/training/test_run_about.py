import pytest

from maml_studio.training.run_about import ABOUT, About, AboutError, clean_tags, clean_title, read_about, write_about


def test_words_about_a_run_come_back(tmp_path):
    about = About("the good one", True, ("paper", "wide"), "seen at\nthe talk, αβ")
    write_about(tmp_path, about)
    assert read_about(tmp_path) == about
    assert [path.name for path in tmp_path.iterdir()] == [ABOUT]


def test_a_run_that_nobody_wrote_about_has_empty_words(tmp_path):
    assert read_about(tmp_path) == About()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "should be a JSON object"),
        (b"[1]", "should be a JSON object"),
        (b"[" * 100_000, "should be a JSON object"),
        (b"\xff\xfe", "should be a JSON object"),
        (b'{"title": 3}', "title should be text"),
        (b'{"starred": "yes"}', "starred should be true or false"),
        (b'{"tags": "paper"}', "tags should be a list of words"),
        (b'{"tags": [1]}', "tags should be a list of words"),
        (b'{"notes": {}}', "notes should be text"),
        (b" " * (1 << 20) + b"{}", "should be less than 1 MB"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence_and_left_alone(tmp_path, content, words):
    path = tmp_path / ABOUT
    path.write_bytes(content)
    with pytest.raises(AboutError) as caught:
        read_about(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert path.read_bytes() == content


def test_what_is_too_long_to_read_back_is_not_written(tmp_path):
    write_about(tmp_path, About(notes="kept"))
    with pytest.raises(OSError, match="shorter than 1 MB"):
        write_about(tmp_path, About(notes="n" * (1 << 20)))
    assert read_about(tmp_path).notes == "kept"


def test_half_a_surrogate_pair_does_no_harm(tmp_path):
    write_about(tmp_path, About(notes="\ud83d"))
    assert read_about(tmp_path).notes == "?"


def test_titles_and_tags_are_tidied():
    assert clean_title("  two\nlines ") == "two lines"
    assert clean_tags(["b", " a  c ", "", "b", "x,y"]) == ("b", "a c", "x y")
