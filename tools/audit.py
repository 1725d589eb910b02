"""Known faults of the pinned packages, as pip-audit finds them; where its database cannot be reached, that is said.

python -m tools.audit; the exit code is 1 where a pinned package has a known fault.
"""

import json
import subprocess
import sys

_COMMAND = (
    *("pip_audit", "--requirement", "constraints.txt", "--no-deps", "--disable-pip", "--progress-spinner", "off"),
    *("--timeout", "10", "--format", "json"),
)
_SECONDS = 300


def main() -> int:
    """Ask the database about every pin."""
    try:
        asked = subprocess.run(
            [sys.executable, "-m", *_COMMAND], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        print("audit: skipped: the database of known faults does not answer")
        return 0
    return verdict(asked.stdout, asked.stderr)


def verdict(output: str, errors: str) -> int:
    """Print what pip-audit found, and give the exit code.

    Args:
        output: its JSON; without any, it could not ask.
        errors: what else it said.
    """
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (errors.strip().splitlines() or ["it said nothing"])[-1]
        print(f"audit: skipped: the database of known faults cannot be reached ({reason[:200]})")
        return 0
    known = [package for package in packages if "vulns" in package]
    faults = [(package, fault) for package in known for fault in package["vulns"]]
    print(f"audit: {len(known)} of {len(packages)} pinned packages were looked up, {len(faults)} known faults")
    for package, fault in faults:
        better = ", ".join(fault["fix_versions"]) or "no version yet"
        print(f"audit: {package['name']} {package['version']}: {fault['id']}; mended in {better}: renew its pin")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
