from __future__ import annotations


def run_demo(layout, interruption, console):
    return 1
