"""parliament on the roles' policies: `python parliament_check.py <folder of role.json>`; exits 1 for findings.

It runs in the analysers' environment, without pytest. parliament's own command is not used: it writes to a fixed file
in /tmp, and cannot accept a finding for one action of one role.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from parliament import analyze_policy_string

ACCEPTED = Path(__file__).with_name("accepted.toml")
SHOWN = 20


def main(folder: Path) -> int:
    """The exit code: 0 if what is found is what is accepted."""
    policies = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))}
    if not policies:
        sys.exit(f"there are no policies in {folder}")
    accepted = tomllib.loads(ACCEPTED.read_text(encoding="utf-8"))
    listed = {(role, said) for role, some in accepted.items() for said in some}
    found = {(role, said) for role, policy in policies.items() for said in _findings(policy)}
    lines = [
        *(f"{role}: {said}\n" for role, said in sorted(found - listed)),
        *(f"{role}: {said} is in {ACCEPTED.name}, and not found any more\n" for role, said in sorted(listed - found)),
    ]
    sys.stdout.writelines([*lines[:SHOWN], *([f"and {len(lines) - SHOWN} more\n"] if len(lines) > SHOWN else [])])
    return 1 if lines else 0


def _findings(policy: str) -> Iterator[str]:
    """`ISSUE action` for each action that a finding names, or `ISSUE detail`."""
    for finding in analyze_policy_string(policy, include_community_auditors=True).findings:
        about = finding.detail or finding.location.get("actions", "")
        for one in about if isinstance(about, list) else [about]:
            yield f"{finding.issue} {one}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
