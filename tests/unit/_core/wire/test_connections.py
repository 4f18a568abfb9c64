# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.wire import tls
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.connections import Connections
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.failures import Waits

WAITS = Waits(5, 5, 50)


def asked_through(connections: Connections, url: str) -> int:
    answer = connections.answer("GET", url, {}, None, WAITS, None)
    answer.drain_conn()
    return int(answer.status)


def test_all_connections_share_the_context_and_none_reads_the_bundle_again(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.script("/a", Answer(delay=0.2))
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(Path(server.ca_path).read_text())
    connections = Connections(tls.trusted(str(bundle)).context, 4)
    bundle.unlink()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(asked_through, [connections] * 4, [f"{server.url}/a"] * 4)) == [200] * 4


def test_a_certificate_of_another_authority_or_name_is_refused(server: ScriptedServer) -> None:
    with pytest.raises(urllib3.exceptions.SSLError):
        asked_through(Connections(tls.trusted(None).context, 1), f"{server.url}/a")
    with pytest.raises(urllib3.exceptions.SSLError):
        asked_through(
            Connections(tls.trusted(server.ca_path).context, 1), f"{server.url.replace('127.0.0.1', 'localhost')}/a"
        )
    assert server.requests == []
