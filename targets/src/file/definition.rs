//! What a target's file means, checked: ports that can be had, placeholders that exist, abilities that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dsjepsen_engine::network::LARGEST_NODE;
use dsjepsen_engine::target::{Readiness, StopSignal};
use dsjepsen_history::Promises;
use toml::Spanned;

use super::document::{ClientsTable, Document, NodeTable, ReadyTable, Text, VariantTable};
use super::problem::Problem;
use super::program::{Command, Surroundings};
use super::template::{Scope, Template};

/// The ports from which the kernel does not draw those of outgoing connections.
const PORTS: std::ops::RangeInclusive<i64> = 1..=32767;

/// How many nodes there are unless the file or the command line says otherwise.
const NODES: u16 = 3;

/// What a system can offer, in the file's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ability {
    Lock,
    Lease,
    Counter,
    Register,
    View,
    LeaderWrite,
}

impl Ability {
    const ALL: [Self; 6] = [Self::Lock, Self::Lease, Self::Counter, Self::Register, Self::View, Self::LeaderWrite];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Lease => "lease",
            Self::Counter => "counter",
            Self::Register => "register",
            Self::View => "view",
            Self::LeaderWrite => "leader-write",
        }
    }
}

/// How clients speak to a node.
#[derive(Debug)]
pub(super) enum Clients {
    /// We do, over HTTP.
    Contract { port: u16 },
    /// A program does.
    Program { command: Command, port: u16 },
}

/// How a node is started and ended.
#[derive(Debug)]
pub(super) struct NodeDefinition {
    pub(super) command: Command,
    pub(super) files: BTreeMap<String, Template>,
    pub(super) peer: Template,
    pub(super) peer_separator: String,
    pub(super) readiness: Readiness,
    pub(super) stop_signal: StopSignal,
    pub(super) wrappers: usize,
}

/// How nodes of a variant differ from the others.
#[derive(Debug)]
pub(super) struct VariantDefinition {
    pub(super) name: String,
    pub(super) about: String,
    /// Behind those of the others.
    pub(super) arguments: Vec<Template>,
    /// In addition, or instead.
    pub(super) environment: BTreeMap<String, Template>,
    /// Instead of those of the same name.
    pub(super) files: BTreeMap<String, Template>,
}

/// A system.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) nodes: u16,
    pub(super) ports: Vec<u16>,
    pub(super) folder: PathBuf,
    pub(super) node: NodeDefinition,
    pub(super) promises: Promises,
    pub(super) clients: Clients,
    pub(super) serves: BTreeSet<Ability>,
    pub(super) variants: Vec<VariantDefinition>,
    /// Programs that are not on this machine.
    pub(super) missing: Vec<Problem>,
}

impl Definition {
    /// Reads the text of a file in this folder.
    pub(super) fn read(text: &str, folder: &Path) -> Result<Self, Problem> {
        let document: Document = toml::from_str(text)?;
        let name = read_name(&document.name)?;
        let nodes = match &document.nodes {
            None => NODES,
            Some(nodes) => u16::try_from(*nodes.get_ref())
                .ok()
                .filter(|nodes| (1..=LARGEST_NODE).contains(nodes))
                .ok_or_else(|| Problem::new(nodes.span(), format!("a cluster has 1 to {LARGEST_NODE} nodes")))?,
        };
        let ports = read_ports(&document.ports)?;
        let around = Surroundings { folder, ports: &ports };
        let mut missing = Vec::new();
        let node = read_node(&document.node, &around, &mut missing)?;
        let variants = document.variant.iter().map(|(name, variant)| read_variant(name, variant, &node, &ports));
        let variants = variants.collect::<Result<_, _>>()?;
        let (clients, serves) = read_clients(&document.clients, &around, &mut missing)?;
        let promises = match document.promises {
            None => Promises::default(),
            Some(promises) => {
                let (place, promises) = (promises.span(), Promises::from(promises.into_inner()));
                if promises.enforcing_guard && !promises.fencing_tokens {
                    let sentence = "enforcing-guard needs fencing-tokens: without tokens there is nothing that the guard could refuse";
                    return Err(Problem::new(place, sentence));
                }
                promises
            }
        };
        let about = document.about;
        let folder = folder.to_owned();
        Ok(Self { name, about, nodes, ports, folder, node, promises, clients, serves, variants, missing })
    }
}

