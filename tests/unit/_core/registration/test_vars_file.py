# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from hypothesis import given
from hypothesis import strategies as st
from support.vaults import encrypted, opened, vault

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.vars_file import Unsafe, VarsFile
from ansible_collections.mssp.defender.plugins.module_utils._core.vaults import Vault

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [
        "it's",
        'say "no"',
        "{{ lookup('env', 'HOME') }}",
        "{% raw %}",
        "a: b # c",
        "\\n",
        "😀",
        "\x85\u2028",
        "null",
        "1e3",
    ]
)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-(2**40), 2**40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
OTHER_LINES = st.lists(
    st.sampled_from(
        [
            "# a comment: of ours\n",
            "\n",
            "other: 1  # why\n",
            "'quoted':   [1, 2]\n",
            "list:\n- one\n- two: 2\n",
            "list_2:\n  - one\n",
            "mapping:\n    deep:\n\n      value: x\n",
            "block: |\n  my_secret: not this one\n\n  more\n",
            "my_secret_2: near\n",
            "not_my_secret: near\n",
            'separated: "a\u2028b\x85c\u2029d"\n',
            "vaulted: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3061\n",
        ]
    )
)
OWN_LINES = st.sampled_from(
    ["my_secret: old\n", "my_secret : old\n", "my_secret:\n  - old\n  - older\n", "my_secret: |\n  old\n   older\n", ""]
)


