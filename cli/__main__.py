"""``python -m symmetry_audit.cli``."""

from symmetry_audit.cli.main import main

if __name__ == "__main__":
    main()
