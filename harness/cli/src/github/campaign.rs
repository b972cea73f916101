//! A campaign in the summary of a step: counts, failures by signature, and the matrix.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use dsjepsen_history::{Campaign, CampaignDirectory, Cell, CellKind, CellState, FailureGroup, Tally, shell_line};

use super::markdown::{cell, code, plain};
use super::{ANNOTATIONS, FOR_THE_NOTE, GitHub, Level, MOST, annotation};
use crate::campaign::{combinations, counts, word};
use crate::exit::Exit;
use crate::words::cut;

/// How many failures are told, and how many runs that say nothing.
const TOLD: usize = 50;
/// How long a sentence may be.
const SENTENCE: usize = 600;

impl GitHub {
    /// A campaign ended.
    pub(crate) fn campaign(&self, campaign: &Campaign, directory: &CampaignDirectory, exit: Exit) {
        if self.annotates {
            annotations(campaign).iter().for_each(|annotation| self.say(annotation));
        }
        let head = head(campaign, exit);
        let page = format!("\nPage: {}\n", plain(&directory.page_file().display().to_string()));
        let full = format!("{head}{}{}{}{page}", failures(campaign), matrix(campaign), undecided(campaign));
        self.append(&full, &format!("{head}{}{page}", failures(campaign)));
    }
}

fn annotations(campaign: &Campaign) -> Vec<String> {
    let failures = campaign.failures();
    let said = failures.iter().map(|group| {
        let again = shell_line(&group.first().command);
        let message = format!("{}: {}\nagain: {again}", title(group), group.sentence());
        annotation(Level::Error, &format!("dsjepsen: {}", group.rule), &message)
    });
    said.take(ANNOTATIONS).chain(no_pass(campaign)).collect()
}

/// A word on all that says nothing, which is no failure of the target, and no pass.
fn no_pass(campaign: &Campaign) -> Option<String> {
    let tally = campaign.tally();
    let no_pass = Tally { valid: 0, as_expected: 0, invalid: 0, ..tally };
    let mut said: Vec<String> = Vec::new();
    if no_pass.ended() + no_pass.not_run > 0 {
        said.push(counts(&no_pass));
    }
    if no_pass.open > 0 {
        said.push(format!("{} not ended", no_pass.open));
    }
    if campaign.missing() > 0 {
        said.push(format!("{} unavailable here", combinations(campaign)));
    }
    let message = format!("{}, of {} runs: none of these is a pass", said.join(", "), tally.all());
    (!said.is_empty()).then(|| annotation(Level::Warning, "dsjepsen: undecided", &message))
}

fn title(group: &FailureGroup<'_>) -> String {
    let seeds = group.cells.len();
    format!("{} on {}, {} of {} runs", group.workload, group.target, seeds, group.of)
}

fn head(campaign: &Campaign, exit: Exit) -> String {
    let word = match exit {
        Exit::Valid => "VALID",
        Exit::Invalid => "INVALID",
        Exit::Unknown => "UNKNOWN",
        Exit::Interrupted => "INTERRUPTED",
        Exit::Usage | Exit::Harness => "HARNESS ERROR",
    };
    let tally = campaign.tally();
    let mut out = format!("\n### {word}: {}\n\n", plain(&campaign.name));
    let unavailable = match campaign.unavailable.len() {
        0 => String::new(),
        _ => format!("; {} unavailable here", combinations(campaign)),
    };
    let _ = writeln!(out, "{} of {} runs ended: {}{unavailable}.", tally.ended(), tally.all(), plain(&counts(&tally)));
    out
}

fn failures(campaign: &Campaign) -> String {
    let groups = campaign.failures();
    let mut out = String::new();
    for group in groups.iter().take(TOLD) {
        let first = group.first();
        let _ = writeln!(
            out,
            "\n**{}: {}** {}\n\nFirst with seed {} under {}:\n\n{}",
            plain(group.rule),
            plain(&title(group)),
            plain(&cut(group.sentence(), SENTENCE)),
            first.seed,
            plain(&first.nemesis),
            code(&cut(&shell_line(&first.command), 2_000))
        );
    }
    if groups.len() > TOLD {
        let _ = writeln!(out, "\nand {} more failures, on the page", groups.len() - TOLD);
    }
    out
}

