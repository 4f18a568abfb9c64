# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity platform: tenants, one multi-tenant application, credentials, tokens and admin consent."""
