//! Who leads, as each member sees it: by its status; and the terms that it has led, by its own log. The term that the status
//! tells is that of the last entry applied, which need not be that of the leader named beside it, so it is not used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use dsjepsen_engine::api::{CallError, Deadline, View, Views};
use dsjepsen_engine::target::Control;
use dsjepsen_history::{NodeId, Reason};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::{Wire, number};

const STATUS: &str = "/v3/maintenance/status";

/// A member's number, by which members name one another.
type MemberId = u64;

/// How a member sees the cluster.
#[derive(Debug, Deserialize)]
struct Status {
    header: Header,
    /// Absent where it knows of none.
    #[serde(default)]
    leader: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Header {
    #[serde(deserialize_with = "number")]
    member_id: MemberId,
}

impl Status {
    fn leader(&self) -> Option<MemberId> {
        self.leader.as_deref()?.parse().ok().filter(|leader| *leader != 0)
    }
}

#[derive(Debug, Deserialize)]
struct MemberList {
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    #[serde(rename = "ID", deserialize_with = "number")]
    id: MemberId,
    /// Empty as long as it has never been up.
    #[serde(default)]
    name: String,
}

/// The node that more than half of all members name, as far as it answers itself.
pub(super) async fn leader_by_status(control: &Control, port: u16) -> Option<NodeId> {
    let nodes: Vec<NodeId> = control.nodes().collect();
    let body = json!({});
    let answers = join_all(nodes.iter().map(|node| control.post_json(*node, port, STATUS, &body))).await;
    let statuses = nodes.iter().zip(answers).filter_map(|(node, answer)| Some((*node, read_status(answer?)?)));
    majority(&statuses.collect::<Vec<_>>(), nodes.len())
}

fn read_status(answer: Value) -> Option<Status> {
    serde_json::from_value(answer).ok()
}

fn majority(statuses: &[(NodeId, Status)], nodes: usize) -> Option<NodeId> {
    let named = |id: MemberId| statuses.iter().filter(|(_, status)| status.leader() == Some(id)).count();
    statuses.iter().find(|(_, status)| 2 * named(status.header.member_id) > nodes).map(|(node, _)| *node)
}

/// One process's view of a member.
pub(super) struct EtcdViews {
    wire: Wire,
    /// Whom the members' numbers stand for, once that is known.
    members: Mutex<BTreeMap<MemberId, NodeId>>,
    claims: Mutex<Claims>,
}

impl EtcdViews {
    /// `log` is the member's log.
    pub(super) fn new(wire: Wire, log: PathBuf) -> Self {
        Self { wire, members: Mutex::default(), claims: Mutex::new(Claims { log, read: 0 }) }
    }

    /// The node of this number, as the member itself lists its peers.
    async fn node(&self, id: MemberId, deadline: Deadline) -> Result<NodeId, CallError> {
        let known = |members: &Mutex<BTreeMap<MemberId, NodeId>>| {
            members.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
        };
        if let Some(node) = known(&self.members) {
            return Ok(node);
        }
        let list: MemberList = self.wire.read("/v3/cluster/member/list", json!({}), deadline).await?;
        let listed = list.members.iter().filter_map(|member| Some((member.id, member.name.parse().ok()?)));
        *self.members.lock().unwrap_or_else(PoisonError::into_inner) = listed.collect();
        known(&self.members)
            .ok_or_else(|| CallError::Definite(Reason::new("unknown-member: the leader is not in the member's own list")))
    }
}

#[async_trait]
impl Views for EtcdViews {
    async fn view(&self, deadline: Deadline) -> Result<View, CallError> {
        let status: Status = self.wire.read(STATUS, json!({}), deadline).await?;
        let leader = match status.leader() {
            Some(id) => Some(self.node(id, deadline).await?),
            None => None,
        };
        let own = status.header.member_id;
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner).more(own);
        Ok(View {
            leader,
            believes_leader: status.leader() == Some(own),
            claims: claims.map_err(|error| CallError::Definite(Reason::new(format!("no-log: {error}"))))?,
            ..View::default()
        })
    }
}

/// Reads from a member's log of which terms it has become the leader.
struct Claims {
    log: PathBuf,
    /// How much of it was read, in bytes: whole lines.
    read: u64,
}

impl Claims {
    /// The terms that this member says, in lines since the last look, that it leads.
    fn more(&mut self, own: MemberId) -> io::Result<Vec<u64>> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // The last line may still be on its way into the file.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        Ok(text[..whole].split(|byte| *byte == b'\n').filter_map(|line| claim(line, own)).collect())
    }
}

/// The term of a line that says that this member became leader. What is no whole entry of etcd's own log, such as a piece
/// of an entry that was broken into several lines, says nothing.
fn claim(line: &[u8], own: MemberId) -> Option<u64> {
    #[derive(Deserialize)]
    struct Entry {
        msg: String,
    }
    let (_stamp, entry) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    if !entry.contains("became leader") {
        return None;
    }
    let entry: Entry = serde_json::from_str(entry).ok()?;
    let (who, term) = entry.msg.split_once(" became leader at term ")?;
    (MemberId::from_str_radix(who, 16) == Ok(own)).then(|| term.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_leader_is_whom_a_majority_names_and_who_answers() {
        let status = |node: usize, leader: &str| {
            let header = Header { member_id: node as u64 + 10 };
            (NodeId::at(node), Status { header, leader: Some(leader.to_owned()) })
        };
        assert_eq!(majority(&[status(0, "11"), status(1, "11")], 3), Some(NodeId::at(1)));
        assert_eq!(majority(&[status(0, "11"), status(1, "11")], 4), None, "half is no majority");
        assert_eq!(majority(&[status(0, "12"), status(1, "12")], 3), None, "the leader does not answer");
        assert_eq!(majority(&[status(0, "0"), status(1, "0")], 3), None);
    }

    fn line(who: u64, term: u64) -> String {
        let msg = format!("{who:x} became leader at term {term}");
        let entry = json!({"level": "info", "caller": "raft/raft.go:771", "msg": msg});
        format!("1234 {entry}\n")
    }

    #[test]
    fn claims_are_read_once_and_only_in_whole_lines() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let mut claims = Claims { log: log.path().to_owned(), read: 0 };
        let (first, second) = (line(0xbee, 2), line(0xbee, 3));
        let (begun, rest) = second.split_at(60);
        write!(log, "{first}{begun}").unwrap();
        assert_eq!(claims.more(0xbee).unwrap(), [2]);
        assert!(claims.more(0xbee).unwrap().is_empty());
        write!(log, "{rest}{}", line(0xbee, 4)).unwrap();
        assert_eq!(claims.more(0xbee).unwrap(), [3, 4]);
    }

    #[test]
    fn only_the_members_own_words_are_claims() {
        let own = 0xbee;
        assert_eq!(claim(line(own, 7).trim_end().as_bytes(), own), Some(7));
        assert_eq!(claim(line(0xbea, 7).trim_end().as_bytes(), own), None, "another member's");
        for other in [
            r#"1 {"msg":"raft.node: bee elected leader bee at term 7"}"#,
            r#"1 bee became leader at term 7"#,
            r#"1 {"msg":"said: bee became leader at term 7"}"#,
            r#"1 {"msg":"bee became leader at term 7, not"}"#,
            r#"1 {"msg":"bee became leader at term 7"#,
        ] {
            assert_eq!(claim(other.as_bytes(), own), None, "{other}");
        }
    }
}
