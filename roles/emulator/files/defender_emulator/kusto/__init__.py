# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the Kusto query language that public hunting queries use most. It knows nothing of the tables."""
