"""What is absent skips on a developer's machine and fails under `.ci/run`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import needs

Asked = Callable[[], object]


@pytest.fixture(params=[needs.data_folder, lambda: needs.program("no-such-program", package="none")])
def asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """A question for something that this machine has not."""
    monkeypatch.setenv("SECATEURS_DATA", str(tmp_path / "absent"))
    return request.param


def test_what_is_absent_skips(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer without it sees a skip that names it."""
    monkeypatch.delenv("SECATEURS_TESTS_NEED_ALL", raising=False)

    with pytest.raises(pytest.skip.Exception, match="needs"):
        asked()


def test_what_is_absent_fails_where_all_is_needed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under `.ci/run` a skip for that reason is a failure."""
    monkeypatch.setenv("SECATEURS_TESTS_NEED_ALL", "1")

    with pytest.raises(pytest.fail.Exception, match="needs"):
        asked()


def test_absent_files_give_one_skipped_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Parameters from an absent folder are one case that skips, not an empty list that hides."""
    monkeypatch.setenv("SECATEURS_DATA", str(tmp_path / "absent"))
    monkeypatch.delenv("SECATEURS_TESTS_NEED_ALL", raising=False)

    cases = needs.data_files("*.html")

    assert [("absent", ["skip"])] == [(case.id, [mark.name for mark in case.marks]) for case in cases]


def test_absent_files_fail_where_all_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Under `.ci/run` the collection of such a test fails."""
    monkeypatch.setenv("SECATEURS_DATA", str(tmp_path / "absent"))
    monkeypatch.setenv("SECATEURS_TESTS_NEED_ALL", "1")

    with pytest.raises(FileNotFoundError, match="SECATEURS_DATA"):
        needs.data_files("*.html")


def test_files_are_named_by_their_place_in_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A failing case can be found again by its name."""
    page = tmp_path / "hard" / "page.html"
    page.parent.mkdir()
    page.touch()
    monkeypatch.setenv("SECATEURS_DATA", str(tmp_path))

    cases = needs.data_files("hard/*.html")

    assert [("hard/page.html", (page,))] == [(case.id, case.values) for case in cases]


def test_a_pattern_that_matches_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A misspelt pattern must not leave a test without cases."""
    monkeypatch.setenv("SECATEURS_DATA", str(tmp_path))

    with pytest.raises(FileNotFoundError, match="mispelt"):
        needs.data_files("mispelt/*.html")


def test_the_first_program_found_is_taken() -> None:
    """A browser goes by several names."""
    assert "sh" == needs.program("no-such-program", "sh", package="dash").name
