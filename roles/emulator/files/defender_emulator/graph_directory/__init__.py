# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of Microsoft Graph that register applications, grant them app roles, and list a partner's customers."""
