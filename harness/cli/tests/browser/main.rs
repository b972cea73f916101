//! The pages of runs and campaigns in a real browser: they show their verdict, work without a network, log no error, and can be searched,
//! zoomed and walked by pointer and by keys alone. Skipped by name where chromium or chromedriver are missing; the check of
//! accessibility where axe-core is (`DSJEPSEN_AXE` names its `axe.min.js`).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod campaign;
#[path = "../common/mod.rs"]
mod common;
#[path = "../../../../reports/tests/fixture/mod.rs"]
mod fixture;
mod logs;
mod session;
mod verdicts;
mod walk;

use std::process::ExitCode;

use common::is_installed;
use libtest_mimic::{Arguments, Failed, Trial};

/// Where the library for the check of accessibility is.
const AXE: &str = "DSJEPSEN_AXE";

type Test = fn() -> Result<(), Failed>;

const TESTS: [(&str, Test); 9] = [
    ("page_of_a_real_run", verdicts::real_run),
    ("pages_of_every_verdict", verdicts::every_verdict),
    ("operations_are_searched_and_chosen", walk::search_and_choose),
    ("drawings_are_zoomed_together", walk::zoom),
    ("everything_is_done_by_keys_alone", walk::keys_alone),
    ("log_lines_are_those_around_the_moment", logs::nearest_lines),
    ("times_of_log_lines_lead_to_operations", logs::times_lead_to_operations),
    ("page_of_a_real_campaign", campaign::real_campaign),
    ("a_long_table_is_scrolled_to_its_end", walk::long_table),
];

fn main() -> ExitCode {
    let missing = ["chromium", "chromedriver"].into_iter().find(|program| !is_installed(program));
    let mut trials: Vec<_> = TESTS.map(|(name, test)| trial(name, missing.map(needs_program), test)).into();
    let no_axe = std::env::var_os(AXE).is_none().then(|| format!("{AXE} names no axe.min.js"));
    let barriers: [(&str, Test); 2] = [
        ("no_page_has_a_serious_barrier", verdicts::accessible),
        ("no_page_of_a_campaign_has_a_serious_barrier", campaign::accessible),
    ];
    for (name, test) in barriers {
        trials.push(trial(name, missing.map(needs_program).or(no_axe.clone()), test));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn needs_program(program: &str) -> String {
    format!("{program} is not installed")
}

fn trial(name: &str, missing: Option<String>, test: Test) -> Trial {
    let skipped = missing.is_some();
    let name = missing.map_or_else(|| name.to_owned(), |why| format!("{name} (skipped: {why})"));
    Trial::test(name, test).with_ignored_flag(skipped)
}
