//! Histories without sense, in which any node may say anything.

use dsjepsen_checkers::{ElectionCall, ElectionReply};
use dsjepsen_history::{Outcome, Reason};

use crate::script::{Script, View};

/// One step: what to do, with what, what comes of it, after how long, and three numbers.
pub(crate) type Step = [u8; 7];

/// A history of at most `limit` operations on three of five nodes, so that they often contradict one another.
pub(crate) fn history(one_leader: bool, steps: &[Step], limit: usize) -> Script {
    let mut script = Script::new(one_leader);
    script.plan.settings.nodes = 3;
    let mut open: Vec<usize> = Vec::new();
    let mut now = 0;
    for &[action, pick, outcome, wait, view, counts, claims] in steps {
        now += [0, 0, 1, 2, 5, 10][usize::from(wait % 6)];
        let of = usize::from(pick % 3) + 1;
        if action % 2 == 0 && script.history.operations.len() < limit {
            let call = if action % 10 < 8 { None } else { Some(ElectionCall::Write) };
            open.push(match call {
                None => script.ask(now, of),
                Some(call) => script.invoke(now, call, of),
            });
            continue;
        }
        if open.is_empty() {
            continue;
        }
        let operation = open.remove(usize::from(pick) % open.len());
        let write = script.history.operations[operation].call == ElectionCall::Write;
        match outcome % 10 {
            0 => script.complete(now, operation, Outcome::Fail(Reason::new("refused"))),
            1 => script.complete(now, operation, Outcome::Info(Reason::new("timeout"))),
            _ if write => {
                let term = u64::from(view % 4);
                script.complete(now, operation, Outcome::Ok(ElectionReply::Write { term }));
            }
            _ => script.answer(now, operation, said(view, counts, claims)),
        }
    }
    script
}

fn said(view: u8, counts: u8, claims: u8) -> View {
    View {
        leader: (view % 5 < 4).then_some(usize::from(view / 5 % 3) + 1),
        believes: view % 4 < 3,
        term: (view % 7 < 6).then_some(u64::from(view / 7 % 4)),
        incarnation: (counts % 9 < 8).then_some(u64::from(counts / 9 % 2)),
        since: (counts % 8 < 7).then_some(u64::from(counts / 16 % 2)),
        claims: (0..4).filter(|bit| claims & (1 << bit) != 0 && claims & 0x30 == 0).collect(),
    }
}
