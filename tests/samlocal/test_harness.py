"""What the harness itself has to get right: reasons where it cannot run, and the words of the tools it calls."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from samlocal import engine, tools
from samlocal.engine import an_engine
from samlocal.sam_local import with_endpoint
from samlocal.story import ROOT
from samlocal.tools import Failed, Missing, run

BUILT = """Globals:
  Function:
    Environment:
      Variables:
        HEADCOUNT_TABLE:
          Ref: Table
        HEADCOUNT_INSTALL: main
"""


def test_functions_in_containers_are_told_where_aws_is() -> None:
    assert '        AWS_ENDPOINT_URL: ""\n        HEADCOUNT_TABLE:\n' in with_endpoint(BUILT)


def test_the_guide_patches_a_built_template_in_the_same_way(tmp_path: Path) -> None:
    (command,) = re.findall(r"^\$ (sed -i .*) \S+$", (ROOT / "docs/guides/sam-local.md").read_text(), re.MULTILINE)
    built = tmp_path / "template.yaml"
    built.write_text(BUILT)
    subprocess.run(f"{command} {built}", shell=True, check=True)
    assert built.read_text() == with_endpoint(BUILT)


def test_without_root_there_is_a_reason_instead_of_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Missing, match="only root"), an_engine():
        pass


def test_without_debian_there_is_a_reason_instead_of_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engine, "_SYSTEM_PATHS", "")
    monkeypatch.setattr(engine, "UNPACKED", tmp_path / "engine")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(Missing, match="no apt-get"), an_engine():
        pass


def test_without_the_runtimes_python_there_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(Missing, match=r"Python 3\.13, is not there"):
        tools.find_python()


def test_a_network_is_taken_that_no_route_knows() -> None:
    routes = "default via 10.0.0.1 dev eth0\n172.29.79.0/24 dev samci0 proto kernel\n172.29.80.0/24 dev br0\n"
    assert engine._free_address(routes) == "172.29.81.1"


def test_a_tool_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"(?s)sh ended with 3: .*no such bucket"):
        run("sh", "-c", "echo no such bucket >&2; exit 3", log=tmp_path / "words" / "sh.log")
    with pytest.raises(Failed, match="sleep ended with -1"):
        run("sleep", "30", log=tmp_path / "sleep.log", seconds=0.05)
