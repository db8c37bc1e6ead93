"""An example job: every item is a Python source file, and its workers measure it."""
