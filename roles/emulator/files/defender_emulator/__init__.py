# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An offline Microsoft for tests: Entra ID, admin consent and the Defender incident API over real HTTPS.

``entra`` is the identity platform, ``defender`` the two incident APIs, ``control`` what a test turns and reads.
``world`` holds everything they share for one run; ``lifecycle`` and ``server`` start and stop the process.
"""
