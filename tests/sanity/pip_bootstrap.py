# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does the work of pip's bootstrap script without a download: pip from ensurepip, then the versions asked for."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, because ensurepip turns off pip's configuration for the whole process.
subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", *wanted], check=False).returncode)