/// A row for each workload and target, a column for the faults; what does not fit is left out with a note.
fn matrix(campaign: &Campaign) -> String {
    let mut columns: Vec<&str> = Vec::new();
    let mut rows: Vec<(&str, &str)> = Vec::new();
    let mut known: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut cells: BTreeMap<(&str, &str, &str), Vec<&Cell>> = BTreeMap::new();
    let run = campaign.combinations().into_iter().map(|one| (one.workload, one.target, one.nemesis, one.cells));
    let not_here = campaign.unavailable.iter();
    let not_here = not_here.map(|one| (one.workload.as_str(), one.target.as_str(), one.nemesis.as_str(), Vec::new()));
    for (workload, target, nemesis, found) in run.chain(not_here) {
        if !columns.contains(&nemesis) {
            columns.push(nemesis);
        }
        if known.insert((workload, target)) {
            rows.push((workload, target));
        }
        cells.entry((workload, target, nemesis)).or_default().extend(found);
    }
    let heads: Vec<String> = columns.iter().map(|column| self::cell(column)).collect();
    let mut out = format!("\n| workload on target | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(columns.len()));
    let most = usize::try_from(MOST - FOR_THE_NOTE).unwrap_or(usize::MAX) / 2;
    for (number, row) in rows.iter().enumerate() {
        let shown: Vec<String> = columns
            .iter()
            .map(|column| match cells.get(&(row.0, row.1, *column)) {
                Some(cells) if cells.is_empty() => "n/a".to_owned(),
                Some(cells) => summary(cells),
                None => String::new(),
            })
            .collect();
        let line = format!("| {} on {} | {} |\n", cell(row.0), cell(row.1), shown.join(" | "));
        if out.len() + line.len() > most {
            let _ = writeln!(out, "\nand {} more rows, on the page", rows.len() - number);
            break;
        }
        out += &line;
    }
    out
}

/// `3 valid, **1 INVALID**`.
fn summary(cells: &[&Cell]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for cell in cells {
        *counts.entry(word(cell)).or_default() += 1;
    }
    let words = counts.into_iter().map(|(word, count)| match word {
        "valid" | "expected" => format!("{count} {word}"),
        _ => format!("**{count} {word}**"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Runs of which nothing can be said, and combinations that there are none of.
fn undecided(campaign: &Campaign) -> String {
    let mut rows: Vec<String> = Vec::new();
    for one in &campaign.cells {
        let (state, why) = match (one.kind(), &one.state) {
            (CellKind::NotRun, CellState::NotRun { reason }) => ("not run", reason.as_str()),
            (kind @ (CellKind::Unknown | CellKind::Harness), CellState::Done(result)) => {
                let why = result.harness_error.as_ref().map_or(result.sentence.as_str(), |error| &error.text);
                (if kind == CellKind::Unknown { "unknown" } else { "harness error" }, why)
            }
            _ => continue,
        };
        rows.push(format!("| {state} | {} | {} |\n", cell(&one.title()), cell(why)));
    }
    let unavailable = campaign.unavailable.iter().map(|one| {
        let title = format!("{} on {} under {}", one.workload, one.target, one.nemesis);
        format!("| unavailable | {} | {} |\n", cell(&title), cell(&one.reason))
    });
    rows.extend(unavailable);
    if rows.is_empty() {
        return String::new();
    }
    let left_out = rows.len().saturating_sub(TOLD);
    rows.truncate(TOLD);
    let note = if left_out > 0 { format!("\nand {left_out} more, on the page\n") } else { String::new() };
    format!("\nNone of these is a pass:\n\n| state | run | why |\n|---|---|---|\n{}{note}", rows.concat())
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::{Gravity, Unavailable};

    use super::*;

    fn cell(id: u32, (workload, target, nemesis): (&str, &str, &str), state: CellState) -> Cell {
        Cell {
            id,
            workload: workload.to_owned(),
            target: target.to_owned(),
            nemesis: nemesis.to_owned(),
            seed: u64::from(id),
            expect: Gravity::Valid,
            own_time_ms: 1,
            options: String::new(),
            command: vec!["dsjepsen".to_owned(), nemesis.to_owned()],
            attempts: 1,
            state,
        }
    }

    #[test]
    fn a_night_that_says_nothing_is_annotated_once() {
        let key = ("lock", "raft", "none");
        let not_run = || CellState::NotRun { reason: "no time".to_owned() };
        let mut campaign = crate::campaign::empty("night", vec![cell(1, key, not_run()), cell(2, key, not_run())]);
        campaign.cells.push(cell(3, key, CellState::Waiting));
        let said = annotations(&campaign);
        let wanted =
            "::warning title=dsjepsen%3A undecided::2 not run, 1 not ended, of 3 runs: none of these is a pass";
        assert_eq!(said, [wanted]);
        campaign.cells.clear();
        assert!(annotations(&campaign).is_empty());
    }

    #[test]
    fn the_largest_of_nights_fits_into_a_summary_and_says_what_is_left_out() {
        let names: Vec<String> = (0..20_000).map(|number| format!("target-{number}")).collect();
        let not_run = || CellState::NotRun { reason: "|no time`".repeat(40) };
        let cells = names.iter().zip(1..).map(|(name, id)| cell(id, ("lock", name, "a|b"), not_run())).collect();
        let mut campaign = crate::campaign::empty("night", cells);
        let [workload, target, nemesis, reason] = ["lock", "<b>", "a|b", "|"].map(str::to_owned);
        campaign.unavailable.push(Unavailable { workload, target, nemesis, reason });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("summary.md");
        let github = GitHub { summary: Some(file.clone()), ..GitHub::default() };
        let directory = CampaignDirectory::create(folder.path(), &campaign).unwrap();
        github.campaign(&campaign, &directory, Exit::Unknown);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.len() as u64 <= MOST && text.contains("### UNKNOWN: night"), "{}", text.len());
        assert!(
            text.contains("0 of 20000 runs ended: 20000 not run; 1 combination unavailable here."),
            "{}",
            &text[..300]
        );
        assert!(text.contains("more rows, on the page") && text.contains("more, on the page"));
        assert!(!text.contains("<b>") && !text.contains("a|b"), "a bar ends no cell");
    }
}
