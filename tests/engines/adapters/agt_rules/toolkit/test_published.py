"""What `make agt-published` reads and refuses, of a checkout that is small (section 7.11)."""

import json
from pathlib import Path

import pytest

from tests.engines.adapters.agt_rules.toolkit.published import main

DOCUMENT = """name: d
rules:
  - {name: kept, condition: {field: user_input, operator: matches, value: "drop +table"}, action: deny}
  - {name: left, condition: {field: user_input, operator: matches, value: "(?!a)b"}, action: deny}
"""


@pytest.mark.slow
def test_a_refused_expression_is_named_with_its_file_and_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others load, and decide over every hostile context."""
    (tmp_path / "d.yaml").write_text(DOCUMENT)
    (tmp_path / "page.md").write_text("condition: \"x matches '/a/'\"\ncondition: 'x = 1'\n")
    with pytest.raises(SystemExit) as ended:
        main(tmp_path, seed=1)
    told = json.loads(capsys.readouterr().out)
    assert (ended.value.code, told["faults"]) == (0, [])
    message = "negative look-ahead `(?!…)` cannot be matched in linear time: write the rule without it"
    assert told["refused_expressions"] == [f"d.yaml:4 left: {message}"]
    assert (told["documents"], told["rules"], told["longest"]["rules"]) == (1, 2, 1)
    assert told["condition_texts"] == 2
    assert [text.split(":")[0] for text in told["refused_texts"]] == ["x = 1"]


@pytest.mark.slow
def test_another_refusal_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a member, for one, whose document then decides nothing."""
    (tmp_path / "d.yaml").write_text(DOCUMENT)
    (tmp_path / "e.yaml").write_text(DOCUMENT.replace("name: d", "nome: e"))
    with pytest.raises(SystemExit) as ended:
        main(tmp_path, seed=1)
    assert ended.value.code == 1
    assert "e.yaml" in json.loads(capsys.readouterr().out)["faults"][0]
