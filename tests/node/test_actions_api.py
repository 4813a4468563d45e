"""Every action of the console has its operation in the API: what a page lets people do, a program can be let do."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

WRITES = {"POST", "PUT", "PATCH", "DELETE"}

OPERATIONS: dict[str, tuple[str, ...]] = {
    "accounts:change": (
        "people_role_grant", "people_role_revoke", "people_team_join", "people_team_leave", "people_deactivate",
        "people_reactivate", "people_recover", "people_end_sessions", "people_way_in_remove",
    ),
    "accounts:decide": ("people_approve", "people_refuse", "people_withdraw"),
    "accounts:invite": ("people_invite",),
    "accounts:invite_again": ("people_invite_again",),
    "accounts:team_change": ("people_team_make", "people_team_close"),
    "attacks:decide": ("attacks_false_positive", "attacks_split", "attacks_note"),
    "attacks:merge": ("attacks_merge",),
    "attacks:recall": ("attacks_recall",),
    "attacks:share": ("attacks_share",),
    "attacks:withdraw": ("attacks_withdraw",),
    "cases:add-note": ("case_write_note",),
    "cases:add-person": ("case_add_person",),
    "cases:add-selector": ("case_add_selector",),
    "cases:add-task": ("case_set_task",),
    "cases:change": ("case_change",),
    "cases:court": ("case_court",),
    "cases:erasure-statement": ("erasure_statement",),
    "cases:evidence-destroy": ("evidence_destroy",),
    "cases:evidence-handle": ("evidence_original",),
    "cases:evidence-open": ("evidence_open",),
    "cases:evidence-upload": ("evidence_add",),
    "cases:joint-tell": ("joint_say",),
    "cases:joint-open": ("joint_open",),
    "cases:joint-say": ("joint_say",),
    "cases:keep": ("case_keep",),
    "cases:list-selectors": ("case_add_selectors",),
    "cases:open": ("case_open",),
    "cases:person": ("case_change_person",),
    "cases:remove": ("case_remove_part",),
    "cases:state": ("case_status",),
    "cases:subject": ("subject_answer",),
    "cases:subject-ask": ("subject_ask",),
    "cases:subject-erase": ("subject_erase",),
    "cases:take-selectors": ("case_add_selectors",),
    "cases:tick": ("case_tick",),
    "cases:tie": ("case_tie",),
    "console:entry": ("ledger_entry",),
    "console:export": ("ledger_proof",),
    "console:mark": ("ledger_mark",),
    "console:purge": ("ledger_purge",),
    "console:settings-endpoint-close": ("settings_endpoint_close",),
    "console:settings-endpoints": ("settings_endpoint_propose",),
    "console:settings-group": ("settings_change",),
    "console:settings-test": ("settings_test",),
    "console:settings-watching": ("flows_watch",),
    "constituency:add": ("constituency_change",),
    "constituency:apply": ("constituency_import",),
    "constituency:put-back": ("constituency_put_back",),
    "constituency:row": ("constituency_change", "constituency_remove"),
    "constituency:try": ("constituency_import",),
    "attacks:acted": ("attacks_acted",),
    "attacks:pass-on": ("attacks_pass_on", "attacks_ask_release"),
    "federation:release": ("releases_grant", "releases_refuse"),
    "federation:add": ("partners_add",),
    "federation:give-anew": ("partners_give_anew",),
    "federation:group": ("groups_change",),
    "federation:group-end": ("groups_dissolve",),
    "federation:group-new": ("groups_make",),
    "federation:rule-end": ("rules_end",),
    "federation:rule-new": ("rules_propose",),
    "federation:change": ("partners_suspend", "partners_stand", "partners_move", "partners_witness_ask", "partners_witness_answer"),
    "edge:new": ("edge_add",),
    "edge:revoke": ("edge_revoke",),
    "intel:acted": ("intel_acted",),
    "intel:edit": ("intel_change",),
    "intel:feed-edit": ("feeds_change",),
    "intel:feed-new": ("feeds_subscribe", "feeds_try", "feeds_collections"),
    "intel:feed-pause": ("feeds_pause",),
    "intel:feed-remove": ("feeds_remove",),
    "intel:feed-resume": ("feeds_resume",),
    "intel:feed-run-now": ("feeds_run",),
    "intel:grade": ("intel_grade",),
    "intel:pass-on": ("intel_pass_on", "intel_ask_release"),
    "intel:recall": ("intel_recall",),
    "intel:restore": ("intel_restore",),
    "intel:search-change": ("searches_change",),
    "intel:search-delete": ("searches_delete",),
    "intel:search-new": ("searches_save",),
    "intel:search-seen": ("searches_seen",),
    "intel:share": ("intel_share",),
    "intel:take-back": ("intel_take_back",),
    "intel:undo": ("intel_undo",),
    "intel:ungrade": ("intel_grade_withdraw",),
    "intel:upload": ("intel_bring_in",),
    "intel:write": ("intel_write",),
    "jobs:again": ("jobs_again",),
    "jobs:cancel": ("jobs_cancel",),
    "telemetry:analyse": ("flows_analyse",),
    "telemetry:load-exercise": ("flows_load_exercise",),
    "telemetry:remove": ("flows_remove",),
    "telemetry:upload": ("flows_upload", "flows_analyse"),
    "matching:agree": ("matching_agree",),
    "matching:agree-with": ("matching_agree",),
    "matching:ask": ("matching_ask",),
    "matching:count-sources": ("matching_count",),
    "matching:decline": ("matching_offer",),
    "matching:end": ("matching_end",),
    "matching:keep-out": ("matching_keep_out",),
    "matching:let-in": ("matching_keep_out",),
    "matching:offer": ("matching_offer",),
    "matching:reopen": ("matching_reopen",),
    "matching:reopen-count": ("matching_reopen_count",),
    "matching:reopen-day": ("matching_reopen_day",),
    "matching:ask-who-else": ("matching_ask_who_else",),
    "matching:standing": ("matching_standing_set",),
    "matching:stop": ("matching_stop",),
    "webhooks:new": ("webhooks_propose",),
    "webhooks:pause": ("webhooks_pause",),
    "webhooks:remove": ("webhooks_remove",),
    "webhooks:resume": ("webhooks_resume",),
    "webhooks:test": ("webhooks_test",),
    "telemetry:watch": ("flows_watch",),
}  # fmt: skip
"""By page, the operations that do what its form does."""


def patterns(resolver: URLResolver | None = None, room: str = "") -> Iterator[tuple[str, URLPattern]]:
    """All addresses of the project, each with its room."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one, one.namespace or room)
        else:
            yield room, one


