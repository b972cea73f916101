//! `flap`: links that go down and come up again, over and over, as a bad cable or switch makes them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsjepsen_history::Pattern;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::links::LinkFault;
use crate::network::{Effect, LinkRule, Network, RuleEvidence, RuleId};
use crate::units::read_duration;

/// The fault `flap`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "flap",
    about: "links go down, so that data hang, and come up again, over and over",
    label: "flapping",
    colours: ["#6b6b2e", "#c9c97a"],
    pattern: Pattern::Zigzag,
    between: "one",
    value: "150ms every 500ms",
    effect,
    rhythm,
    forms: "how long they are down in each period, as in `200ms every 1s`, where the first is shorter",
};

fn effect(value: &str) -> Option<Effect> {
    rhythm(value).map(|_| Effect::Blackhole)
}

fn rhythm(value: &str) -> Option<Rhythm> {
    let (down, period) = value.split_once(" every ")?;
    let (down, period) = (read_duration(down.trim())?, read_duration(period.trim())?);
    (!down.is_zero() && down < period).then_some(Rhythm { down, period })
}

/// How long links are down, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rhythm {
    /// How long they are down.
    pub(super) down: Duration,
    /// From one time to the next.
    pub(super) period: Duration,
}

/// Rules that come and go, until it is stopped or dropped.
#[derive(Debug)]
pub(super) struct Flapping {
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    network: Network,
    /// The rule in force, while the links are down.
    rule: Option<RuleId>,
    times: u32,
    evidence: RuleEvidence,
    /// Whether they stay up for good.
    is_over: bool,
}

impl State {
    fn up(&mut self) {
        if let Some(rule) = self.rule.take() {
            self.evidence += self.network.remove(rule);
        }
    }
}

impl Flapping {
    /// Takes the links down for the first time.
    pub(super) fn start(network: Network, rules: Vec<LinkRule>, rhythm: Rhythm) -> Self {
        let first = network.install(&rules);
        let state = State { network, rule: Some(first), times: 1, evidence: RuleEvidence::default(), is_over: false };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        // Between two waits nothing is left half done, so that it can be broken off at each.
        let task = tokio::spawn(async move {
            let mut began = Instant::now();
            loop {
                sleep_until(began + rhythm.down).await;
                shared.lock().unwrap_or_else(PoisonError::into_inner).up();
                // By the clock, so that what a timer is late does not add up; but what was missed is not made up for.
                began = (began + rhythm.period).max(Instant::now());
                sleep_until(began).await;
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                // It may be stopped by another thread at this very moment.
                if state.is_over {
                    return;
                }
                state.rule = Some(state.network.install(&rules));
                state.times += 1;
            }
        });
        Self { state, task }
    }

    /// Leaves the links up for good; what the rules met, and how often the links were down.
    pub(super) fn stop(&self) -> (RuleEvidence, u32) {
        self.task.abort();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.up();
        state.is_over = true;
        (state.evidence, state.times)
    }
}

impl Drop for Flapping {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::NodeId;

    use tokio::time::sleep;

    use super::*;
    use crate::network::Subnet;

    #[test]
    fn a_rhythm_has_a_time_down_that_is_shorter() {
        let ms = Duration::from_millis;
        assert_eq!(rhythm("200ms every 1s"), Some(Rhythm { down: ms(200), period: ms(1000) }));
        for bad in ["", "200ms", "1s every 1s", "0ms every 1s", "every 1s"] {
            assert_eq!(rhythm(bad), None, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn links_come_and_go_until_it_stops_and_are_up_then() {
        let nodes = [0, 1].map(NodeId::at);
        let network = Network::start(Subnet::claim().unwrap(), &nodes, &[9100]).unwrap();
        let cut = LinkRule { from: nodes[0], to: nodes[1], effect: Effect::Blackhole };
        let ms = Duration::from_millis;
        let flapping = Flapping::start(network, vec![cut], Rhythm { down: ms(200), period: ms(1000) });
        let is_down = || flapping.state.lock().unwrap().rule.is_some();
        let mut seen = Vec::new();
        // Between the moments at which anything changes.
        sleep(ms(50)).await;
        for _ in 0..31 {
            seen.push(is_down());
            sleep(ms(100)).await;
        }
        let expected: Vec<bool> = (0..31).map(|tenth| tenth % 10 < 2).collect();
        assert_eq!(seen, expected);
        assert!(is_down(), "it is stopped while they are down");
        assert_eq!(flapping.stop(), (RuleEvidence::default(), 4));
        sleep(ms(2000)).await;
        assert!(!is_down());
        assert_eq!(flapping.stop().1, 4);
    }

    /// Timers tick by the millisecond; a rhythm with fractions of it is kept all the same.
    #[tokio::test(start_paused = true)]
    async fn links_are_down_for_the_share_of_time_that_was_asked_for() {
        let nodes = [0, 1].map(NodeId::at);
        let network = Network::start(Subnet::claim().unwrap(), &nodes, &[9100]).unwrap();
        let cut = LinkRule { from: nodes[0], to: nodes[1], effect: Effect::Blackhole };
        let us = Duration::from_micros;
        let flapping = Flapping::start(network, vec![cut], Rhythm { down: us(3_300), period: us(10_700) });
        let mut down = 0;
        for _ in 0..10_700 {
            sleep(us(1_000)).await;
            down += u32::from(flapping.state.lock().unwrap().rule.is_some());
        }
        let times = flapping.stop().1;
        assert!((990..=1_001).contains(&times), "{times} times in a thousand periods");
        assert!((3_200..=3_400).contains(&down), "{down} of 10700 ms");
    }
}
