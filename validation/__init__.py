"""The validation suite: each case holds the program against a closed form, an invariant or another
program.

Every case is a module with ``run(level)``, level "quick" or "full", that returns a list of rows.
"""
