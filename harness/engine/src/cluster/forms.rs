//! Nodes that are started in another form than the others: at another address, or with one more option of their target. A form
//! stays a node's own over every restart until it is taken away.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use dsjepsen_history::NodeId;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::node::Node;
use super::{Cluster, ClusterError};
use crate::network::Source;
use crate::target::{Launch, Readiness};

/// How long a look at an address may take; on loopback the kernel answers at once.
const DIAL_TIME: Duration = Duration::from_millis(500);

/// How a node differs from what its target says of all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Form {
    /// Which of its other addresses it listens on, where not on its own.
    pub(super) elsewhere: Option<u32>,
    /// The option of the target that it is started with in addition.
    pub(super) with: Option<String>,
}

/// A form that a node was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormId(u32);

/// The forms of a node, the newest last: that is the one it has.
#[derive(Debug, Default)]
pub(super) struct Forms {
    given: Vec<(FormId, Form)>,
    next: u32,
    moves: u32,
}

impl Forms {
    fn current(&self) -> Form {
        self.given.last().map(|(_, form)| form.clone()).unwrap_or_default()
    }

    fn give(&mut self, elsewhere: bool, with: Option<String>) -> FormId {
        let elsewhere = elsewhere.then(|| {
            self.moves += 1;
            self.moves - 1
        });
        self.next += 1;
        let id = FormId(self.next);
        self.given.push((id, Form { elsewhere, with }));
        id
    }

    fn take(&mut self, id: FormId) {
        self.given.retain(|(given, _)| *given != id);
    }
}

impl Cluster {
    /// Gives a node another form, from its next start on: `elsewhere` at an address that it did not have before, `with` one more
    /// option of its target. `None` where there is no such node.
    pub fn give_form(&self, node: NodeId, elsewhere: bool, with: Option<&str>) -> Option<FormId> {
        self.lock().get_mut(&node).map(|state| state.forms.give(elsewhere, with.map(str::to_owned)))
    }

    /// Ends a node in the way that its target prefers, starts it again with the same data in the form that it has now, and waits
    /// until it is ready. Says what was seen of that, and whether it is another process that shows all that should differ.
    pub async fn start_anew(&self, node: NodeId) -> (String, bool) {
        let started_in = self.lock().get(&node).and_then(Node::started_in).cloned();
        let (Some(running), Some(old)) = (self.running(node), started_in) else {
            return ("did not run".to_owned(), false);
        };
        match self.replace(node, running.pid, &old).await {
            Ok(seen) => (seen, true),
            Err(why) => (why, false),
        }
    }

    /// Takes a form away from a node again. Unless the node keeps its form by another, or `stays_down`, it is started in the form
    /// that it has then; one that is down is started in any case. Says what was seen, and whether all is as it was.
    pub async fn restore(&self, node: NodeId, form: Option<FormId>, stays_down: bool) -> (String, bool) {
        if let (Some(state), Some(form)) = (self.lock().get_mut(&node), form) {
            state.forms.take(form);
        }
        let form = self.form(node);
        let keeps_its_form = self.lock().get(&node).and_then(Node::started_in) == Some(&form);
        match self.is_running(node) {
            _ if stays_down => ("is down, and will be started as it was".to_owned(), true),
            true if keeps_its_form => ("left as it is".to_owned(), true),
            true => {
                let (seen, all_seen) = self.start_anew(node).await;
                // A member that is not let in by the others, for a partition say, is as it was all the same.
                let is_back = self.lock().get(&node).and_then(Node::started_in) == Some(&form);
                (format!("as it was: {seen}"), all_seen || is_back && self.is_running(node))
            }
            false => match self.restart(node).await {
                Ok(after) => (format!("was down, ready {} ms after it was started as it was", after.as_millis()), true),
                Err(error) => (format!("not started again: {error}"), false),
            },
        }
    }

    /// The form that a node is started in.
    pub(super) fn form(&self, node: NodeId) -> Form {
        self.lock().get(&node).map(|state| state.forms.current()).unwrap_or_default()
    }

