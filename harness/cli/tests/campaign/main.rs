//! Campaigns of the real binary: what is recorded is what the runs say, whatever ends the controller; nothing is run twice, nothing is left
//! running, and nothing that was not run looks like a pass.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod ended;
mod night;
mod started;
mod terminal;
mod told;

use std::process::ExitCode;

use common::{Trials, run_trials};

const XMLLINT: &str = "xmllint";

const TRIALS: Trials = &[
    // It takes longest: nothing waits for it alone at the end.
    ("a_run_that_hangs_is_killed_and_cleared_away", &[], ended::hangs),
    ("a_controller_that_is_killed_again_and_again_loses_and_repeats_nothing", &[], ended::killed),
    ("runs_end_with_their_controller", &[], ended::orphans),
    ("a_run_that_was_judged_before_its_controller_was_killed_is_not_repeated", &[], ended::judged_before),
    ("a_record_that_cannot_be_judged_again_is_no_pass_and_ends_no_campaign", &[], ended::judged_in_vain),
    ("a_run_that_cannot_be_started_waits_to_be_resumed", &[], started::not_started),
    ("a_binary_that_is_replaced_meanwhile_goes_on_as_it_was", &[], started::replaced),
    ("one_controller_at_a_time", &[], ended::held),
    ("a_run_that_is_not_done_in_time_is_ended_and_says_nothing_of_the_target", &[], ended::deadline),
    ("what_there_is_no_time_for_is_not_run_and_no_pass_and_can_be_resumed", &[XMLLINT], told::out_of_time),
    ("ctrl_c_ends_runs_in_good_order_and_the_rest_can_be_resumed", &[], ended::interrupted),
    ("a_terminal_that_is_closed_ends_nothing_that_was_told_to_go_on", &[], terminal::closed),
    ("a_campaign_ends_in_good_order_also_where_nobody_reads_what_it_says", &[], terminal::deaf),
    ("json_lines_and_campaign_json_keep_to_their_schemas", &[], told::schemas),
    ("ci_systems_read_failures_by_signature_and_what_cannot_be_run_as_skipped", &[XMLLINT], told::ci),
    ("a_junit_file_that_cannot_be_written_is_no_success_anywhere", &[], told::junit_in_vain),
    ("what_is_required_and_cannot_be_run_is_unknown", &[XMLLINT], told::required),
    ("a_planted_flaw_must_be_found", &[], told::planted),
    ("a_dry_run_runs_nothing", &[], told::dry_run),
];

/// A second of a lock on one node, and of a counter.
const SHORT: &str = "--nodes 1 --time-limit 1 --recovery-time 0 --op-timeout-ms 500 --rate 100";

fn main() -> ExitCode {
    run_trials(TRIALS)
}
