//! The page of a campaign: `index.html` beside `campaign.json`, made of the same data. It leads to the pages of the runs by paths relative to
//! itself, so that the directory can be moved, kept and opened anywhere, also while the campaign goes on.

mod banner;
mod failures;
mod health;
mod marks;
mod matrix;
mod replay;
mod runs;
mod undecided;

use std::path::Path;

use dsjepsen_history::{Campaign, Cell, shell_line};
use maud::{Markup, PreEscaped, html};

use crate::marks::State;
use crate::page::{Frame, framed};
use crate::plot::bands::Bands;
use crate::sections::Section;
use crate::text::{NAME, harmless};
use crate::{ReportError, write_whole};

const STYLE: &str = include_str!("../assets/campaign.css");

/// Draws the page of a campaign. It is written beside its name and renamed, so that nobody reads half of it.
///
/// # Errors
/// [`ReportError::Write`].
pub fn write_campaign_page(campaign: &Campaign, path: &Path) -> Result<(), ReportError> {
    write_whole(path, &page(campaign).into_string())
}

fn page(campaign: &Campaign) -> Markup {
    let sections: Vec<Section> = [
        failures::section(campaign),
        Some(matrix::section(campaign)),
        undecided::section(campaign),
        runs::section(campaign),
        health::section(campaign),
        Some(replay::section(campaign)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let main = html! {
        svg.defs width="0" height="0" aria-hidden="true" { defs { (PreEscaped(marks::SYMBOLS)) } }
        (banner::banner(campaign))
        @for section in &sections { (section.body) }
    };
    framed(&Frame {
        title: format!("{} · {}", banner::headline(campaign), harmless(&campaign.name, NAME)),
        name: &campaign.name,
        state: state(campaign),
        bands: &Bands::new(&[]),
        style: STYLE,
        sections: &sections,
        main,
    })
}

/// What the campaign as a whole says. What has not ended is no pass.
fn state(campaign: &Campaign) -> State {
    let tally = campaign.tally();
    match () {
        () if tally.invalid > 0 => State::Invalid,
        () if tally.open > 0 => State::Unknown,
        () if tally.harness > 0 => State::Harness,
        () if tally.unknown + tally.not_run + campaign.missing() > 0 || tally.ended() == 0 => State::Unknown,
        () => State::Valid,
    }
}

/// A section with its entry in the list of sections; none without content.
fn section(id: &'static str, name: &'static str, state: Option<State>, lede: &Markup, content: &Markup) -> Section {
    let framed = crate::sections::framed(id, name, name, lede, content);
    Section { state, ..framed }
}

/// Where the page of a run is, from that of the campaign.
fn run_page(run: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let encoded: String =
        run.chars().map(|letter| if plain(letter) { letter.to_string() } else { percent_encoded(letter) }).collect();
    format!("runs/{encoded}/index.html")
}

fn percent_encoded(letter: char) -> String {
    letter.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A run without its seed.
fn name(cell: &Cell) -> String {
    let options = if cell.options.is_empty() { String::new() } else { format!(", {}", cell.options) };
    format!("{} on {}, {}{options}", cell.workload, cell.target, cell.nemesis)
}

/// The command that makes a run again, as one line.
fn command(cell: &Cell) -> String {
    shell_line(&cell.command)
}
