//! The total order: all subscribers agree on one order of messages.

use std::collections::VecDeque;

use dsjepsen_history::Finding;

use super::Delivery;
use super::streams::Streams;
use crate::argument::step;
use crate::broken::{Broken, proven};
use crate::words::counted;

const RULE: &str = "publish.total-order";

/// Judges the rule: what each subscriber got next makes one order of all messages iff there is no circle (Kahn, Topological sorting
/// of large networks, CACM 5(11), 1962). Linear after sorting.
pub(super) fn judge(streams: &Streams<'_>, broken: &mut Broken) {
    let graph = Graph::of(&streams.first);
    let left = graph.left_over();
    let residual = left.iter().filter(|&&degree| degree > 0).count();
    if residual == 0 {
        return;
    }
    let circle = graph.circle(&left);
    let at = circle.iter().map(|(_, later)| later.at).max().unwrap_or_default();
    broken.note(RULE, at, || tell(&circle));
}

/// The messages as nodes, and from each to the next that a subscriber got.
struct Graph<'a> {
    first: &'a [Delivery],
    /// The message of each first delivery, by its number.
    node: Vec<u32>,
    /// Where the deliveries of each message begin in `places`.
    starts: Vec<usize>,
    /// The deliveries by message.
    places: Vec<u32>,
}

impl<'a> Graph<'a> {
    fn of(first: &'a [Delivery]) -> Self {
        let mut messages: Vec<u64> = first.iter().map(|delivery| delivery.message).collect();
        messages.sort_unstable();
        messages.dedup();
        let node: Vec<u32> = first
            .iter()
            .map(|delivery| messages.partition_point(|&message| message < delivery.message) as u32)
            .collect();
        let mut starts = vec![0; messages.len() + 1];
        for &node in &node {
            starts[node as usize + 1] += 1;
        }
        for message in 0..messages.len() {
            starts[message + 1] += starts[message];
        }
        let mut next = starts.clone();
        let mut places = vec![0; first.len()];
        for (place, &node) in node.iter().enumerate() {
            places[next[node as usize]] = place as u32;
            next[node as usize] += 1;
        }
        Self { first, node, starts, places }
    }

    fn places(&self, node: usize) -> impl Iterator<Item = usize> {
        self.places[self.starts[node]..self.starts[node + 1]].iter().map(|&place| place as usize)
    }

    /// The delivery before this one to the same subscriber.
    fn before(&self, place: usize) -> Option<usize> {
        let before = place.checked_sub(1)?;
        (self.first[before].subscriber == self.first[place].subscriber).then_some(before)
    }

    fn after(&self, place: usize) -> Option<usize> {
        let after = self.first.get(place + 1)?;
        (after.subscriber == self.first[place].subscriber).then_some(place + 1)
    }

    /// How many messages still come before each, once all that can be put in order have been taken away.
    fn left_over(&self) -> Vec<u32> {
        let nodes = self.starts.len() - 1;
        let mut degree: Vec<u32> = (0..nodes)
            .map(|node| self.places(node).filter(|&place| self.before(place).is_some()).count() as u32)
            .collect();
        let mut free: VecDeque<usize> = (0..nodes).filter(|&node| degree[node] == 0).collect();
        while let Some(node) = free.pop_front() {
            for after in self.places(node).filter_map(|place| self.after(place)) {
                let next = self.node[after] as usize;
                degree[next] -= 1;
                if degree[next] == 0 {
                    free.push_back(next);
                }
            }
        }
        degree
    }

    /// A circle: for each subscriber on it, a message that it got and one that it got later, where the next begins.
    fn circle(&self, left: &[u32]) -> Vec<(Delivery, Delivery)> {
        // Every message that is left has another that is left before it; walking back must come round.
        let mut entered: Vec<Option<usize>> = vec![None; left.len()];
        let mut steps: Vec<(usize, usize)> = Vec::new();
        let Some(mut node) = left.iter().position(|&degree| degree > 0) else { return Vec::new() };
        let start = loop {
            if let Some(start) = entered[node] {
                break start;
            }
            entered[node] = Some(steps.len());
            let back = self.places(node).find_map(|place| {
                let before = self.before(place)?;
                (left[self.node[before] as usize] > 0).then_some((before, place))
            });
            let Some((before, place)) = back else { return Vec::new() };
            steps.push((before, place));
            node = self.node[before] as usize;
        };
        let mut circle: Vec<(usize, usize)> = Vec::new();
        for &(before, place) in steps[start..].iter().rev() {
            match circle.last_mut() {
                Some(last) if last.1 == before => last.1 = place,
                _ => circle.push((before, place)),
            }
        }
        if circle.len() > 1 && circle[circle.len() - 1].1 == circle[0].0 {
            let (from, _) = circle.pop().unwrap_or_default();
            circle[0].0 = from;
        }
        circle.into_iter().map(|(before, place)| (self.first[before], self.first[place])).collect()
    }
}

fn tell(circle: &[(Delivery, Delivery)]) -> Finding {
    let messages: Vec<_> = circle.iter().map(|(before, _)| before.message.to_string()).collect();
    let sentence = format!(
        "{} got messages in orders that go round in a circle: {}.",
        counted(circle.len() as u64, "subscriber"),
        messages.join(", ")
    );
    let mut steps = Vec::new();
    for (number, (before, after)) in circle.iter().enumerate() {
        let lead = match number {
            0 => "Let",
            last if last + 1 == circle.len() => "However",
            _ => "And let",
        };
        let (subscriber, message) = (before.subscriber, before.message);
        let text = if lead == "However" {
            format!("process {subscriber} got message {message} at index {},", before.at)
        } else {
            format!("process {subscriber} get message {message} at index {},", before.at)
        };
        if lead == "However" {
            steps.push(step("Then", "the messages come in that order for everybody.".to_owned(), None));
        }
        steps.push(step(lead, text, Some(before.at)));
        let later = format!("and message {} later, at index {}.", after.message, after.at);
        steps.push(step(lead, later, Some(after.at)));
    }
    proven(RULE, sentence, "No one order of the messages agrees with all of them.".to_owned(), steps)
}
