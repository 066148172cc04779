"""Every link between processes is opened where certificates are minded."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPENS_A_LINK = re.compile(r"secure_(channel|port)\(")


def test_nobody_opens_a_link_past_the_certificates() -> None:
    found = {
        str(path.relative_to(ROOT))
        for floor in ("services", "gateway", "town")
        for path in (ROOT / floor).rglob("*.py")
        if OPENS_A_LINK.search(path.read_text())
    }

    assert found == {"services/kit/tls.py", "services/kit/listening.py"}