fn read_name(name: &Text) -> Result<String, Problem> {
    let text = name.get_ref();
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if text.is_empty() || text.len() > 40 || !text.chars().all(plain) {
        let sentence = format!("`{text}` is no name: 1 to 40 of the letters a to z, digits and `-`");
        return Err(Problem::new(name.span(), sentence));
    }
    Ok(text.clone())
}

fn read_ports(ports: &Spanned<Vec<Spanned<i64>>>) -> Result<Vec<u16>, Problem> {
    let mut read: Vec<u16> = Vec::new();
    for port in ports.get_ref() {
        let number = *port.get_ref();
        let fits = u16::try_from(number).ok().filter(|_| PORTS.contains(&number)).ok_or_else(|| {
            let sentence = format!(
                "{number} is no port for a node: from {} to {} (above, the kernel gives ports away)",
                PORTS.start(),
                PORTS.end()
            );
            Problem::new(port.span(), sentence)
        })?;
        if read.contains(&fits) {
            return Err(Problem::new(port.span(), format!("port {fits} stands here twice")));
        }
        read.push(fits);
    }
    if read.is_empty() {
        return Err(Problem::new(ports.span(), "a node needs a port on which it is reached"));
    }
    Ok(read)
}

/// One of the node's ports; the first where none is named.
fn read_port(port: Option<&Spanned<i64>>, ports: &[u16]) -> Result<u16, Problem> {
    let Some(port) = port else { return Ok(ports[0]) };
    let number = *port.get_ref();
    ports.iter().copied().find(|known| i64::from(*known) == number).ok_or_else(|| {
        Problem::new(port.span(), format!("{number} is none of the node's `ports` ({ports:?}): links carry only those"))
    })
}

fn read_node(
    node: &NodeTable,
    around: &Surroundings<'_>,
    missing: &mut Vec<Problem>,
) -> Result<NodeDefinition, Problem> {
    let command = Command::read(&node.command, &node.environment, Scope::Node, around, missing)?;
    let mut files = BTreeMap::new();
    for (name, content) in &node.files {
        if name.get_ref().is_empty() || name.get_ref().contains('/') || name.get_ref().starts_with('.') {
            let sentence = "a file is written into the node's directory: a plain name, without `/` and leading `.`";
            return Err(Problem::new(name.span(), sentence));
        }
        files.insert(name.get_ref().clone(), Template::read(content, Scope::Node, around.ports)?);
    }
    let plain = Spanned::new(0..0, "{address}:{port}".to_owned());
    Ok(NodeDefinition {
        command,
        files,
        peer: Template::read(node.peer.as_ref().unwrap_or(&plain), Scope::Peer, around.ports)?,
        peer_separator: node.peer_separator.clone().unwrap_or_else(|| ",".to_owned()),
        readiness: read_readiness(&node.ready, around.ports)?,
        stop_signal: read_stop_signal(node.stop_signal.as_ref())?,
        wrappers: read_wrappers(node.wrappers.as_ref())?,
    })
}

fn read_variant(
    name: &Text,
    variant: &VariantTable,
    node: &NodeDefinition,
    ports: &[u16],
) -> Result<VariantDefinition, Problem> {
    let VariantTable { about, arguments, environment, files } = variant;
    if arguments.is_empty() && environment.is_empty() && files.is_empty() {
        return Err(Problem::new(name.span(), "a variant has `arguments`, `environment` or `files` of its own"));
    }
    let read = |text: &Text| Template::read(text, Scope::Node, ports);
    // What a node is no longer given when it is no variant any more would stay in its directory.
    if let Some((unknown, _)) = files.iter().find(|(file, _)| !node.files.contains_key(file.get_ref())) {
        let sentence = format!("`{}` is none of `node.files`, of which a variant may have others", unknown.get_ref());
        return Err(Problem::new(unknown.span(), sentence));
    }
    let environment = environment.iter().map(|(name, value)| Ok((name.clone(), read(value)?)));
    let files = files.iter().map(|(name, content)| Ok((name.get_ref().clone(), read(content)?)));
    Ok(VariantDefinition {
        name: read_name(name)?,
        about: about.clone(),
        arguments: arguments.iter().map(read).collect::<Result<_, _>>()?,
        environment: environment.collect::<Result<_, Problem>>()?,
        files: files.collect::<Result<_, Problem>>()?,
    })
}

