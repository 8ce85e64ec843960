"""The sample of the policy file is what the rules in the code say now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from ipamd.api import rules

SAMPLE = Path(__file__).parents[2] / "etc" / "ipamd" / "policy.yaml.sample"


def test_the_sample_agrees_with_the_rules(tmp_path: Path) -> None:
    fresh = tmp_path / "policy.yaml.sample"
    generator = Path(sys.executable).parent / "oslopolicy-sample-generator"
    subprocess.run(
        [generator, "--namespace", "ipamd", "--output-file", fresh],
        check=True, cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    assert SAMPLE.read_text() == fresh.read_text(), "run make config"


def test_without_its_comment_signs_the_sample_is_a_policy_file() -> None:
    lines = [line[1:] for line in SAMPLE.read_text().splitlines() if line.startswith('#"')]
    said = yaml.safe_load("\n".join(lines))
    assert said == {rule.name: rule.check for rule in (*rules.BASE, *rules.RULES)}
