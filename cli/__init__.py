"""The command line; installed as ``symmetry_audit.cli``. One file per verb, no mathematics."""