fn read_readiness(ready: &Spanned<ReadyTable>, ports: &[u16]) -> Result<Readiness, Problem> {
    let ReadyTable { url, port, log } = ready.get_ref();
    match (url, log) {
        (Some(url), None) if url.get_ref().starts_with('/') => {
            Ok(Readiness::Http { port: read_port(port.as_ref(), ports)?, path: url.get_ref().clone() })
        }
        (Some(url), None) => Err(Problem::new(url.span(), "the path of a URL, from its leading `/` on")),
        (None, Some(log)) if log.get_ref().is_empty() => Err(Problem::new(
            log.span(),
            "every line contains the empty text; name what the node says when it is ready",
        )),
        (None, Some(log)) => match port {
            None => Ok(Readiness::LogLine(log.get_ref().clone())),
            Some(port) => Err(Problem::new(port.span(), "`port` goes with `url`; a log has none")),
        },
        _ => Err(Problem::new(
            ready.span(),
            "either `url`, a path that is answered with 2xx, or `log`, a text in a line of the node's output",
        )),
    }
}

fn read_wrappers(wrappers: Option<&Spanned<i64>>) -> Result<usize, Problem> {
    /// More are a mistake, such as a time.
    const MOST: i64 = 20;
    let Some(wrappers) = wrappers else { return Ok(0) };
    let count = usize::try_from(*wrappers.get_ref()).ok().filter(|_| *wrappers.get_ref() <= MOST);
    let sentence = "how many programs, such as a start script, become the next by `exec` before the node: 0 to 20";
    count.ok_or_else(|| Problem::new(wrappers.span(), sentence))
}

fn read_stop_signal(signal: Option<&Text>) -> Result<StopSignal, Problem> {
    let Some(signal) = signal else { return Ok(StopSignal::default()) };
    let name = signal.get_ref();
    Ok(match name.strip_prefix("SIG").unwrap_or(name) {
        "KILL" => StopSignal::Kill,
        "TERM" => StopSignal::Terminate,
        "INT" => StopSignal::Interrupt,
        "QUIT" => StopSignal::Quit,
        "HUP" => StopSignal::HangUp,
        _ => {
            let sentence = format!("`{name}` is no stop signal; there is KILL, TERM, INT, QUIT, HUP");
            return Err(Problem::new(signal.span(), sentence));
        }
    })
}

fn read_clients(
    clients: &Spanned<ClientsTable>,
    around: &Surroundings<'_>,
    missing: &mut Vec<Problem>,
) -> Result<(Clients, BTreeSet<Ability>), Problem> {
    let ClientsTable { contract, program, serves, environment, port } = clients.get_ref();
    let port = read_port(port.as_ref(), around.ports)?;
    match (contract, program) {
        (Some(contract), None) => {
            let only = "belongs to a client program, and there is none";
            if let Some(serves) = serves {
                return Err(Problem::new(serves.span(), format!("`serves` {only}: `contract` is the list")));
            }
            if let Some(environment) = environment {
                return Err(Problem::new(environment.span(), format!("`environment` {only}")));
            }
            Ok((Clients::Contract { port }, read_abilities(contract)?))
        }
        (None, Some(program)) => {
            let Some(serves) = serves else {
                let sentence = "`serves` is missing: the list of what the program offers, such as [\"counter\"]";
                return Err(Problem::new(clients.span(), sentence));
            };
            let none = BTreeMap::new();
            let environment = environment.as_ref().map_or(&none, Spanned::get_ref);
            let command = Command::read(program, environment, Scope::Client, around, missing)?;
            Ok((Clients::Program { command, port }, read_abilities(serves)?))
        }
        _ => Err(Problem::new(
            clients.span(),
            "either `contract`, where nodes serve the HTTP/JSON contract, or `program`, a client program of your own",
        )),
    }
}

fn read_abilities(words: &Spanned<Vec<Text>>) -> Result<BTreeSet<Ability>, Problem> {
    let known = || Ability::ALL.map(Ability::word).join(", ");
    let mut abilities = BTreeSet::new();
    for word in words.get_ref() {
        let ability = Ability::ALL.into_iter().find(|ability| ability.word() == word.get_ref()).ok_or_else(|| {
            Problem::new(word.span(), format!("there is no ability `{}`; there is {}", word.get_ref(), known()))
        })?;
        abilities.insert(ability);
    }
    if abilities.is_empty() {
        return Err(Problem::new(words.span(), format!("name at least one ability; there is {}", known())));
    }
    if abilities.contains(&Ability::Lease) && !abilities.contains(&Ability::Lock) {
        return Err(Problem::new(words.span(), "`lease` is that on which a lock hangs: it needs `lock`"));
    }
    Ok(abilities)
}