def test_every_form_has_its_operations():
    """A page that takes a form is in the table, the table names no page that is gone, and its operations exist.

    TAXII is for programs alone, as its standard says.
    """
    forms, operations = set(), {}
    for room, one in patterns():
        if room != "taxii" and WRITES & set(getattr(one.callback, "methods", ())):
            forms.add(f"{room}:{one.name}")
        for operation in getattr(one.callback, "operations", None) or ():
            operations[operation.operation_id] = operation
    assert forms ^ OPERATIONS.keys() == set()
    assert {name for names in OPERATIONS.values() for name in names} - operations.keys() == set()


def test_whoever_may_use_the_form_may_use_the_operation():
    """Where form and operation are one action of policy, both ask for the same."""
    told = {}
    for room, one in patterns():
        for operation in getattr(one.callback, "operations", None) or ():
            told[operation.operation_id] = getattr(operation.view_func, "action", None)
        if WRITES & set(getattr(one.callback, "methods", ())):
            told[f"{room}:{one.name}"] = one.callback.action
    differ = {
        (form, name): (told[form], told[name])
        for form, names in OPERATIONS.items()
        for name in names
        if told[name] not in {told[form], None}
    }
    assert differ == {
        # Each asks for the narrower action of the group, or of the answer, once it knows which one it is.
        ("cases:subject", "subject_answer"): ("cases.answer", "cases.tell"),
        ("console:settings-group", "settings_change"): ("settings.edit", "settings.view"),
    }
