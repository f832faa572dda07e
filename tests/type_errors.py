"""Counts pyright's errors room by room: none in the public surface, elsewhere no more than type_errors.json allows.

python tests/type_errors.py            # as `make types` and `make lint` do; fails where there are more
python tests/type_errors.py --update   # lowers the ceilings to what was found, and never raises one
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CEILINGS = Path(__file__).with_suffix(".json")
PUBLIC = ("symmetry_audit", "symmetry_audit/verbs", "symmetry_audit/layers", "symmetry_audit/testing.py")


def room(path: str) -> str:
    """The part of the project that the file ``path`` belongs to; "symmetry_audit" is the package's own __init__.

    >>> room("symmetry_audit/layers/bases/_basis.py"), room("symmetry_audit/files.py"), room("cli/train.py")
    ('symmetry_audit/layers', 'symmetry_audit/files.py', 'cli')
    >>> room("symmetry_audit/__init__.py")
    'symmetry_audit'
    """
    first, _, rest = path.partition("/")
    return first if first != "symmetry_audit" or rest == "__init__.py" else f"{first}/{rest.partition('/')[0]}"


def risen(found: Mapping[str, int], ceilings: Mapping[str, int]) -> list[str]:
    """The rooms with more errors than their ceiling, which is 0 where none is written and in the public surface."""
    return [name for name in sorted(found) if found[name] > (0 if name in PUBLIC else ceilings.get(name, 0))]


def lowered(found: Mapping[str, int], ceilings: Mapping[str, int]) -> dict[str, int]:
    """The ceilings that ``found`` allows: none above what it was, and none of 0, which needs no line."""
    least = {name: min(ceiling, found.get(name, 0)) for name, ceiling in sorted(ceilings.items())}
    return {name: count for name, count in least.items() if count and name not in PUBLIC}


def reported() -> list[tuple[str, str]]:
    """(room, line to print) of every error."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--project", str(ROOT), "--pythonpath", sys.executable]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        sys.exit(f"pyright failed: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    found = []
    for item in json.loads(run.stdout)["generalDiagnostics"]:
        if item["severity"] == "error":
            path = Path(item["file"]).relative_to(ROOT).as_posix()
            line = item["range"]["start"]["line"] + 1
            found.append((room(path), f"{path}:{line}: {item['message']} ({item.get('rule', 'syntax')})"))
    return found


def main(update: bool) -> int:
    ceilings = json.loads(CEILINGS.read_text())
    errors = reported()
    found = Counter(name for name, _ in errors)
    for name in (worse := risen(found, ceilings)):
        print(*(line for where, line in errors if where == name), sep="\n")
        print(f"{name}: {found[name]} type errors, {0 if name in PUBLIC else ceilings.get(name, 0)} allowed\n")
    if (least := lowered(found, ceilings)) != ceilings:
        if update:
            CEILINGS.write_text(json.dumps(least, indent=2) + "\n")
        else:
            print(f"fewer type errors than allowed; write it down: python {Path(__file__).relative_to(ROOT)} --update")
    print(f"{sum(found.values())} type errors, {sum(least.values())} allowed")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main(update="--update" in sys.argv[1:]))
