"""Conditions on the numbers of a result: a TOML file, an outcome for each condition, JUnit XML for CI systems."""

from symmetry_audit.conditions._check import Outcome, check
from symmetry_audit.conditions._file import Condition, load_conditions
from symmetry_audit.conditions._junit import junit
from symmetry_audit.conditions._tables import ResultTable, tables_of

__all__ = ["Condition", "Outcome", "ResultTable", "check", "junit", "load_conditions", "tables_of"]
