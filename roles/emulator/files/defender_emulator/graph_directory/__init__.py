# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of Microsoft Graph that register applications and grant them app roles."""
