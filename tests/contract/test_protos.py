"""The committed code of the contract between processes is what its source makes."""

from pathlib import Path

from town.protos import ROOT, generate


def test_the_generated_code_is_fresh(tmp_path: Path) -> None:
    generate(tmp_path)

    made = {file.relative_to(tmp_path): file.read_text() for file in _generated(tmp_path)}
    committed = {file.relative_to(ROOT): file.read_text() for file in _generated(ROOT)}
    assert made == committed


def _generated(folder: Path) -> list[Path]:
    return [*folder.glob("protos/*/v1/*_pb2*.py"), *folder.glob("protos/*/v1/*_pb2*.pyi")]
