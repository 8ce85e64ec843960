"""The runner of the how-tos notices what a page gets wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.scripts import Script

PAGE = """
```ini
[api]
bind_port = 1234
```

```sh
ipamd-manage config | grep ^bind_port
```

```text
bind_port = {shown}
```

```sh
{command}
```
"""


@pytest.mark.parametrize(
    ("shown", "command", "problems"),
    [("4321", "true", []), ("1234", "true", ["shown:"]), ("...", "false", ["exit status 1"])],
)
def test_what_a_page_gets_wrong_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shown: str,
    command: str,
    problems: list[str],
) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(PAGE.format(shown=shown, command=command))
    found = Script(page, tmp_path, {"1234": "4321"}, {}).run()
    assert len(found) == len(problems)
    assert all(part in whole for part, whole in zip(problems, found, strict=True))


def test_servers_of_a_page_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("```sh\nsleep 1000 &\necho $!\n```\n")
    script = Script(page, tmp_path, {}, {})
    assert script.run() == []
    pid = (tmp_path / "output").read_text().split()[0]
    assert not Path(f"/proc/{pid}").exists()
