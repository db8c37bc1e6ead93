"""The command line: submit, watch, stop, report."""
