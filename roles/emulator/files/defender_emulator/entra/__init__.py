# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity platform: tenants, applications, service principals, credentials, tokens and admin consent."""
