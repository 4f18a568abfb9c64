# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What modules that read records share. The table is that of module_utils/_operations/reading/delivery.py."""

    DOCUMENTATION = r"""
options:
  assigned_to:
    description:
      - Only what is assigned to this user.
    type: str
  created_after:
    description:
      - Only what was created at this time or later. An ISO 8601 time, or an age such as V(90m), V(24h) or V(7d).
    type: str
  updated_after:
    description:
      - Only what was updated at this time or later. An ISO 8601 time, or an age such as V(90m), V(24h) or V(7d).
      - Mutually exclusive with O(checkpoint), which knows the time itself.
    type: str
  filter:
    description:
      - An OData filter of your own, joined to the others by C(and).
    type: str
  limit:
    description:
      - Return at most this many of a tenant. By default all.
      - Mutually exclusive with O(checkpoint).
    type: int
  newest:
    description:
      - How many of a tenant are returned, those that were updated last, the newest first. By default all.
      - All are read and counted all the same. V(0) returns the count alone.
      - Without effect with O(dest) or O(checkpoint), from which nothing is left out.
    type: int
  normalize:
    description:
      - Whether to add to each record its common shape, as the member C(normalized). It has the same names and values
        whichever API the record came from.
      - Its members are C(id), C(title), C(status), C(severity), C(classification), C(determination), C(assigned_to),
        C(created), C(updated), C(tags), C(service_sources), C(alerts) (how many), C(redirect_id) and C(url).
        What the API did not send is V(null).
      - C(url) is the page in Microsoft's portal, with the customer's tenant in it. It is what the API sent, where that
        leads to the portal. For an incident without such a link, as most of the Defender XDR API, it is made. It is
        V(null) for an alert without one, and in the cloud V(china), whose portal is not known.
      - All else stays as Microsoft sent it.
    type: bool
    default: true
  dest:
    description:
      - File to write to, one JSON object a line, with mode V(0600).
        For a fleet a folder, with one file C(NAME.jsonl) for each tenant. It is made where it is missing,
        for its owner alone. The folder of a single file must exist.
      - Each record is written as the service sent it, with nothing but line breaks taken out.
      - The records are then not returned.
    type: path
  checkpoint:
    description:
      - File that keeps where the reading of the tenant stands. Only what is new, or was updated since, is handed out.
        For a fleet a folder, with one file C(NAME.checkpoint) for each tenant, made like that of O(dest). Nobody else
        may be able to write to it.
      - The first run reads what was updated within O(backfill).
      - With O(dest) the records are added to the end of the file. One that holds records of the other API is renamed
        first, and a new one begins. The checkpoint moves only when they are safely
        there, or returned. A run that ends early repeats records and never loses one.
      - Every state of a record that lasts from one run to the next is handed out. Of those that follow each other
        in between, the last.
      - It belongs to one tenant and one set of filters, and is refused for others. A damaged one is refused too, and
        kept, and so is one that belongs to another user or that others can write to.
      - In check mode it does not move.
      - Mutually exclusive with O(limit) and O(updated_after).
    type: path
  backfill:
    description:
      - How far the first run with a O(checkpoint) reaches back, as an ISO 8601 time of last update, or an age such as
        V(24h) or V(30d), or V(all) for everything that the service has.
    type: str
    default: 30d
"""
