//! Clusters on a virtual clock, of which every decision is drawn from bytes: nodes that vote as Raft has it, crash, and are
//! polled by clients that are slow; and a cluster in which one node leads at a time.

use std::slice::Iter;

use dsjepsen_checkers::{ElectionCall, ElectionReply};
use dsjepsen_history::{Outcome, Reason};

use crate::script::{Script, View, follows, leads};

const NODES: usize = 3;

/// What is wrong with the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// A node that is started again has forgotten its vote and its term.
    ForgetfulVotes,
    /// A leader acknowledges without asking anybody.
    EagerWrites,
}

impl Flaw {
    pub(crate) fn numbered(number: u8) -> Self {
        [Self::None, Self::ForgetfulVotes, Self::EagerWrites][usize::from(number)]
    }
}

#[derive(Debug, Clone, Default)]
struct Node {
    up: bool,
    incarnation: u64,
    term: u64,
    voted: bool,
    leads: bool,
    votes: usize,
    leader: Option<usize>,
}

/// A message on its way. It may never arrive, or arrive late.
#[derive(Debug, Clone, Copy)]
enum Message {
    AskVote { from: usize, to: usize, term: u64 },
    Vote { from: usize, to: usize, incarnation: u64, term: u64 },
    Append { from: usize, to: usize, term: u64 },
}

impl Message {
    fn ends(self) -> [usize; 2] {
        match self {
            Self::AskVote { from, to, .. } | Self::Vote { from, to, .. } | Self::Append { from, to, .. } => [from, to],
        }
    }
}

/// A poll or a write on its way, and what it has seen.
struct Open {
    operation: usize,
    of: usize,
    seen: Option<Outcome<View>>,
}

struct World<'a> {
    bytes: Iter<'a, u8>,
    script: Script,
    now: u64,
    nodes: Vec<Node>,
    messages: Vec<Message>,
    open: Vec<Open>,
    flaw: Flaw,
    /// The node that neither hears the others nor is heard by them; 0 for none.
    cut_off: usize,
}

/// Elections as Raft has them, without logs: every step is one that its nodes, their network and their clients may take.
pub(crate) fn raft(bytes: &[u8], flaw: Flaw) -> Script {
    let mut script = Script::new(false);
    script.plan.settings.nodes = NODES as u16;
    let node = Node { up: true, incarnation: 1, ..Node::default() };
    let nodes = vec![node; NODES + 1];
    let mut world =
        World { bytes: bytes.iter(), script, now: 0, nodes, messages: Vec::new(), open: Vec::new(), flaw, cut_off: 0 };
    while world.bytes.len() > 0 {
        world.now += world.draw() as u64 % 3;
        match world.draw() % 32 {
            0 | 1 => world.time_out(),
            2 => world.crash(),
            3 | 4 => world.start(),
            5 => world.send_appends(),
            6 => world.cut_off = world.pick(),
            7..16 => world.deliver(),
            16..19 => world.ask(),
            19 | 20 => world.write(),
            21..26 => world.observe(),
            _ => world.answer(),
        }
    }
    world.script
}