    /// Ends a node's process and starts it in its form of now. Says what was seen of that, or what is not as it should be.
    async fn replace(&self, node: NodeId, before: i32, old: &Form) -> Result<String, String> {
        let how = self.stop_node(node).await.unwrap_or_else(|| "by itself".to_owned());
        let ended = format!("ended ({how})");
        match self.restart(node).await {
            Ok(after) => {
                let mut seen = vec![ended, format!("ready {} ms later", after.as_millis())];
                seen.extend(self.read_back(node, before, old).await?);
                Ok(seen.join(", "))
            }
            Err(ClusterError::NodeNotReady { after, .. }) if self.is_running(node) => {
                Err(format!("{ended}, runs again, but was not ready within {} s", after.as_secs()))
            }
            Err(error) => Err(format!("{ended}, and not started again: {error}")),
        }
    }

    /// Whether a node's process is another than `before`, and shows what makes its form differ from the `old` one.
    async fn read_back(&self, node: NodeId, before: i32, old: &Form) -> Result<Vec<String>, String> {
        let new = self.form(node);
        let pid = self.running(node).map(|running| running.pid).filter(|pid| *pid != before);
        let pid = pid.ok_or_else(|| format!("process {before} was not replaced"))?;
        let mut seen = vec![format!("process {before} became {pid}")];
        let (from, to) = (self.home(node, old), self.home(node, &new));
        if from != to {
            for port in self.inner.plan.target.ports() {
                if !is_open((to, *port)).await {
                    return Err(format!("does not listen at {to}:{port}"));
                }
                if is_open((from, *port)).await {
                    return Err(format!("listens at {from}:{port} still"));
                }
            }
            seen.push(format!("answers at {to} and no longer at {from}"));
            self.is_reached(node).await?;
        }
        if old.with != new.with {
            let data = self.data(node).map_err(|error| error.to_string())?;
            let same_place = Form { elsewhere: new.elsewhere, with: old.with.clone() };
            let [old, new] = [&same_place, &new].map(|form| self.ask_launch(node, form, &data));
            let changes = changes(&old, &new);
            if changes.is_empty() {
                return Err("nothing of its command line, environment and files differs".to_owned());
            }
            for change in changes {
                seen.push(self.see(node, &data, &change).map_err(|error| format!("{change}: {error}"))?);
            }
        }
        Ok(seen)
    }

    /// Whether a node answers over the link from its own clients, which no fault cuts; where there is something to ask.
    async fn is_reached(&self, node: NodeId) -> Result<(), String> {
        let readiness = self.lock().get(&node).and_then(Node::readiness);
        let Some((Readiness::Http { port, path }, _, _)) = readiness else { return Ok(()) };
        let link = self.inner.network.subnet().link(Source::Clients(node), node);
        let answers = self.inner.control.answers_at(link, port, &path).await;
        if answers { Ok(()) } else { Err("does not answer over its links".to_owned()) }
    }

    /// Looks for a change in the node's processes and files.
    fn see(&self, node: NodeId, data: &Path, change: &Change) -> Result<String, String> {
        let words_of = |pid: i32, file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let any = |file: &str, wanted: &str| {
            let processes = self.inner.limits.processes(node);
            processes
                .iter()
                .any(|pid| words_of(*pid, file).split(|byte| *byte == 0).any(|word| word == wanted.as_bytes()))
        };
        let found = match change {
            // Where nothing came and nothing went, there is nothing to see.
            Change::Arguments { added, removed } => {
                added.iter().all(|argument| any("cmdline", argument))
                    && !removed.iter().any(|argument| any("cmdline", argument))
                    && !(added.is_empty() && removed.is_empty())
            }
            Change::Variable(name, Some(value)) => any("environ", &format!("{name}={value}")),
            Change::Variable(name, None) => {
                let given = format!("{name}=");
                let processes = self.inner.limits.processes(node);
                !processes.iter().any(|pid| {
                    words_of(*pid, "environ").split(|byte| *byte == 0).any(|word| word.starts_with(given.as_bytes()))
                })
            }
            Change::File(name, content) => {
                std::fs::read_to_string(data.join(name)).map_err(|error| error.to_string())? == *content
            }
        };
        if found { Ok(change.to_string()) } else { Err("not seen in its processes".to_owned()) }
    }
}

