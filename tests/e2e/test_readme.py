"""The first day that the README prints, played as it stands there."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.opened import Town

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.xdist_group("town")
def test_the_readme_tells_a_first_day_that_works(town: Town) -> None:
    (day,) = re.findall(r"```sh\n(TOWN=.*?)```", README.read_text(), re.DOTALL)
    script = day.replace("http://localhost:8000", town.url).replace("ada@", "readme@")

    played = subprocess.run(
        ["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=False
    )

    assert played.returncode == 0, played.stderr
    said = played.stdout
    assert "409 Conflict" in said
    assert re.search(r"retry-after: 1[45]\d\d", said)
    assert said.count('"exp_reward":50,"gold_reward":25') == 2
    first, again = re.findall(r'\{"success":true.*?"rules_version":"\w+"\}\}', said)
    assert first == again
    assert '"worldState":{' in said
