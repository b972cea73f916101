//! How to run it again, how to judge it again, and what it ran with.

use dsjepsen_history::{Promises, shell_word};
use maud::{Markup, html};

use super::{Section, framed};
use crate::load::RunRecord;
use crate::text::{CELL, NAME, counted, shown, thousands};

/// The longest command that is shown, in characters: it is there to be copied whole.
const COMMAND: usize = 8_000;

/// The section.
pub(super) fn section(record: &RunRecord) -> Section {
    let lede = html! {
        "The command runs the same plan again; the system’s own timing is not fixed by a seed, so a rare violation may need \
         several runs."
    };
    let again = record.plan.command.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    let check = format!("dsjepsen check {}", shell_word(&record.path.to_string_lossy()));
    let content = html! {
        div.cmds {
            @if !again.is_empty() { (command("cmd-run", "Runs the same plan again", &again)) }
            (command("cmd-check", "Judges the recorded history again, without a cluster", &check))
        }
        h3 { "Environment" }
        (environment(record))
    };
    framed("reproduce", "Run it again", "Run it again", &lede, &content)
}

/// The section of a history that was only judged here: `command` judges it again.
pub(crate) fn of_history(command: &[String]) -> Section {
    let words = command.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    let content =
        html! { div.cmds { (self::command("cmd-check", "Judges the same history by the same model", &words)) } };
    framed("reproduce", "Judge it again", "Judge it again", &Markup::default(), &content)
}

/// A command with what it does, and a button that copies it.
pub(crate) fn command(id: &str, about: &str, text: &str) -> Markup {
    html! {
        div {
            p.dim { (about) }
            div.cmd {
                code id=(id) { (shown(text, COMMAND)) }
                button.copy type="button" data-copy=(id) aria-label={ "Copy: " (about) } hidden { "Copy" }
            }
        }
    }
}

fn environment(record: &RunRecord) -> Markup {
    let (plan, settings) = (&record.plan, &record.plan.settings);
    let ms = |number: u64| format!("{} ms", thousands(number));
    let rate = match settings.rate {
        0 => "as fast as the clients can".to_owned(),
        rate => format!("{} operations per second over all clients", thousands(rate)),
    };
    let entry = |name: &str, value: Markup| html! { dt { (name) } dd { (value) } };
    html! {
        dl.kv {
            (entry("Run", shown(&plan.run, CELL)))
            (entry("System", shown(&plan.versions.system, CELL)))
            (entry("Target", shown(&format!("{} {}", plan.target, plan.versions.target), CELL)))
            (entry("It promises", html! { (promises(&plan.promises)) }))
            (entry("dsjepsen", shown(&plan.versions.dsjepsen, NAME)))
            (entry("Cluster", html! {
                (counted(u64::from(settings.nodes), "node", "nodes")) ", "
                (counted(u64::from(settings.concurrency), "client", "clients"))
            }))
            (entry("Rate", html! { (rate) }))
            (entry("Length", html! {
                (ms(settings.time_limit_ms)) ", then " (ms(settings.recovery_time_ms)) " to recover"
            }))
            (entry("Deadline", html! { (ms(settings.op_timeout_ms)) " for a request with its retries" }))
            (entry("Faults", html! {
                @if plan.nemesis.is_empty() { "none" } @else {
                    (shown(&plan.nemesis, CELL)) ", interval " (ms(settings.nemesis_interval_ms))
                }
            }))
        }
    }
}

/// What the target is held to.
fn promises(promises: &Promises) -> String {
    let made: Vec<_> = [
        (promises.leases, "leases that last"),
        (promises.fencing_tokens, "rising fencing tokens"),
        (promises.enforcing_guard, "a resource that refuses old tokens"),
        (promises.linearizable_reads, "linearizable reads"),
        (promises.one_leader_at_a_time, "one leader at a time"),
    ]
    .into_iter()
    .filter_map(|(made, words)| made.then_some(words))
    .collect();
    if made.is_empty() { "nothing beyond its workload".to_owned() } else { made.join(", ") }
}