class _Loader(yaml.SafeLoader):
    """Reads the two tags of Ansible as text."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
_Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))


def loaded(text: str) -> Any:
    return yaml.load(text, _Loader)


def vars_file(path: Path, run_vault: Vault | None = None) -> VarsFile:
    return VarsFile("dest", path, run_vault)


def refusal_of(path: Path, run_vault: Vault | None = None) -> str:
    with pytest.raises(OptionError) as refused:
        vars_file(path, run_vault).check()
    assert "canary" not in str(refused.value)
    return str(refused.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "credential.yml"


@given(value=VALUES)
def test_what_is_written_is_yaml_of_the_same_value(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.mktemp("vars") / "credential.yml"
    vars_file(path).write({"my_secret": value, "after": 1})
    assert loaded(path.read_bytes().decode()) == {"my_secret": value, "after": 1}


@given(text=TEXTS)
def test_a_secret_is_written_so_that_nobody_templates_it(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("vars") / "credential.yml"
    vars_file(path).write({"my_secret": Unsafe(text)})
    assert loaded(path.read_bytes().decode()) == {"my_secret": text}
    assert "\nmy_secret: !unsafe " in path.read_bytes().decode()


@pytest.mark.parametrize("secret", ["it's {{ 7 * 7 }}", 'a"b\\c', "{% endraw %}", "plain~.-_Q8"])
def test_ansible_itself_reads_back_the_secret_untemplated(path: Path, secret: str) -> None:
    vars_file(path).write({"my_secret": Unsafe(secret)})
    loader = DataLoader()
    variables = loader.load_from_file(str(path))
    assert Templar(loader, variables=variables).template(variables["my_secret"]) == secret


@given(before=OTHER_LINES, own=OWN_LINES, after=OTHER_LINES, value=VALUES)
def test_every_other_line_stays_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], own: str, after: list[str], value: Any
) -> None:
    path = tmp_path_factory.mktemp("vars") / "credential.yml"
    first, last = "".join(["---\n", *before]), "".join(["end: 1\n", *after])
    path.write_bytes((first + own + last).encode())
    vars_file(path).write({"my_secret": value})
    text = path.read_bytes().decode()
    assert loaded(text)["my_secret"] == value
    (line,) = re.findall(r"^my_secret: .*\n", text, re.MULTILINE)
    assert text == (first + line + last if own else first + last + line)


@given(first=VALUES, second=VALUES, records=st.dictionaries(TEXTS, TEXTS | st.integers(), max_size=4))
def test_a_record_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, first: Any, second: Any, records: dict[str, Any]
) -> None:
    file = vars_file(tmp_path_factory.mktemp("vars") / "credential.yml")
    file.write({"secret": first, "credential": {"old": 1}})
    file.write({"credential": records, "secret": second})
    assert file.read("credential") == records


@pytest.mark.parametrize("content", [None, "", "\n", "---\n", "# nothing yet\n", "other: 1\n", "other: 1"])
def test_the_first_variable_finds_its_place_in_any_file(path: Path, content: str | None) -> None:
    if content is not None:
        path.write_text(content)
    vars_file(path).write({"my_secret": "s"})
    text = path.read_text()
    assert text.startswith(content or "---\n")
    assert text.endswith('\nmy_secret: "s"\n')


def test_the_end_of_a_line_stays_as_it_is(path: Path) -> None:
    path.write_bytes(b"one: 1\r\nmy_secret: old\r\ntwo: 2\r\n")
    vars_file(path).write({"my_secret": "new"})
    assert path.read_bytes() == b'one: 1\r\nmy_secret: "new"\ntwo: 2\r\n'


def test_a_name_in_quotes_is_the_same_name(path: Path) -> None:
    path.write_text("\"my_secret\": old\n'my_id': old\n")
    vars_file(path).write({"my_secret": "new", "my_id": "new"})
    assert path.read_text() == 'my_secret: "new"\nmy_id: "new"\n'


@pytest.mark.parametrize("old", ["|\n  one\n\n  two\n", "\n  - one\n# why\n  - two\n", "\n\n  deep: 1\n"])
def test_a_value_over_several_lines_is_replaced_as_a_whole(path: Path, old: str) -> None:
    path.write_text(f"my_secret: {old}\nother: 1\n")
    vars_file(path).write({"my_secret": "new"})
    assert loaded(path.read_text()) == {"my_secret": "new", "other": 1}


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    path.write_text("other: 1\n")
    path.chmod(0o644)
    vars_file(path).write({"my_secret": "s"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_one(tmp_path: Path, path: Path) -> None:
    link = tmp_path / "link.yml"
    link.symlink_to(path)
    vars_file(link).write({"my_secret": "s"})
    assert link.is_symlink()
    assert loaded(path.read_text()) == {"my_secret": "s"}


def test_lines_that_another_writer_changed_meanwhile_stay(path: Path) -> None:
    path.write_text("other: 1\n")
    file = vars_file(path)
    file.check()
    file.write({"my_record": {"attempt": 1}})
    path.write_text(path.read_text().replace("other: 1", "other: 2") + "third: 3\n")
    file.write({"my_secret": "s", "my_record": {"made": 2}})
    assert loaded(path.read_text()) == {"other": 2, "my_record": {"made": 2}, "third": 3, "my_secret": "s"}


@pytest.mark.parametrize("content", [None, "", "other: 1\n", "credential_2: {}\n", "credential: []\n"])
def test_no_record_is_an_empty_one(path: Path, content: str | None) -> None:
    if content is not None:
        path.write_text(content)
    assert vars_file(path).read("credential") == {}


def test_a_record_that_somebody_wrote_by_hand_is_named(path: Path) -> None:
    path.write_text("credential: by hand\n")
    with pytest.raises(OptionError, match=r"^dest .* its line 'credential' is not what this module wrote: remove that"):
        vars_file(path).read("credential")


def test_a_new_file_is_encrypted_from_the_first_byte(path: Path) -> None:
    vars_file(path, vault(default="pass")).write({"my_secret": Unsafe("canary")})
    text = path.read_text()
    assert text.startswith("$ANSIBLE_VAULT;1.1;AES256\n")
    assert opened(text, "pass") == '---\nmy_secret: !unsafe "canary"\n'


@pytest.mark.parametrize("vault_id", ["prod", "dev"])
def test_an_encrypted_file_stays_under_its_vault_id(path: Path, vault_id: str) -> None:
    passwords = {"dev": "dev-pass", "prod": "prod-pass"}
    path.write_text(encrypted("other: 1\n", passwords[vault_id], vault_id))
    file = vars_file(path, vault(**passwords))
    file.write({"my_secret": "s"})
    assert path.read_text().startswith(f"$ANSIBLE_VAULT;1.2;AES256;{vault_id}\n")
    assert opened(path.read_text(), passwords[vault_id]) == 'other: 1\nmy_secret: "s"\n'


@pytest.mark.parametrize("label", [None, "label-of-another-machine"])
def test_an_encrypted_file_stays_under_the_password_that_opens_it(path: Path, label: str | None) -> None:
    path.write_text(encrypted("other: 1\n", "prod-pass", label))
    vars_file(path, vault(dev="dev-pass", prod="prod-pass")).write({"my_secret": "s"})
    assert opened(path.read_text(), "prod-pass") == 'other: 1\nmy_secret: "s"\n'


def test_an_encrypted_record_is_read_back(path: Path) -> None:
    run_vault = vault(default="pass")
    vars_file(path, run_vault).write({"credential": {"key_id": "k1"}})
    assert vars_file(path, run_vault).read("credential") == {"key_id": "k1"}


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_as_good_as_none(path: Path, content: str) -> None:
    path.write_text(content)
    file = vars_file(path, vault(default="pass"))
    file.check()
    file.write({"my_secret": "s"})
    assert loaded(opened(path.read_text(), "pass")) == {"my_secret": "s"}


def test_a_check_writes_nothing(tmp_path: Path, path: Path) -> None:
    vars_file(path).check()
    vars_file(path, vault(default="pass")).check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "run_vault", "sentence"),
    [
        (encrypted("canary: 1\n", "pass"), None, "it is encrypted: set encrypt to true"),
        (
            encrypted("canary: 1\n", "pass"),
            vault(),
            "it is encrypted, and this run has no vault password: run with --vault-password-file or --vault-id",
        ),
        (
            encrypted("canary: 1\n", "pass"),
            vault(default="wrong"),
            "no vault password of this run opens it: run with --vault-password-file or --vault-id",
        ),
        (
            None,
            vault(),
            (
                "it is to be encrypted, and this run has no vault password: run with --vault-password-file or "
                "--vault-id, or set encrypt to false"
            ),
        ),
        (
            "canary: 1\n",
            vault(default="pass"),
            "it is not encrypted: encrypt it with ansible-vault, or set encrypt to false",
        ),
        ("$ANSIBLE_VAULT;9.9;canary\n", vault(default="pass"), "no vault password of this run opens it: run with"),
        ("- canary\n", None, "its line 1 is not 'name: value': name a file of plain variables"),
        ("---\none: 1\n[canary]\n", None, "its line 3 is not 'name: value': name a file of plain variables"),
        ("one: 1\ncanary\n  two: 2\n", None, "its line 2 is not 'name: value'"),
        ("  indented: canary\n", None, "its line 1 is not 'name: value'"),
        ("{one: canary}\n", None, "its line 1 is not 'name: value'"),
    ],
)
def test_a_file_that_could_not_keep_the_secret_is_refused(
    path: Path, content: str | None, run_vault: Vault | None, sentence: str
) -> None:
    if content is not None:
        path.write_text(content)
    assert refusal_of(path, run_vault).startswith(f"dest {path} cannot be used: {sentence}")
    assert (path.read_text() if path.exists() else None) == content


def test_a_file_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"one: \xff\n")
    sentence = "it cannot be read as text: correct its path, owner and mode"
    assert refusal_of(path) == f"dest {path} cannot be used: {sentence}"


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    assert "is not a regular file" in refusal_of(tmp_path)


def test_a_file_that_others_wrote_is_refused(path: Path) -> None:
    path.write_text("one: 1\n")
    path.chmod(0o602)
    assert refusal_of(path) == (f"dest: {path} is a file that others can write to: remove it, or set its mode to 0600")
    # in a checkout, where the umask gives the user's own group the right
    path.chmod(0o664)
    VarsFile("dest", path, None).check()


def test_a_link_must_lie_where_nobody_else_could_make_one(path: Path, tmp_path: Path) -> None:
    path.write_text("one: 1\n")
    (tmp_path / "shared").mkdir()
    link = tmp_path / "shared" / "link.yml"
    link.symlink_to(path)
    VarsFile("dest", link, None).check()
    link.parent.chmod(0o777)
    assert "is a folder that others can write to" in refusal_of(link)


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    assert "is not a regular file" in refusal_of(path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert refusal_of(missing / "vars.yml") == f"dest: the folder {missing} does not exist: create it first"
