//! How to run it again: what failed first, the whole campaign, and what is left of it.

use dsjepsen_history::{Campaign, shell_line, shell_word};
use maud::{Markup, html};

use super::{command, section as framed};
use crate::sections::Section;
use crate::sections::replay::command as shown_command;

/// The longest command that is shown, in characters: it is there to be copied whole.
pub(super) const COMMAND: usize = 8_000;

/// The section. The command with the id `cmd-first` is that of the banner's button.
pub(super) fn section(campaign: &Campaign) -> Section {
    let failures = campaign.failures();
    let first = failures.first().map(|group| group.first());
    let mut commands: Vec<(&str, String)> = Vec::new();
    if let Some(cell) = first {
        commands.push(("The first failure", command(cell)));
        if let Some(result) = cell.result().filter(|result| result.page) {
            let run = format!("store/{}/runs/{}", campaign.name, result.run);
            commands.push((
                "Judges its recorded history again, without a cluster",
                format!("dsjepsen check {}", shell_word(&run)),
            ));
        }
    }
    if !campaign.is_complete() {
        let resume = format!("dsjepsen campaign --resume {}", shell_word(&format!("store/{}", campaign.name)));
        commands.push(("What has not ended", resume));
    }
    commands.push(("The whole campaign", shell_line(&campaign.command)));
    let lede = html! {
        "Seeds fix the plans. A system’s own timing still varies, so a rare violation may need several runs. Paths are those of a store named "
        code { "store" } "."
    };
    let content: Markup = html! {
        div.cmds {
            @for (number, (about, text)) in commands.iter().enumerate() {
                (shown_command(if number == 0 { "cmd-first".to_owned() } else { format!("cmd-{number}") }.as_str(), about, text))
            }
        }
    };
    framed("reproduce", "Run it again", None, &lede, &content)
}
