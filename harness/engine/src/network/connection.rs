//! One proxied connection: its two sockets and what is under way between them in either direction.
//!
//! Nothing here waits. The registry, under its lock, asks for one step at a time; the tasks of the proxy wait for what
//! the step says.

use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::kernel;
use super::pipe::{End, Leave, Means, Pipe, Step, Tail};
use super::rules::{Flow, RuleId};

/// The two directions of a connection, seen from its dialler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Back,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Both directions came to their end and everything was passed on.
    Finished,
    /// It was broken off: both sides are told by RST.
    Aborted,
}

/// A connection from its acceptance to its end.
#[derive(Debug)]
pub(super) struct Connection {
    /// The position of its link in the registry.
    pub(super) link: usize,
    pub(super) dialler: Ipv4Addr,
    flow: Option<Flow>,
    client: Arc<TcpStream>,
    /// Absent until the node has been dialled.
    node: Option<Arc<TcpStream>>,
    forward: Pipe,
    back: Pipe,
    ending: Option<Ending>,
    /// Whether the dialler had ended its stream, and the node been told, before the connection was held.
    half_closed_before_hold: bool,
    changes: watch::Sender<()>,
}

impl Connection {
    /// A connection that was accepted as the `number`-th.
    pub(super) fn new(number: u64, link: usize, flow: Option<Flow>, dialler: Ipv4Addr, client: Arc<TcpStream>) -> Self {
        Self {
            link,
            dialler,
            flow,
            client,
            node: None,
            forward: Pipe::new(2 * number),
            back: Pipe::new(2 * number + 1),
            ending: None,
            half_closed_before_hold: false,
            changes: watch::Sender::new(()),
        }
    }

    pub(super) fn flow(&self, way: Way) -> Option<Flow> {
        match way {
            Way::Forward => self.flow,
            Way::Back => self.flow.map(Flow::reversed),
        }
    }

    pub(super) fn flows(&self) -> [Option<Flow>; 2] {
        [self.flow(Way::Forward), self.flow(Way::Back)]
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Makes the connection's task look at the rules again.
    pub(super) fn wake(&self) {
        self.changes.send_replace(());
    }

    pub(super) fn attach(&mut self, node: Arc<TcpStream>) {
        self.node = Some(node);
    }

    pub(super) fn is_attached(&self) -> bool {
        self.node.is_some()
    }

    /// Ends the connection for good: what it holds is discarded at once, the sockets are closed by its task.
    pub(super) fn abort(&mut self) {
        self.forward.discard();
        self.back.discard();
        self.ending = Some(Ending::Aborted);
        self.wake();
    }

    pub(super) fn begin_hold(&mut self) {
        self.half_closed_before_hold = self.forward.tail == Tail::Passed;
    }

    /// Whether the dialler closed the connection while it was held: its FIN has arrived, maybe behind unread data, or
    /// its RST.
    pub(super) fn was_closed_while_held(&self) -> bool {
        let close = kernel::peer_close(self.client.as_fd());
        close.over || (close.fin && !self.half_closed_before_hold)
    }

    /// How many bytes wait in this direction, read or not.
    pub(super) fn waiting(&self, way: Way) -> u64 {
        let (source, pipe) = match way {
            Way::Forward => (Some(&self.client), &self.forward),
            Way::Back => (self.node.as_ref(), &self.back),
        };
        let unread = source.map_or(0, |source| kernel::unread_bytes(source.as_fd()));
        pipe.len() as u64 + unread
    }

    #[cfg(test)]
    pub(super) fn spliced_bytes(&self) -> usize {
        self.forward.spliced_bytes() + self.back.spliced_bytes()
    }

    #[cfg(test)]
    pub(super) fn next_piece(&self, flow: Flow) -> Option<super::shape::Piece> {
        if self.flow(Way::Forward) == Some(flow) {
            return Some(self.forward.next_piece());
        }
        (self.flow(Way::Back) == Some(flow)).then(|| self.back.next_piece())
    }

    /// Counts anew from here on what passes in a direction.
    pub(super) fn begin_count(&mut self, way: Way) {
        self.pipe_mut(way).passed = 0;
    }

    /// Has a rule end this direction after so many bytes; the other goes on.
    pub(super) fn end_after(&mut self, way: Way, rule: RuleId, bytes: u64) {
        self.pipe_mut(way).end_after(rule, bytes);
    }

    /// Takes back what a rule wanted to end; whether it has ended a direction, which then cannot go on.
    pub(super) fn unset_ends(&mut self, rule: RuleId) -> bool {
        let ended = [Way::Forward, Way::Back].map(|way| self.pipe_mut(way).unset_end(rule));
        ended.contains(&true)
    }

    fn pipe_mut(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Forward => &mut self.forward,
            Way::Back => &mut self.back,
        }
    }

    /// Moves what can be moved in this direction now: reads once, writes what is due. Whether the direction passes at
    /// all is for the caller to know.
    pub(super) fn step(&mut self, way: Way, leave: &Leave<'_>, means: &mut Means) -> Step {
        let mut step = Step::default();
        let Some(node) = &self.node else { return step };
        let (source, sink, pipe, opposite) = match way {
            Way::Forward => (&self.client, node, &mut self.forward, &self.back),
            Way::Back => (node, &self.client, &mut self.back, &self.forward),
        };
        let moved = pipe.advance([source, sink], opposite.tail, leave, means, &mut step);
        let wake = match moved {
            _ if leave.shape.most.is_some_and(|most| pipe.passed >= most) => {
                self.ending = Some(Ending::Aborted);
                step.broke = true;
                true
            }
            Ok(None) => false,
            Ok(Some(End::Fin)) => self.pass_fin(way),
            Ok(Some(End::Reset)) => {
                self.ending = Some(Ending::Aborted);
                true
            }
            Err(_) => self.lose_sink(way, leave.now),
        };
        if wake {
            self.wake();
        }
        step
    }

    /// The end of one direction was passed on.
    fn pass_fin(&mut self, way: Way) -> bool {
        let opposite = match way {
            Way::Forward => self.back.tail,
            Way::Back => self.forward.tail,
        };
        if opposite == Tail::Passed {
            self.ending = Some(Ending::Finished);
        }
        self.ending.is_some()
    }

    /// The side that this direction writes to is gone. That news goes to the other side by the opposite direction, when
    /// that passes, and after what the lost side still said.
    fn lose_sink(&mut self, way: Way, now: Instant) -> bool {
        let (pipe, opposite) = match way {
            Way::Forward => (&mut self.forward, &mut self.back),
            Way::Back => (&mut self.back, &mut self.forward),
        };
        pipe.discard();
        pipe.tail = Tail::Broken;
        opposite.tail = match opposite.tail {
            // It will come to the end of what the lost side sent, and then find this direction broken.
            Tail::Open => Tail::Open,
            Tail::Ending { read_at, .. } => Tail::Ending { end: End::Reset, read_at },
            Tail::Passed => Tail::Ending { end: End::Reset, read_at: now },
            Tail::Broken => {
                self.ending = Some(Ending::Aborted);
                Tail::Broken
            }
        };
        true
    }
}