impl World<'_> {
    fn draw(&mut self) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0))
    }

    fn pick(&mut self) -> usize {
        self.draw() % NODES + 1
    }

    /// What every node does that hears of a later term.
    fn hear(&mut self, of: usize, term: u64) {
        let node = &mut self.nodes[of];
        if term > node.term {
            (node.term, node.voted, node.leads, node.votes, node.leader) = (term, false, false, 0, None);
        }
    }

    fn time_out(&mut self) {
        let from = self.pick();
        let hasty = self.draw().is_multiple_of(4);
        let node = &mut self.nodes[from];
        if !node.up || node.leads || (node.leader.is_some() && !hasty) {
            return;
        }
        (node.term, node.voted, node.votes, node.leader) = (node.term + 1, true, 1, None);
        let term = node.term;
        self.messages.extend((1..=NODES).filter(|to| *to != from).map(|to| Message::AskVote { from, to, term }));
    }

    fn crash(&mut self) {
        let of = self.pick();
        let node = &mut self.nodes[of];
        (node.up, node.leads, node.votes, node.leader) = (false, false, 0, None);
    }

    fn start(&mut self) {
        let of = self.pick();
        let forgets = self.flaw == Flaw::ForgetfulVotes;
        let node = &mut self.nodes[of];
        if !node.up {
            (node.up, node.incarnation) = (true, node.incarnation + 1);
            if forgets {
                (node.term, node.voted) = (0, false);
            }
        }
    }

    fn send_appends(&mut self) {
        let from = self.pick();
        let Node { up: true, leads: true, term, .. } = self.nodes[from] else { return };
        self.messages.extend((1..=NODES).filter(|to| *to != from).map(|to| Message::Append { from, to, term }));
    }

    fn deliver(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let at = self.draw() % self.messages.len();
        let message = self.messages.remove(at);
        if message.ends().contains(&self.cut_off) {
            return;
        }
        match message {
            Message::AskVote { from, to, term } if self.nodes[to].up => {
                self.hear(to, term);
                let node = &mut self.nodes[to];
                if node.term == term && !node.voted {
                    node.voted = true;
                    let incarnation = self.nodes[from].incarnation;
                    self.messages.push(Message::Vote { from: to, to: from, incarnation, term });
                }
            }
            Message::Vote { to, incarnation, term, .. } => {
                let node = &mut self.nodes[to];
                if node.up && node.incarnation == incarnation && node.term == term && node.votes > 0 {
                    node.votes += 1;
                    if 2 * node.votes > NODES {
                        (node.leads, node.leader) = (true, Some(to));
                    }
                }
            }
            Message::Append { from, to, term } if self.nodes[to].up => {
                self.hear(to, term);
                let node = &mut self.nodes[to];
                if node.term == term && !node.leads {
                    (node.leader, node.votes) = (Some(from), 0);
                }
            }
            Message::AskVote { .. } | Message::Append { .. } => {}
        }
    }

    fn ask(&mut self) {
        let of = self.pick();
        let operation = self.script.ask(self.now, of);
        self.open.push(Open { operation, of, seen: None });
    }

    /// A leader acknowledges in one step, if more than half of the nodes that are up take its entry.
    fn write(&mut self) {
        let of = self.pick();
        let operation = self.script.invoke(self.now, ElectionCall::Write, of);
        self.now += self.bytes.len() as u64 % 2;
        let Node { up: true, leads: true, term, .. } = self.nodes[of] else {
            self.script.complete(self.now, operation, Outcome::Fail(Reason::new("not-leader")));
            return;
        };
        let takers: Vec<_> = (1..=NODES).filter(|&to| self.takes(of, to, term)).collect();
        if 2 * takers.len() > NODES || self.flaw == Flaw::EagerWrites {
            if self.flaw != Flaw::EagerWrites {
                takers.into_iter().for_each(|to| self.hear(to, term));
            }
            self.script.complete(self.now, operation, Outcome::Ok(ElectionReply::Write { term }));
        }
    }

    fn takes(&self, leader: usize, to: usize, term: u64) -> bool {
        let reached = to == leader || ![leader, to].contains(&self.cut_off);
        reached && self.nodes[to].up && self.nodes[to].term <= term
    }

    /// A poll reaches its node.
    fn observe(&mut self) {
        let waiting: Vec<_> = (0..self.open.len()).filter(|&at| self.open[at].seen.is_none()).collect();
        if waiting.is_empty() {
            return;
        }
        let at = waiting[self.draw() % waiting.len()];
        let of = self.open[at].of;
        let Node { up, incarnation, term, leads: head, leader, .. } = self.nodes[of];
        self.open[at].seen = Some(match (up, head) {
            (false, _) => Outcome::Fail(Reason::new("refused")),
            (true, true) => Outcome::Ok(leads(of, incarnation, term)),
            (true, false) => Outcome::Ok(follows(leader, incarnation, term)),
        });
    }

    /// An answer reaches its client.
    fn answer(&mut self) {
        let seen: Vec<_> = (0..self.open.len()).filter(|&at| self.open[at].seen.is_some()).collect();
        if seen.is_empty() {
            return;
        }
        let at = seen[self.draw() % seen.len()];
        let Open { operation, seen, .. } = self.open.remove(at);
        match seen.unwrap() {
            Outcome::Ok(view) => self.script.answer(self.now, operation, view),
            Outcome::Fail(reason) | Outcome::Info(reason) => {
                self.script.complete(self.now, operation, Outcome::Fail(reason));
            }
        }
    }
}

/// A cluster without terms in which a node leads only when no other does; it promises so.
pub(crate) fn one_leader_at_a_time(bytes: &[u8]) -> Script {
    let mut script = Script::new(true);
    script.plan.settings.nodes = NODES as u16;
    let mut bytes = bytes.iter();
    let mut draw = || usize::from(bytes.next().copied().unwrap_or(0));
    let (mut head, mut since, mut incarnation) = (None, [0; NODES + 1], [1; NODES + 1]);
    let mut open: Vec<(usize, usize, Option<View>)> = Vec::new();
    for step in 0..250 {
        let (what, which) = (draw() % 16, draw());
        let of = which % NODES + 1;
        match what {
            0 if head.is_none() => {
                head = Some(of);
                since[of] += 1;
            }
            1 if which.is_multiple_of(4) => head = None,
            // A node starts again, and counts its leaderships from the beginning.
            2 if head != Some(of) => (incarnation[of], since[of]) = (incarnation[of] + 1, 0),
            3..7 if open.len() < 4 => open.push((script.ask(step, of), of, None)),
            7..11 if !open.is_empty() => {
                let at = which % open.len();
                let (_, of, seen) = &mut open[at];
                let believes = head == Some(*of);
                seen.get_or_insert(View {
                    leader: head,
                    believes,
                    incarnation: Some(incarnation[*of]),
                    since: believes.then_some(since[*of]),
                    ..View::default()
                });
            }
            11.. => {
                if let Some(at) = open.iter().position(|(.., seen)| seen.is_some()) {
                    let (operation, _, seen) = open.remove(at);
                    script.answer(step, operation, seen.unwrap());
                }
            }
            _ => {}
        }
    }
    script
}