/// What differs between two ways to start a node.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    /// The arguments that only the new one has, and those that only the old one has.
    Arguments { added: Vec<String>, removed: Vec<String> },
    /// A variable of the environment with its new value; nothing where it has none any more.
    Variable(String, Option<String>),
    /// A file with its new content.
    File(String, String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Arguments { added, removed } if added.is_empty() => {
                write!(out, "no argument `{}`", shortened(&removed.join(" ")))
            }
            Self::Arguments { added, .. } => write!(out, "arguments `{}`", shortened(&added.join(" "))),
            Self::Variable(name, Some(value)) => write!(out, "environment `{name}={value}`"),
            Self::Variable(name, None) => write!(out, "environment without `{name}`"),
            Self::File(name, _) => write!(out, "another file `{name}`"),
        }
    }
}

/// A long text without its middle.
fn shortened(text: &str) -> String {
    const KEPT: usize = 50;
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= 2 * KEPT {
        return text.to_owned();
    }
    letters[..KEPT].iter().chain(['…'].iter()).chain(&letters[letters.len() - KEPT..]).collect()
}

fn changes(old: &Launch, new: &Launch) -> Vec<Change> {
    let mut changes = Vec::new();
    if old.arguments != new.arguments {
        let only_in = |one: &Launch, other: &Launch| -> Vec<String> {
            one.arguments.iter().filter(|argument| !other.arguments.contains(argument)).cloned().collect()
        };
        changes.push(Change::Arguments { added: only_in(new, old), removed: only_in(old, new) });
    }
    let names: BTreeMap<&String, ()> =
        old.environment.keys().chain(new.environment.keys()).map(|name| (name, ())).collect();
    for (name, ()) in names {
        let value = new.environment.get(name);
        if old.environment.get(name) != value {
            changes.push(Change::Variable(name.clone(), value.cloned()));
        }
    }
    for (name, content) in &new.files {
        if old.files.get(name) != Some(content) {
            changes.push(Change::File(name.clone(), content.clone()));
        }
    }
    changes
}

/// Whether somebody listens there.
async fn is_open(address: (std::net::Ipv4Addr, u16)) -> bool {
    let dialled: Result<io::Result<TcpStream>, _> = timeout(DIAL_TIME, TcpStream::connect(address)).await;
    dialled.is_ok_and(|dialled| dialled.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(arguments: &[&str], environment: &[(&str, &str)], file: &str) -> Launch {
        let owned = |text: &&str| (*text).to_owned();
        Launch {
            program: "node".into(),
            arguments: arguments.iter().map(owned).collect(),
            environment: environment.iter().map(|(name, value)| (owned(name), owned(value))).collect(),
            files: BTreeMap::from([("conf".to_owned(), file.to_owned())]),
            readiness: Readiness::LogLine("ready".to_owned()),
        }
    }

    #[test]
    fn a_node_has_the_newest_of_its_forms_and_moves_to_a_new_address_each_time() {
        let mut forms = Forms::default();
        let first = forms.give(true, None);
        let second = forms.give(true, Some("slow".to_owned()));
        assert_eq!(forms.current(), Form { elsewhere: Some(1), with: Some("slow".to_owned()) });
        forms.take(first);
        forms.take(first);
        assert_eq!(forms.current().elsewhere, Some(1));
        forms.take(second);
        assert_eq!(forms.current(), Form::default());
        forms.give(false, Some("slow".to_owned()));
        assert_eq!(forms.current(), Form { elsewhere: None, with: Some("slow".to_owned()) });
    }

    #[test]
    fn what_differs_is_what_is_looked_for() {
        let old = launch(&["--port", "1"], &[("A", "1"), ("B", "2")], "x");
        assert!(changes(&old, &old).is_empty());
        let new = launch(&["--port", "1", "--slow"], &[("A", "3"), ("C", "4")], "y");
        let seen: Vec<String> = changes(&old, &new).iter().map(ToString::to_string).collect();
        let expected = [
            "arguments `--slow`",
            "environment `A=3`",
            "environment without `B`",
            "environment `C=4`",
            "another file `conf`",
        ];
        assert_eq!(seen, expected);
        assert_eq!(
            changes(&old, &launch(&["--port"], &[("A", "1"), ("B", "2")], "x"))[0].to_string(),
            "no argument `1`"
        );
        assert_eq!(
            shortened(&format!("{}b{}", "a".repeat(50), "c".repeat(50))),
            format!("{}…{}", "a".repeat(50), "c".repeat(50))
        );
    }
}
