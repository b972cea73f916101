//! Where: workloads and targets down, faults across, a mark for each seed.

use std::collections::BTreeMap;

use dsjepsen_history::{Campaign, Cell, CellKind};
use maud::{Markup, html};

use super::marks::{Mark, mark};
use super::section as framed;
use crate::sections::{Section, wide};
use crate::text::{NAME, harmless, shown};

/// The matrix as it is drawn: in the order in which the campaign has it.
struct Grid<'a> {
    columns: Vec<&'a str>,
    /// Targets by workload.
    groups: Vec<(&'a str, Vec<&'a str>)>,
    cells: BTreeMap<(&'a str, &'a str, &'a str), Vec<&'a Cell>>,
    unavailable: BTreeMap<(&'a str, &'a str, &'a str), &'a str>,
}

impl<'a> Grid<'a> {
    fn new(campaign: &'a Campaign) -> Self {
        let mut grid =
            Self { columns: Vec::new(), groups: Vec::new(), cells: BTreeMap::new(), unavailable: BTreeMap::new() };
        // Those that differ in other options stand in one place.
        for one in campaign.combinations() {
            let key = (one.workload, one.target, one.nemesis);
            grid.place(key);
            grid.cells.entry(key).or_default().extend(one.cells);
        }
        for one in &campaign.unavailable {
            let key = (one.workload.as_str(), one.target.as_str(), one.nemesis.as_str());
            grid.place(key);
            grid.unavailable.insert(key, &one.reason);
        }
        // What is done without any fault is what all else is held against.
        grid.columns.sort_by_key(|column| *column != "none");
        grid
    }

    fn place(&mut self, (workload, target, nemesis): (&'a str, &'a str, &'a str)) {
        if !self.columns.contains(&nemesis) {
            self.columns.push(nemesis);
        }
        let group = self.groups.iter().position(|(name, _)| *name == workload);
        let group = group.unwrap_or_else(|| {
            self.groups.push((workload, Vec::new()));
            self.groups.len() - 1
        });
        if !self.groups[group].1.contains(&target) {
            self.groups[group].1.push(target);
        }
    }
}

/// The section.
pub(super) fn section(campaign: &Campaign) -> Section {
    let grid = Grid::new(campaign);
    let lede = html! { "One mark a seed, in the order of the seeds. A mark leads to the page of its run." };
    let tally = campaign.tally();
    let kinds = [
        (tally.valid, CellKind::Valid),
        (tally.invalid, CellKind::Invalid),
        (tally.unknown, CellKind::Unknown),
        (tally.harness, CellKind::Harness),
        (tally.as_expected, CellKind::Expected),
        (tally.not_run, CellKind::NotRun),
        (tally.open, CellKind::Open),
    ];
    let content = html! {
        div.choice {
            label { input #only type="checkbox"; " Only what is not valid" }
            div.legend {
                @for (_, kind) in kinds.iter().filter(|(count, _)| *count > 0) {
                    span class={ "c-" (kind.class()) } { (kind.shape()) (kind.word()) }
                }
                @if !grid.unavailable.is_empty() { span { "n/a" span.dim { " unavailable here" } } }
            }
        }
        (wide("Matrix", &table(campaign, &grid)))
    };
    framed("matrix", "Matrix", None, &lede, &content)
}

fn table(campaign: &Campaign, grid: &Grid<'_>) -> Markup {
    let width = format!("min-width:{}px", 190 + 112 * grid.columns.len());
    html! {
        table.matrix style=(width) {
            colgroup { col.system; @for _ in &grid.columns { col; } }
            thead { tr {
                th scope="col" { "Target" }
                @for column in &grid.columns { th scope="col" title=(harmless(column, 400)) { (shown(column, 60)) } }
            } }
            @for (workload, targets) in &grid.groups {
                tbody {
                    tr.group { th scope="rowgroup" colspan=(grid.columns.len() + 1) { (shown(workload, NAME)) } }
                    @for target in targets {
                        tr {
                            th scope="row" { (shown(target, NAME)) " " span.dimmer.small { (shown(version(campaign, target), 40)) } }
                            @for column in &grid.columns { td { (cell(grid, (workload, target, column))) } }
                        }
                    }
                }
            }
        }
    }
}

fn cell(grid: &Grid<'_>, key: (&str, &str, &str)) -> Markup {
    match (grid.cells.get(&key), grid.unavailable.get(&key)) {
        (Some(cells), _) => {
            let worst = cells.iter().map(|cell| cell.kind()).max().unwrap_or(CellKind::Valid);
            html! { div class={ "cell w-" (worst.class()) } { @for cell in cells { (mark(cell)) } } }
        }
        (None, Some(reason)) => html! { div.na title=(harmless(reason, 600)) { "n/a" } },
        (None, None) => html! { div.na { span.vh { "not asked for" } } },
    }
}

/// The version that a target named itself, without its own name before it.
fn version<'a>(campaign: &'a Campaign, target: &str) -> &'a str {
    let results = campaign.cells.iter().filter(|cell| cell.target == target).filter_map(|cell| cell.result());
    let version = results.map(|result| result.target_version.as_str()).find(|version| !version.is_empty());
    let name = target.split(':').next().unwrap_or(target);
    version.map_or("", |version| version.strip_prefix(name).map_or(version, str::trim_start))
}
