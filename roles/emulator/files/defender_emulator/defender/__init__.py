# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource side: incidents, alerts and hunting, in the Defender XDR API and in Microsoft Graph security."""
