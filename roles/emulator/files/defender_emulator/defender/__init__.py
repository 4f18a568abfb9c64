# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource side: incidents, as the Defender XDR API and as Microsoft Graph security serve them."""
