# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the checkout importable as ansible_collections.mssp.defender, and in CI makes skips failures."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
COLLECTIONS = ROOT / ".cache" / "collections"
LINK = COLLECTIONS / "ansible_collections" / "mssp" / "defender"


def _link_collection() -> None:
    """Ansible finds a collection only by its path: give the checkout one, wherever it lies."""
    LINK.parent.mkdir(parents=True, exist_ok=True)
    if not LINK.is_symlink():
        LINK.symlink_to(os.path.relpath(ROOT, LINK.parent), target_is_directory=True)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    sys.path.insert(0, str(COLLECTIONS))


_link_collection()
# A test that runs ansible-playbook means the one of this interpreter.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def _skips(session: pytest.Session) -> list[str]:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    return sorted({report.longrepr[2].removeprefix("Skipped: ") for report in reporter.stats.get("skipped", [])})


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI=true no test may be skipped: what it needs belongs on that machine."""
    if os.environ.get("CI") == "true" and _skips(session):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what CI does not forgive."""
    if os.environ.get("CI") == "true":
        for reason in _skips(terminalreporter._session):
            terminalreporter.line(f"FAILED: skipped in CI: {reason}", red=True)
