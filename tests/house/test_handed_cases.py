"""Inputs that once failed on the running product, each with the tests that hold its right answer.

The inputs themselves lie beside the repository, as the golden vectors do; where they are there, each must be accounted
for here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOANS, PAYMENTS, PORTAL = "tests/gateway/loans/", "tests/gateway/payments/", "tests/merchant_portal/"
HOUSE, CHECKOUT, SCORING = "tests/house/", "tests/gateway/checkout/", "tests/scoring/"
ENDINGS, KINDS, LINES = (
    f"{LOANS}test_loan_endings.py",
    f"{PAYMENTS}test_refund_kinds.py",
    f"{PAYMENTS}test_lines.py",
)
OUTAGES, STEPS = "tests/gateway/db/test_outages.py", "tests/gateway/monitoring/test_steps.py"
FRONT = "tests/gateway/web/test_front.py"
IDENTITY = "tests/gateway/identity/"
MEET = "tests/gateway/db/test_two_who_meet.py"
PROOF = "tests/gateway/proof/test_facts.py"
OUTSIDE = f"{PAYMENTS}test_outside_effects.py"
CLAUSES, COMMANDS = "tests/gateway/contracts/test_clauses.py", f"{HOUSE}test_commands.py"

HELD: dict[str, list[str]] = {
    "M1": [
        f"{HOUSE}test_tenants_apart.py::test_no_job_of_one_merchant_touches_anybody_else",
        f"{HOUSE}test_tenants_apart.py::test_neither_global_jobs_nor_an_advance_of_one_clock_touch_anybody_else",
    ],
    "M2": [
        f"{LOANS}test_receipts_in_any_order.py::test_two_receipts_reported_the_other_way_round_end_as_they_came",
        f"{LOANS}test_receipts_in_any_order.py::test_receipts_in_random_order_end_alike",
    ],
    "M3": [f"{ENDINGS}::test_what_is_paid_above_what_was_written_off_goes_back_to_the_shopper"],
    "M4": [f"{ENDINGS}::test_a_loan_whose_last_rows_are_nothing_ends_with_the_last_row_above_nothing"],
    "M5": [
        f"{LINES}::test_one_of_two_phones_is_captured_for_its_own_price",
        f"{LINES}::test_what_was_not_ordered_is_refused_naming_line_ordered_and_left",
        f"{LINES}::test_pieces_of_one_line_are_captured_one_by_one_and_not_twice",
        "tests/gateway/test_sdk_stories.py::test_the_gateway_tells",
    ],
    "M6": [
        f"{HOUSE}test_outside_calls.py::test_each_click_calls_each_port_once_however_often_its_transaction_loses",
        f"{HOUSE}test_outside_calls.py::test_every_method_of_every_port_refuses_while_a_transaction_is_open",
    ],
    "M7": [
        f"{PAYMENTS}test_subsidy_quota.py::test_the_same_person_and_category_is_refused_and_pays_nothing",
        f"{PAYMENTS}test_subsidy_quota.py::test_a_used_quota_stays_used_after_a_return",
    ],
    "M8": ["tests/gateway/settlement/test_banking_days.py::test_a_dispute_won_on_a_saturday_is_paid_on_monday"],
    "M9": [
        f"{PAYMENTS}test_deadlines.py::test_an_order_that_nobody_acknowledges_is_told_of_twice_and_voided_on_day_seven"
    ],
    "M10": [
        "tests/gateway/webhooks/test_endpoints.py::test_each_replaced_secret_signs_for_a_day_of_its_own",
        "tests/gateway/oauth/test_service.py::test_a_further_rotation_ends_no_secret_early",
    ],
    "M11": [f"{PORTAL}test_sessions.py::test_three_tabs_at_renewal_make_one_renewal_and_all_are_served"],
    "M12": [
        f"{PORTAL}test_settlement_page.py::test_a_returned_payout_and_a_released_reserve_are_shown_without_a_link"
    ],
    "M13": [
        "tests/gateway/plans/test_summary.py::test_golden_cases",
        "tests/gateway/plans/test_summary.py::test_term_times_payment_is_said_only_where_it_is_the_total",
    ],
    "M14": [
        f"{PORTAL}test_settlement_page.py::test_all_of_503_lines_are_paged_through_and_their_sum_is_compared"
    ],
    "M15": [
        "tests/gateway/test_sdk_stories.py::test_the_fake_quotes_what_the_gateway_quotes",
        "tests/gateway/test_sdk_stories.py::test_the_fakes_catalogue_is_the_standard_one",
    ],
    "M16": [
        f"{HOUSE}test_openapi_names.py::test_entries_from_a_day_to_a_day_are_asked_as_the_document_says",
        f"{HOUSE}test_openapi_names.py::test_query_parameters_are_named_as_they_are_taken",
    ],
    "M17": [
        "tests/sdk/test_pages.py::test_cursors_that_go_round_raise",
        "tests/sdk/test_pages.py::test_list_that_is_not_whole_raises_and_never_ends_as_if_it_were",
    ],
    "M18": [
        "tests/gateway/web/test_faults.py::test_timeout_after_commit_is_done_and_its_repeat_gets_the_answer",
        "tests/gateway/web/test_faults.py::test_an_unknown_fault_is_refused_and_changes_nothing",
    ],
    "M19": [f"{PROOF}::test_every_edit_is_named"],
    "M20": [f"{PROOF}::test_every_edit_is_named"],
    "M21": [
        f"{PROOF}::test_every_edit_is_named",
        f"{HOUSE}test_no_edit_is_silent.py::test_every_edit_of_one_row_is_refused_or_named",
    ],
    "M22": [
        f"{CHECKOUT}test_standing.py"
        "::test_captured_in_part_voided_and_refunded_shows_the_real_loan_and_its_amendment"
    ],
    "M23": [
        f"{KINDS}::test_received_on_day_33_and_returned_on_day_35_costs_the_shopper_nothing",
        f"{PAYMENTS}test_changes.py::test_a_delivery_is_reported_after_the_capture_and_shown",
    ],
    "M24": [f"{ENDINGS}::test_who_paid_too_much_settles_early_out_of_the_credit"],
    "M25": [
        f"{CLAUSES}::test_page_agreement_and_contract_say_it_in_the_same_words",
        f"{CLAUSES}::test_settling_early_costs_what_the_words_say",
    ],
    "M26": [
        f"{KINDS}::test_fee_and_trade_in_subsidy_come_back_as_the_table_says",
        f"{KINDS}::test_late_interest_on_the_refunded_part_is_waived_as_the_table_says",
    ],
    "M27": [f"{CLAUSES}::test_paying_late_costs_what_the_words_say"],
    "M28": [
        f"{PAYMENTS}test_refusals.py"
        "::test_a_loan_so_small_that_rounding_lifts_its_cost_above_the_ceiling_is_not_drawn"
    ],
    "M29": [f"{PORTAL}test_settlement_page.py::test_a_fee_and_a_subsidy_are_two_columns_with_the_figures_of_the_api"],
    "M30": [
        f"{CLAUSES}::test_only_a_plan_that_costs_nothing_is_called_free",
        f"{PORTAL}test_settlement_page.py::test_only_a_plan_that_costs_nothing_is_called_interest_free",
    ],
    "R1": [
        f"{OUTSIDE}::test_two_workers_and_a_slow_institution_that_ignores_keys_charge_nobody_twice",
        f"{OUTSIDE}::test_who_lost_the_lease_before_sending_sends_nothing",
    ],
    "R2": [
        f"{PAYMENTS}test_restored_backup.py::test_a_restored_backup_that_goes_on_repeats_nothing",
        f"{OUTSIDE}::test_a_reference_is_made_of_mode_merchant_and_business_key",
    ],
    "R3": ["tests/gateway/process/test_worker.py::test_neither_live_money_nor_another_clock_waits_for_calls_that_hang"],
    "R4": [
        "tests/gateway/test_keyring.py::test_another_hosts_own_folder_is_refused",
        "tests/gateway/test_keyring.py::test_a_missing_file_is_named_and_not_made_anew",
    ],
    "R5": [
        f"{OUTAGES}::test_postgresql_read_only_locked_and_with_its_connections_ended",
        f"{OUTAGES}::test_frozen_postgresql_is_given_up_and_health_is_answered_meanwhile",
    ],
    "R6": [
        "tests/crash/test_crash.py::test_purchases_survive_every_kill",
        f"{HOUSE}test_ctrl_c.py::test_a_server_that_is_killed_leaves_no_process_that_serves_on",
    ],
    "R7": [
        f"{IDENTITY}test_crowded_phone.py"
        "::test_forty_thousand_people_behind_one_phone_are_counted_within_bounds",
        f"{HOUSE}test_bounded_lists.py::test_every_list_in_a_question_is_bounded_or_asked_in_parts",
    ],
    "R8": [f"{PAYMENTS}test_deadlines.py::test_ten_thousand_checkouts_that_expire_are_done_in_one_sweep"],
    "R9": [f"{MEET}::test_each_race_is_right_with_its_locks_and_wrong_without"],
    "R10": [
        f"{MEET}::test_each_race_is_right_with_its_locks_and_wrong_without",
        f"{MEET}::test_what_was_read_without_a_lock_is_compared_before_it_changes",
    ],
    "R13": [
        "tests/gateway/web/test_overload.py::test_flood_is_refused_before_its_bodies_are_read_while_those_before_it_are_answered",
        f"{FRONT}::test_two_hundred_slow_sockets_delay_neither_health_nor_honest_requests",
    ],
    "R14": [
        f"{STEPS}::test_an_outage_of_an_hour_is_a_line_a_minute_at_most_and_its_end_one",
        f"{STEPS}::test_every_line_has_its_time_and_level_and_a_security_event_stays_json",
        f"{OUTAGES}::test_an_outage_is_one_line_and_its_end_another_however_often_it_is_met",
        f"{OUTAGES}::test_sqlite_full_read_only_locked_and_damaged",
    ],
    "R15": [
        "tests/gateway/db/test_two_migrations_at_once.py::test_second_migration_waits_for_the_first",
        f"{OUTSIDE}::test_a_clock_that_was_ahead_puts_nothing_off_but_what_was_to_wait",
        "tests/gateway/webhooks/test_setbacks.py"
        "::test_a_clock_that_is_set_back_holds_up_neither_webhooks_nor_the_outbox_nor_the_books",
    ],
    "R16": [f"{OUTSIDE}::test_a_late_answer_counts_on_the_day_of_its_instruction"],
    "P1": ["tests/docs/test_code_blocks.py::test_blocks_of_a_page_run_as_pasted"],
    "P2": [
        f"{CHECKOUT}test_forms_lead_back.py"
        "::test_after_a_code_and_after_an_error_the_page_is_read_by_get_and_keeps_what_was_typed",
        f"{CHECKOUT}test_shopper_pages.py::test_the_address_of_every_form_opens_as_a_page",
    ],
    "P3": [
        f"{CHECKOUT}test_forms_lead_back.py"
        "::test_enter_in_the_code_field_continues_and_the_focus_stays_there_after_sending"
    ],
    "P4": ["tests/e2e/test_purchase_in_browser.py::is_free_of_the_sticky_button"],
    "P5": [f"{CHECKOUT}test_standing.py::test_the_page_never_leaves_by_itself"],
    "P6": [f"{CHECKOUT}test_standing.py::test_overdue_settled_and_refunded_are_said"],
    "P7": [
        f"{CHECKOUT}test_forms_lead_back.py"
        "::test_who_is_identified_changes_the_plan_without_name_number_phone_or_code"
    ],
    "P8": [
        f"{PORTAL}test_disputes_page.py::test_a_dispute_is_answered_replaced_and_accepted_by_its_deadline"
    ],
    "P9": [f"{COMMANDS}::test_missing_data_folder_is_named_and_nothing_is_created"],
    "P10": [
        f"{COMMANDS}::test_wrong_or_dead_database_is_one_sentence",
        f"{COMMANDS}::test_unwritable_folder_is_one_sentence",
        f"{COMMANDS}::test_address_that_is_not_ours_is_one_sentence",
        f"{COMMANDS}::test_numbers_of_serve_are_checked",
        f"{COMMANDS}::test_reader_that_goes_away_ends_a_command_without_a_word",
    ],
    "P11": [f"{HOUSE}test_ctrl_c.py::test_ctrl_c_ends_a_server_within_three_seconds"],
    "P12": [
        f"{HOUSE}test_error_texts.py::test_too_much_is_refused_in_a_sentence",
        f"{HOUSE}test_error_texts.py::test_no_error_text_glues_an_ending_to_a_word",
    ],
    "P13": ["tests/gateway/web/test_packing.py::test_what_everybody_gets_alike_is_packed_for_who_takes_it"],
    "P14": ["tests/gateway/web/test_packing.py::test_hashes_and_changelog_stand_beside_the_scripts"],
    "P15": [
        f"{CHECKOUT}test_language_and_term.py"
        "::test_the_shops_language_begins_the_pages_and_the_one_that_was_read_goes_back"
    ],
    "P16": [
        f"{CHECKOUT}test_language_and_term.py"
        "::test_the_term_chosen_in_the_shop_is_preselected_and_may_be_changed",
        "tests/examples/test_phone_shop.py::test_term_and_language_are_handed_on",
    ],
    "P19": ["tests/docs/test_code_blocks.py::test_blocks_of_a_page_run_as_pasted"],
    "D6": [
        "tests/gateway/privacy/test_erasure_holds.py::test_no_file_holds_the_key_of_an_erased_person",
        "tests/gateway/privacy/test_erasure_holds.py"
        "::test_after_a_key_is_retired_neither_the_keys_nor_an_old_copy_of_them_open_an_erased_person",
    ],
    "D11": [
        "tests/gateway/audit/test_roots.py::test_a_cut_tail_is_named",
        "tests/gateway/audit/test_roots.py::test_an_emptied_log_is_named",
        "tests/gateway/audit/test_roots.py::test_a_rewritten_log_is_named_with_where_it_began",
    ],
    "D3": [
        "tests/gateway/oauth/test_entitlements.py::test_the_portals_client_may_have_the_portals_scopes_and_no_other",
        "tests/gateway/oauth/test_entitlements.py::test_scores_need_an_agreement_and_end_with_it",
    ],
    "D4": [
        "tests/gateway/web/test_object_access.py"
        "::test_each_caller_reads_the_events_of_what_it_may_read_and_no_other",
        "tests/gateway/web/test_object_access.py"
        "::test_an_endpoint_is_told_what_who_set_it_up_may_read_at_that_moment",
    ],
    "D5": [
        "tests/gateway/identity/test_code_limits.py"
        "::test_forty_checkouts_for_one_phone_send_ten_codes_and_take_twenty_guesses_a_day",
        "tests/gateway/identity/test_code_limits.py::test_an_id_number_is_not_guessed_for_by_many_phones",
    ],
    "D8": [
        f"{PORTAL}test_limits.py::test_a_flood_of_callbacks_from_one_address_lets_others_log_in",
        f"{PORTAL}test_limits.py::test_a_callback_that_has_to_wait_keeps_its_code_and_the_login_of_before",
        f"{PORTAL}test_sessions.py::test_a_gateway_that_does_not_renew_is_no_logout",
    ],
    "D9": [
        "tests/gateway/oauth/test_pushed_requests.py::test_pushing_is_limited_for_each_address_and_in_all",
        "tests/gateway/oauth/test_pushed_requests.py"
        "::test_of_a_request_only_what_has_a_meaning_is_kept_and_not_much_of_it",
    ],
    "D10": [
        "tests/gateway/web/test_bodies.py"
        "::test_a_body_of_65_kb_is_refused_within_20_ms_of_cpu_in_a_short_answer"
    ],
    "D7": [
        f"{IDENTITY}test_claims.py"
        "::test_another_name_or_phone_overwrites_nothing_draws_nothing_and_waits_for_a_person",
        f"{IDENTITY}test_claims.py::test_two_first_purchases_at_once_are_one_person_and_one_claim",
    ],
    "D15": [
        f"{HOUSE}test_personal_numbers.py"
        "::test_every_text_that_comes_in_is_of_a_type_that_refuses_or_takes_no_text",
        f"{HOUSE}test_personal_numbers.py::test_an_id_number_is_found_however_it_is_parted",
    ],
    "D1": [
        f"{CHECKOUT}test_entry.py::test_whoever_knows_the_id_neither_reads_nor_confirms",
        f"{HOUSE}test_checkout_doors.py::test_every_page_shows_to_each_visitor_what_it_may",
    ],
    "D12": [
        "tests/gateway/monitoring/test_security_events.py"
        "::test_250_failed_logins_are_counted_and_logged_without_naming_anybody"
    ],
    "D13": [
        f"{CHECKOUT}test_return_addresses.py::test_an_address_that_nobody_can_open_is_refused",
        f"{CHECKOUT}test_return_addresses.py::test_an_address_of_an_older_release_fails_no_page",
        f"{HOUSE}test_no_route_fails.py::test_no_step_of_the_login_fails",
        f"{HOUSE}test_no_route_fails.py::test_no_page_of_the_portal_fails",
        f"{HOUSE}test_no_route_fails.py::test_no_page_of_the_phone_shop_fails",
        "tests/examples/test_phone_shop.py::test_a_return_without_a_checkout_is_a_page_with_400",
        f"{HOUSE}test_no_route_fails.py::test_no_page_of_the_gateway_fails",
    ],
    "D2": [
        f"{FRONT}::test_two_hundred_slow_sockets_delay_neither_health_nor_honest_requests",
        f"{FRONT}::test_what_does_not_come_in_time_is_refused_and_the_connection_ends",
    ],
    "D14": [
        f"{HOUSE}test_log_lines.py::test_a_path_with_a_line_break_forges_no_line_of_gateway_or_portal",
        f"{HOUSE}test_log_lines.py::test_a_line_break_in_what_is_logged_begins_no_line",
    ],
    "D16": ["tests/gateway/web/test_hosts.py::test_another_host_is_refused_and_sent_nowhere"],
    "D17": [
        "tests/gateway/core/test_identifiers.py::test_residence_permits_for_hong_kong_macao_and_taiwan_are_accepted",
        "tests/gateway/core/test_identifiers.py::test_a_document_that_is_not_served_is_named",
    ],
    "D18": [f"{COMMANDS}::test_taken_port_is_refused"],
    "S1": [
        f"{SCORING}tables/test_reading.py::test_a_column_written_in_another_way_is_the_same_column",
    ],
    "S2": [
        f"{SCORING}tables/test_reading.py::test_a_column_written_in_another_way_is_the_same_column",
    ],
    "S3": [
        f"{SCORING}tables/test_reading.py::test_one_word_in_a_column_of_numbers_is_a_gap_and_told",
    ],
    "S4": [
        f"{SCORING}tables/test_reading.py::test_a_column_written_in_another_way_is_the_same_column",
        f"{SCORING}tables/test_reading.py::test_what_can_be_read_in_two_ways_is_refused",
        f"{SCORING}tables/test_reading.py::test_a_time_is_a_date_a_day_number_or_seconds",
    ],
    "S5": [
        f"{SCORING}tables/test_reading.py::test_encoding_and_delimiter_are_found_out",
        f"{SCORING}tables/test_reading.py::test_packed_files_are_read_and_a_bomb_is_refused",
        f"{SCORING}tables/test_reading.py::test_a_parquet_file_is_read",
        f"{SCORING}tables/test_reading.py::test_a_sheet_is_read",
    ],
    "S6": [
        f"{SCORING}tables/test_reading.py::test_any_target_is_read_once_its_bad_value_is_named",
    ],
    "S8": [
        f"{SCORING}tables/test_reading.py::test_leaks_identifiers_and_constants_are_named",
    ],
    "S7": [
        f"{SCORING}tables/test_table.py::test_a_number_that_no_model_can_hold_is_refused_by_line_and_column",
        f"{SCORING}tables/test_models.py::test_noise_gets_its_figures_a_sentence_and_no_model",
        f"{SCORING}tables/test_models.py::test_too_few_of_an_outcome_are_counted",
    ],
    "S9": [f"{SCORING}tables/test_models.py::test_a_wide_table_is_screened_and_a_budget_is_kept"],
    "S12": [f"{SCORING}tables/test_models.py::test_no_card_is_far_below_the_calibration_error_of_chance"],
    "S13": [
        f"{SCORING}governance/test_psi.py::test_a_constant_that_moves_is_an_alarm_in_whichever_direction"
    ],
}  # fmt: skip

IN_PART = {
    "S14": "mean predicted beside observed and slope: tests/scoring/tables/test_models.py; by month is to come",
    "S21": "no price is recommended that nobody is charged: tests/gateway/decision/test_decisions.py; a rung for "
    "unprofitable approvals is to come",
    "S19": "lists and rules speak where a source is missing: tests/scoring/test_decision.py; all findings are to come",
}

TO_COME = {
    "types of the SDK": "P17 P18",
    "faults, load and operation": "R11-R12",
    "tables as people have them, a lender's own model": "S10-S11 S15-S18 S20 S22",
}


def to_come() -> set[str]:
    """The cases of later work, by number."""
    found = set()
    for part in " ".join(TO_COME.values()).split():
        first, _, last = part.partition("-")
        numbers = range(int(first[1:]), int(last[1:] or 0) + 1) if last else [int(first[1:])]
        found |= {f"{first[0]}{number}" for number in numbers}
    return found


@pytest.mark.parametrize("case", HELD)
def test_every_case_is_held_by_tests_that_exist(case: str) -> None:
    for test in HELD[case]:
        path, _, name = test.partition("::")
        text = (ROOT / path).read_text("utf-8")
        assert re.search(rf"^\s*(?:async )?def {name}\(", text, re.MULTILINE), f"{case}: there is no {test}"


def test_every_handed_case_is_held_or_said_to_be_to_come(shared: Path) -> None:
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases in {shared}")
    handed = {
        match[1]
        for page in folder.glob("*.md")
        for match in re.finditer(r"^\| ([A-Z][0-9]+) \|", page.read_text("utf-8"), re.MULTILINE)
    }
    accounted = [*HELD, *IN_PART, *to_come()]
    assert len(accounted) == len(set(accounted)), "a case is accounted for once"
    assert handed == set(accounted)
