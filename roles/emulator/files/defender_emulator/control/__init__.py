# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test switches on and looks at: faults, tenants, applications, the requests seen."""
