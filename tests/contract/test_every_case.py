"""Every case and every difference of the Trigger Email contract has its test.

A test says which cases it shows by `@pytest.mark.case(1, 2)`, or a row of its table does, in the
column `case` (0: none of the contract's). The contract is not part of this repository, so its
numbers and the left column of its section 9 are written down here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
# Section 10. The numbering has gaps.
CASES = (
    *(*range(1, 6), 7, *range(9, 16), *range(17, 21), 23, *range(25, 37), *range(38, 45)),
    *(*range(47, 51), *range(52, 55), 56, 57, 59, *range(62, 65), *range(66, 71)),
    *(*range(72, 81), *range(83, 94), 96, 98, 99, *range(103, 106), 107, 108, 110, 112, 114),
    *(115, 117, 118, 120, 122, 124),
)
HOW_MANY = 92

# Section 9: what the extension does, and the tests of what franking does instead.
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "a document without usable content, an unknown state: nothing happens": (
        "contract.test_documents.test_a_document_written_with_trouble_is_told_at_once",
        "contract.test_sendgrid.test_88_to_91_wrong_fields_are_told",
        "contract.test_lifecycle.test_an_unknown_delivery_state_is_error_at_once",
        "contract.test_lifecycle.test_case_108_processing_past_its_lease_is_error",
    ),
    "the lease is looked at only at the next write; the result is written blindly": (
        "contract.test_differences.test_a_worker_that_died_is_noticed_and_only_doubt_is_an_error",
        "stores.test_contract_settle.test_a_worker_that_was_rescued_changes_nothing",
    ),
    "the lease expired: always ERROR": (
        "contract.test_differences.test_a_worker_that_died_is_noticed_and_only_doubt_is_an_error",
        "core.test_doubt.test_a_lease_that_ran_out_before_the_dot_is_released",
    ),
    "blank mails are SUCCESS": (
        "contract.test_documents.test_a_document_written_with_trouble_is_told_at_once",
        "contract.test_templates.test_case_85_without_a_collection_of_templates_none_is_rendered",
        "contract.test_sendgrid.test_86_over_plain_smtp_the_fields_are_an_error",
    ),
    "a missing template: TypeError": (
        "contract.test_templates.test_what_cannot_be_rendered_ends_in_error",
    ),
    "a deleted template or partial renders until restart": (
        "contract.test_templates.test_case_124_a_template_counts_as_it_is_when_a_mail_is_composed",
    ),
    "attachment values are escaped into JSON": (
        "contract.test_templates.test_cases_67_and_68_a_file_has_its_values_as_they_are",
    ),
    "path and href read files of the host and any URL": (
        "contract.test_attachments.test_cases_48_to_50_no_file_and_no_url_by_default",
        "contract.test_attachments.test_case_45_a_data_uri_is_always_taken",
        "contract.test_attachments.test_what_will_not_pass_is_final",
    ),
    "TLS_OPTIONS has no effect; bad JSON turns checking off": (
        "transports.test_smtp_uri.test_tls_options_are_honoured_and_the_uri_goes_before_them",
        "transports.test_smtp_servers.test_what_is_checked_can_be_set",
        "test_config.test_a_refused_secret_is_not_repeated",
    ),
    "a host name that contains outlook is replaced": (
        "transports.test_smtp_uri.test_a_uri_is_read",
    ),
    "one bad URI poisons the process": (
        "contract.test_settings.test_a_misspelt_option_is_refused_by_name",
        "test_config.test_what_nothing_can_be_sent_through_is_refused_at_start",
    ),
    "amp is rendered and dropped; message.messageId, icalEvent ignored": (
        "contract.test_templates.test_amp_is_sent",
        "contract.test_differences.test_amp_and_a_calendar_event_are_sent",
        "contract.test_differences.test_a_given_message_id_is_used",
        "contract.test_differences.test_a_made_message_id_is_kept_until_it_was_sent_or_edited",
    ),
    "a refused recipient, 4xx or 5xx, is rejected": (
        "contract.test_lifecycle.test_recipients_refused_for_now_go_on_as_a_remainder",
        "contract.test_lifecycle.test_a_remainder_that_is_refused_in_the_end_is_rejected",
        "contract.test_differences.test_when_all_are_refused_the_last_refusal_decides",
    ),
    "a person's retry while PROCESSING is overwritten": (
        "contract.test_differences.test_a_retry_while_it_is_sent_is_refused",
        "contract.test_differences.test_a_retry_while_it_waits_changes_nothing",
    ),
    "endTime and attempts untouched when a lease expires": (
        "contract.test_differences.test_a_worker_that_died_is_noticed_and_only_doubt_is_an_error",
        "contract.test_lifecycle.test_case_108_processing_past_its_lease_is_error",
    ),
    "a failed retry keeps the old info": (
        "contract.test_lifecycle.test_a_failed_retry_forgets_the_old_info",
    ),
    "onSuccess and onError are not published, onComplete four times": (
        "webhooks.test_lifecycle.test_sent",
        "webhooks.test_lifecycle.test_failed",
        "webhooks.test_lifecycle.test_on_complete_comes_once_an_attempt",
    ),
    "bodies are logged": ("contract.test_differences.test_no_content_and_no_address_is_logged",),
    "retries never by themselves": (
        "contract.test_lifecycle.test_a_temporary_fault_is_tried_again_by_itself",
        "contract.test_lifecycle.test_temporary_faults_end_when_the_tries_are_used_up",
        "contract.test_lifecycle.test_a_rate_limit_waits_without_using_up_a_try",
    ),
}


def test_every_case_has_a_test() -> None:
    assert sorted(set(CASES)) == list(CASES)
    assert len(CASES) == HOW_MANY
    shown = {case for test in through_http() for case in cases(test)}
    assert set(CASES) - shown == set()


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_every_difference_has_its_tests(difference: str) -> None:
    assert DIFFERENCES[difference]
    for name in DIFFERENCES[difference]:
        module, _, test = name.rpartition(".")
        found = getattr(importlib.import_module(module), test)
        assert callable(found)
        assert not left_out(found)


def test_a_case_that_nobody_shows_would_be_seen() -> None:
    @pytest.mark.case(1)
    @pytest.mark.skip
    def skipped() -> None: ...

    @pytest.mark.case(2)
    @pytest.mark.parametrize(("other", "case"), [(9, 3), (9, 0), pytest.param(9, 4)])
    def shown() -> None: ...

    @pytest.mark.parametrize("other", [5])
    def none() -> None: ...

    assert [set(cases(test)) for test in (skipped, shown, none)] == [set(), {2, 3, 4}, set()]


def through_http() -> Iterator[Any]:
    """The tests of this folder, as functions, but for those of one part alone."""
    for file in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"contract.{file.stem}")
        if not {"Installation", "served"} & set(vars(module)):
            continue
        yield from (getattr(module, name) for name in dir(module) if name.startswith("test_"))


def cases(test: Any) -> Iterator[int]:
    """The numbers that a test claims, by its marks and by the rows of its tables."""
    if left_out(test):
        return
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "case":
            yield from mark.args
        elif mark.name == "parametrize":
            names = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
            if "case" in names:
                at = names.index("case")
                rows = (getattr(row, "values", row) for row in mark.args[1])
                yield from (row[at] for row in rows if row[at])


def left_out(test: Any) -> bool:
    """Is it marked so that it does not run, or may fail?"""
    return any(mark.name in ("skip", "xfail") for mark in getattr(test, "pytestmark", []))
