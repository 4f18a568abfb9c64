# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.changing import changes
from ansible_collections.mssp.defender.plugins.module_utils._core.changing.changes import (
    GRAPH_ALERT,
    GRAPH_INCIDENT,
    INCIDENT_STATUSES,
    XDR_INCIDENT,
    Comment,
    Form,
    Tags,
    Wanted,
    read_wanted,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError

ALL = {
    "status": "Resolved",
    "assigned_to": "ann@contoso.com",
    "classification": "FalsePositive",
    "determination": "Clean",
    "tags": {"add": ["new"], "remove": ["old"]},
    "comment": " Closed ",
}
XDR_RECORD = {
    "status": "Active",
    "assignedTo": None,
    "classification": "Unknown",
    "determination": "NotAvailable",
    "tags": ["old", "kept"],
    "comments": [],
}
GRAPH_RECORD = {
    "status": "active",
    "assignedTo": None,
    "classification": "unknown",
    "determination": "unknown",
    "customTags": ["old", "kept"],
}
FORMS = pytest.mark.parametrize(
    ("form", "record"), [(XDR_INCIDENT, XDR_RECORD), (GRAPH_INCIDENT, GRAPH_RECORD)], ids=["xdr", "graph"]
)


def wanted(**settings: Any) -> Wanted:
    return read_wanted(settings, INCIDENT_STATUSES, "")


def test_each_api_is_told_in_its_own_words() -> None:
    body = XDR_INCIDENT.body(XDR_INCIDENT.plan(XDR_RECORD, wanted(**ALL)))
    comment = body.pop("comment")
    assert body == {
        "status": "Resolved",
        "assignedTo": "ann@contoso.com",
        "classification": "FalsePositive",
        "determination": "Clean",
        "tags": ["kept", "new"],
    }
    plan = GRAPH_INCIDENT.plan(GRAPH_RECORD, wanted(**ALL))
    assert plan.pop("comment") == (None, comment)
    assert GRAPH_INCIDENT.body(plan) == {
        "status": "resolved",
        "assignedTo": "ann@contoso.com",
        "classification": "falsePositive",
        "determination": "notMalicious",
        "customTags": ["kept", "new"],
    }
    assert changes.comment_body("text")["comment"] == "text"


@FORMS
def test_what_is_so_already_is_not_sent(form: Form, record: dict[str, Any]) -> None:
    asked = wanted(**ALL)
    plan = form.plan(record, asked)
    said = {"comments": [{"comment": f"<p>{plan['comment'][1]}</p>"}]}
    assert form.plan({**record, **form.body(plan), **said}, asked) == {}
    assert form.plan(record, Wanted()) == {}


@FORMS
def test_nobody_is_sent_as_the_api_wants_it(form: Form, record: dict[str, Any]) -> None:
    assert form.plan(record, wanted(assigned_to="")) == {}
    plan = form.plan({**record, "assignedTo": "ann@contoso.com"}, wanted(assigned_to=""))
    assert plan == {"assigned_to": ("ann@contoso.com", None)}
    assert form.body(plan) == {"assignedTo": {"xdr": "", "graph": None}[form.api.name]}


@FORMS
def test_a_user_is_the_same_in_upper_case(form: Form, record: dict[str, Any]) -> None:
    assert form.plan({**record, "assignedTo": "Ann@Contoso.com"}, wanted(assigned_to="ann@contoso.com")) == {}


def test_a_comment_of_graph_is_not_in_the_body() -> None:
    for form in (GRAPH_INCIDENT, GRAPH_ALERT):
        plan = form.plan({}, wanted(comment="Closed"))
        assert (list(plan), form.body(plan)) == (["comment"], {})


def test_an_alert_has_no_tags_to_change() -> None:
    assert GRAPH_ALERT.plan({}, wanted(tags={"set": ["a"]})) == {}


def test_the_marker_is_made_from_the_key_or_the_text() -> None:
    plain, keyed, other = Comment("a"), Comment("b", "a"), Comment("a", "k")
    assert plain.marker == keyed.marker != other.marker
    assert keyed.marked == f"b {keyed.marker}"
    said = {"comments": [{"comment": None}, {"comment": f"&nbsp;A {plain.marker}&nbsp;"}]}
    assert XDR_INCIDENT.plan(said, wanted(comment="a")) == {}
    assert XDR_INCIDENT.plan(said, wanted(comment="a", comment_key="k")) != {}


TAGS = st.lists(st.sampled_from("abcdef"), unique=True)


@given(current=TAGS, add=TAGS, remove=TAGS)
def test_tags_are_added_and_taken_away_and_the_others_stay(
    current: list[str], add: list[str], remove: list[str]
) -> None:
    removed = tuple(tag for tag in remove if tag not in add)
    tags = Tags(tuple(add), removed)
    result = tags.of(current)
    assert set(result) == (set(current) - set(removed)) | set(add)
    assert len(set(result)) == len(result)
    assert tags.of(result) == result
    assert [tag for tag in result if tag in current] == [tag for tag in current if tag not in removed]


@given(current=TAGS, only=TAGS)
def test_tags_that_are_set_are_all_there_are(current: list[str], only: list[str]) -> None:
    assert Tags(only=tuple(only)).of(current) == only


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"status": "Redirected"},
            "here: status 'Redirected' cannot be set: it is one of Active, InProgress, Resolved",
        ),
        ({"status": 1}, "here: status is 1: it must be a text"),
        ({"comment": ["a"]}, "here: comment is ['a']: it must be a text"),
        ({"classification": "TruePositive", "determination": "Clean"}, "here: determination 'Clean' does not go with"),
        ({"tags": {}}, "here: tags must have either 'set', or 'add' and 'remove'"),
        ({"tags": ["a"]}, "here: tags must have either"),
        ({"tags": {"set": ["a"], "add": ["b"]}}, "here: tags must have either"),
        ({"tags": {"drop": ["a"]}}, "here: tags must have either"),
        ({"tags": {"add": [1]}}, "here: tags.add is [1]: it must be a list of texts"),
        ({"tags": {"add": [" "]}}, "here: tags.add is [' ']: it must be a list of texts"),
        ({"tags": {"add": ["a"], "remove": ["a"]}}, "here: tags: 'a' cannot be added and removed at once"),
    ],
)
def test_what_cannot_be_set_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        read_wanted(settings, INCIDENT_STATUSES, "here: ")
    assert str(refused.value).startswith(sentence)


def test_a_blank_comment_is_none() -> None:
    assert wanted(comment=" ", comment_key="k") == Wanted()


def test_one_tag_needs_no_list() -> None:
    assert wanted(tags={"add": "a"}).tags == Tags(add=("a",))
