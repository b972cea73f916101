//! Words with placeholders in braces, and the one table of all placeholders.

use super::problem::Problem;

/// Where a placeholder may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In `node.command`, `node.environment` and `node.files`.
    Node,
    /// In `node.peer`.
    Peer,
    /// In `clients.program` and `clients.environment`.
    Client,
    /// In the first word of a command: the program itself.
    Program,
}

/// A placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placeholder {
    /// What stands between the braces.
    pub name: &'static str,
    /// Where it may stand.
    pub scopes: &'static [Scope],
    /// What it stands for.
    pub about: &'static str,
}

/// All placeholders. `CONTRACT.md` has the same table; a test holds the two together.
pub const PLACEHOLDERS: &[Placeholder] = {
    use Scope::{Client, Node, Peer, Program};
    const fn placeholder(name: &'static str, scopes: &'static [Scope], about: &'static str) -> Placeholder {
        Placeholder { name, scopes, about }
    }
    &[
        placeholder("dir", &[Node, Client, Program], "the folder of this file, as an absolute path"),
        placeholder("node", &[Node, Client], "the name of the node: `n1`, `n2`, …"),
        placeholder("n", &[Node, Client], "its number: `1`, `2`, …"),
        placeholder("nodes", &[Node], "how many nodes there are"),
        placeholder(
            "address",
            &[Node, Peer, Client],
            "in a command the address on which the node listens; in `peer` and for a client the address of the link by which the \
             other node is reached",
        ),
        placeholder(
            "port",
            &[Node, Peer, Client],
            "the first of `ports` (for a client: `clients.port`); `{port-2}` is the second, and so on",
        ),
        placeholder("data", &[Node], "the node's own directory; it exists, and outlives restarts"),
        placeholder(
            "peers",
            &[Node],
            "all other nodes, each written as `peer` says, with `peer-separator` between them",
        ),
        placeholder("members", &[Node], "the same with the node itself"),
        placeholder("first", &[Node], "the name of the first node: `n1`"),
        placeholder("first-address", &[Node], "the address at which this node reaches the first one"),
        placeholder("peer", &[Peer], "the name of the other node"),
        placeholder("peer-n", &[Peer], "its number"),
        placeholder("process", &[Client], "the number of the client process; never used twice in a run"),
    ]
};

/// The names that may stand here, in words.
fn known(scope: Scope) -> String {
    let names = PLACEHOLDERS.iter().filter(|placeholder| placeholder.scopes.contains(&scope));
    names.map(|placeholder| format!("{{{}}}", placeholder.name)).collect::<Vec<_>>().join(", ")
}

/// The port that `port`, `port-2`, … names; nothing where there is none, which is refused when the file is read.
pub(super) fn port(name: &str, ports: &[u16]) -> String {
    let position = if name == "port" { Some(1) } else { name.strip_prefix("port-").and_then(|n| n.parse().ok()) };
    let port = position.and_then(|position: usize| ports.get(position.checked_sub(1)?));
    port.map(u16::to_string).unwrap_or_default()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(String),
}

/// A word with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// Reads `text`; `{{` and `}}` are braces.
    pub(super) fn read(text: &toml::Spanned<String>, scope: Scope, ports: &[u16]) -> Result<Self, Problem> {
        let problem = |problem: String| Problem::new(text.span(), problem);
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.get_ref().as_str();
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, behind) = (&rest[at..=at], &rest[at + 1..]);
            if let Some(behind) = behind.strip_prefix(brace) {
                plain.push_str(brace);
                rest = behind;
                continue;
            }
            let Some((name, behind)) = behind.split_once('}').filter(|_| brace == "{") else {
                return Err(problem(format!("a lone `{brace}`: write `{brace}{brace}` for the brace itself")));
            };
            let listed = PLACEHOLDERS.iter().any(|listed| listed.name == name && listed.scopes.contains(&scope));
            let numbered = scope != Scope::Program && name.starts_with("port-") && !port(name, ports).is_empty();
            if !listed && !numbered {
                return Err(problem(format!("there is no placeholder `{{{name}}}` here; there is {}", known(scope))));
            }
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Name(name.to_owned()));
            rest = behind;
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// The word, with what each placeholder stands for.
    pub(super) fn expand(&self, look_up: impl Fn(&str) -> String) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Name(name) => look_up(name),
        });
        pieces.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, scope: Scope) -> Result<String, String> {
        let text = toml::Spanned::new(0..text.len(), text.to_owned());
        let template = Template::read(&text, scope, &[7300, 7301]).map_err(|problem| problem.to_string())?;
        Ok(template
            .expand(|name| if name.starts_with("port") { port(name, &[7300, 7301]) } else { format!("<{name}>") }))
    }

    #[test]
    fn placeholders_are_filled_in_and_doubled_braces_are_braces() {
        assert_eq!(read("--at={address}:{port}", Scope::Node).unwrap(), "--at=<address>:7300");
        assert_eq!(read("{port-2}{port-1}", Scope::Node).unwrap(), "73017300");
        assert_eq!(read(r#"{{"n": {n}}}"#, Scope::Node).unwrap(), r#"{"n": <n>}"#);
        assert_eq!(read("", Scope::Node).unwrap(), "");
    }

    #[test]
    fn what_is_no_placeholder_here_is_refused_with_those_that_are() {
        let error = read("{adress}", Scope::Node).unwrap_err();
        assert!(error.contains("`{adress}`") && error.contains("{address}"), "{error}");
        let error = read("{data}", Scope::Client).unwrap_err();
        assert!(!error.contains("{data},") && error.contains("{process}"), "{error}");
        assert!(read("{port-3}", Scope::Node).is_err(), "there are two ports");
        for lone in ["{", "}", "a{b", "{a}}"] {
            assert!(read(lone, Scope::Node).is_err(), "{lone}");
        }
    }
}
