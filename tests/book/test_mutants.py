"""The list of planted faults fits the code it is to be planted in; `make mutants` plants them."""

from mutants import faults

from linearlens.paths import ROOT


def test_each_fault_can_be_planted_in_one_place():
    assert len(faults()) >= 20
    for fault in faults():
        text = (ROOT / "src" / "linearlens" / fault["file"]).read_text(encoding="utf-8")
        assert text.count(fault["old"]) == 1, fault["what"]
        assert fault["new"] != fault["old"]
        assert (ROOT / "tests" / fault["tests"]).is_file(), fault["tests"]
