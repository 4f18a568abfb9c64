# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import written_ids

GUID = "44444444-4444-4444-8444-44444444444a"


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        (f"{GUID[:8]}\u200b{GUID[8:]}", "U+200B ZERO WIDTH SPACE"),
        (f"\ufeff{GUID}", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        (f"{GUID}\u00ad", "U+00AD SOFT HYPHEN"),
        (f"\u200f{GUID}", "U+200F RIGHT-TO-LEFT MARK"),
        (f"{GUID[:4]}\u00a0{GUID[4:]}", "U+00A0 NO-BREAK SPACE"),
        (GUID.replace("-", "\u2011"), "U+2011 NON-BREAKING HYPHEN"),
        (GUID.replace("4", "\uff14"), "U+FF14 FULLWIDTH DIGIT FOUR"),
        (f" {{{GUID}}}", "the braces"),
        (f"{{{GUID}", "U+007B LEFT CURLY BRACKET"),
        (f"'{GUID.upper()}'", "U+0027 APOSTROPHE"),
        (f"urn:uuid:{GUID}", None),
        (GUID.replace("-", ""), None),
    ],
)
def test_a_guid_is_known_behind_what_is_in_its_way(text: str, strange: str | None) -> None:
    assert written_ids.guid_meant(text) == (GUID, strange)
    assert written_ids.tenant_meant(text) == (f"{GUID}, without {strange}" if strange else GUID)


@pytest.mark.parametrize("text", ["", "contoso", GUID[:-1], f"{GUID}0", "Q~8secret" * 4, GUID.replace("a", "\u0430")])
def test_what_has_not_the_digits_of_a_guid_is_none(text: str) -> None:
    assert written_ids.guid_meant(text) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (f"https://login.microsoftonline.com/{GUID}/v2.0", GUID),
        (f"{GUID}, {GUID.upper()}", GUID),
        (f"{GUID},{GUID.replace('a', 'b')}", "one id, not 2 of them"),
        ("https://contoso.com/welcome?x=1", "contoso.com"),
        ("contoso.com:443/", "contoso.com"),
        ("mailto:admin@contoso.com", "contoso.com"),
        ("Admin@Contoso.com", "contoso.com"),
        ("'contoso.com'", "contoso.com"),
        ("contoso\u200b.com", "contoso.com, without U+200B ZERO WIDTH SPACE"),
        ("\uff43ontoso.com", "contoso.com, without U+FF43 FULLWIDTH LATIN SMALL LETTER C"),
        ("m\u00fcnchen.example", "xn--mnchen-3ya.example, the form in which that domain is registered"),
        ("MU\u0308NCHEN.example", "xn--mnchen-3ya.example, the form in which that domain is registered"),
        ("stra\u00dfe.example", "xn--strae-oqa.example, the form in which that domain is registered"),
        ("cont\u043eso.com", "a domain without U+043E CYRILLIC SMALL LETTER O, which stands among Latin letters"),
    ],
)
def test_a_domain_is_known_in_what_stands_for_it(text: str, meant: str) -> None:
    assert written_ids.tenant_meant(text) == meant


@pytest.mark.parametrize(
    ("text", "strange"),
    [("contoso .com", "U+0020 SPACE"), ("contoso.com\ncommon", "U+000A"), ("*.contoso.com", "U+002A ASTERISK")],
)
def test_a_character_that_no_domain_has_is_named(text: str, strange: str) -> None:
    wanted = "the customer's tenant GUID or one of its verified domains"
    assert written_ids.tenant_meant(text) == f"{wanted}, without {strange}"


@pytest.mark.parametrize("text", ["contoso", "contoso..com", "-contoso.com", GUID[:-1]])
def test_of_a_text_that_is_wrong_in_itself_nothing_is_told(text: str) -> None:
    assert written_ids.tenant_meant(text) is None


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        (GUID.replace("a", "\u0430"), "U+0430 CYRILLIC SMALL LETTER A"),
        (f" {GUID.replace('a', chr(0x0435)).replace('-', '')}", "U+0435 CYRILLIC SMALL LETTER IE"),
        (GUID, None),
        (GUID.replace("a", "z"), None),
        (GUID[:-2] + "\u0430", None),
        ("cont\u043eso", None),
    ],
)
def test_a_letter_that_looks_like_a_digit_of_a_guid_is_named(text: str, foreign: str | None) -> None:
    assert written_ids.foreign_digit(text) == foreign
