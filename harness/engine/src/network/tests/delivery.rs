//! Asked about a client's connections, the network's answer is exact and final.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::laboratory::{Dice, Ended, Laboratory, expect, n, read_out, until};
use crate::network::{DIALLERS, Effect, RuleId, Source};

const CUT: Effect = Effect::Blackhole;
const BOTH: [(usize, usize); 2] = [(1, 2), (2, 1)];

fn home() -> Source {
    Source::Clients(n(1))
}

#[test]
fn a_settled_dialler_is_closed_for_good_and_its_count_is_final() {
    let lab = Laboratory::new(3);
    let [settled, other] = [lab.network.fresh_dialler(), lab.network.fresh_dialler()];
    let mut client = lab.dial_as(settled, home(), 2);
    let mut node = lab.accept(2);
    let mut bystander = lab.dial_as(other, home(), 2);
    let mut bystanders_node = lab.accept(2);
    client.write_all(b"twelve bytes").unwrap();
    expect(&mut node, b"twelve bytes");
    assert_eq!(lab.network.delivered(settled), 12);

    let delivery = lab.network.settle(settled);
    assert_eq!(delivery.bytes, 12);
    assert!(delivery.is_nothing_since(12) && !delivery.is_nothing_since(0));
    assert_eq!(read_out(&mut node), (Vec::new(), Ended::Reset));
    assert_eq!(read_out(&mut client), (Vec::new(), Ended::Reset));

    let mut late = lab.dial_as(settled, home(), 2);
    assert_eq!(read_out(&mut late), (Vec::new(), Ended::Reset));
    bystander.write_all(b"unharmed").unwrap();
    expect(&mut bystanders_node, b"unharmed");
    assert_eq!(lab.network.settle(settled), delivery, "asking again tells the same");
    assert_eq!(lab.network.delivered(settled), 12);
}

#[test]
fn what_a_cut_holds_of_a_settled_dialler_is_never_delivered() {
    let lab = Laboratory::new(3);
    let dialler = lab.network.fresh_dialler();
    let mut existing = lab.dial_as(dialler, home(), 2);
    let mut node = lab.accept(2);
    existing.write_all(b"first").unwrap();
    expect(&mut node, b"first");
    let mark = lab.network.delivered(dialler);
    let rule = lab.install(CUT, &BOTH);
    let mut pending = lab.dial_as(dialler, home(), 2);
    existing.write_all(b"second").unwrap();
    pending.write_all(b"third").unwrap();
    until("the bytes are held", || lab.network.evidence(rule).bytes_held == 11);
    assert!(lab.network.settle(dialler).is_nothing_since(mark));
    lab.network.remove(rule);
    assert_eq!(read_out(&mut node), (Vec::new(), Ended::Reset));
    lab.fence();
    assert!(lab.offered(2).is_none());
}

#[test]
fn a_connection_that_nobody_has_accepted_yet_is_banned_too() {
    let lab = Laboratory::new(3);
    let dialler = lab.network.fresh_dialler();
    // While the test has the lock, the proxy can take no connection in.
    let mut registry = lab.network.shared.registry.lock();
    let mut client = lab.dial_as(dialler, home(), 2);
    client.write_all(b"unseen").unwrap();
    assert_eq!(registry.settle(dialler).bytes, 0);
    drop(registry);
    assert_eq!(read_out(&mut client), (Vec::new(), Ended::Reset));
    lab.fence();
    assert!(lab.offered(2).is_none());
}

/// One round of a client that gives up at a random moment of its request.
struct Round {
    /// Bytes of an earlier request on the same connection.
    before: usize,
    /// Bytes of the request that is given up.
    request: usize,
    cut_before: bool,
    cut_during: bool,
    patience: Duration,
}

impl Round {
    fn draw(dice: &mut Dice) -> Self {
        Self {
            before: [0, 0, 10][dice.below(3)],
            request: [1, 100, 40_000, 150_000, 2_000_000][dice.below(5)],
            cut_before: dice.below(3) == 0,
            cut_during: dice.below(3) == 0,
            patience: Duration::from_micros(dice.next() % [20, 300, 2_000, 10_000][dice.below(4)]),
        }
    }
}

/// Plays a round: whether the answer was that nothing of the request was delivered.
fn play(lab: &Laboratory, round: &Round) -> bool {
    let dialler = lab.network.fresh_dialler();
    let mut client = lab.dial_as(dialler, home(), 2);
    let mut nodes: Vec<TcpStream> = Vec::new();
    if round.before > 0 {
        let earlier = vec![b'a'; round.before];
        client.write_all(&earlier).unwrap();
        nodes.push(lab.accept(2));
        expect(&mut nodes[0], &earlier);
    }
    let mark = lab.network.delivered(dialler);
    assert_eq!(mark, round.before as u64);
    let mut rules: Vec<RuleId> = Vec::new();
    if round.cut_before {
        rules.push(lab.install(CUT, &BOTH));
    }
    let delivery = thread::scope(|scope| {
        scope.spawn(|| {
            for part in vec![b'b'; round.request].chunks(1000) {
                // It fails as soon as the connection is closed under it.
                if client.write_all(part).is_err() {
                    break;
                }
            }
        });
        let start = Instant::now();
        if round.cut_during {
            rules.push(lab.install(CUT, &BOTH[..1]));
        }
        while start.elapsed() < round.patience {
            std::hint::spin_loop();
        }
        lab.network.settle(dialler)
    });
    for rule in rules {
        lab.network.remove(rule);
    }
    lab.fence();
    nodes.extend(std::iter::from_fn(|| lab.offered(2)));
    let received: usize = nodes.iter_mut().map(|node| read_out(node).0.len()).sum();
    let counted = usize::try_from(delivery.bytes - mark).unwrap();
    assert!(received <= counted, "{received} bytes came, {counted} were counted");
    assert_eq!(lab.network.delivered(dialler), delivery.bytes, "the count grew after it was final");
    delivery.is_nothing_since(mark)
}

#[test]
fn the_answer_is_exact_at_any_moment_of_a_request() {
    let lab = Laboratory::new(3);
    let mut dice = Dice(3);
    let rounds = 600;
    let nothing = (0..rounds).filter(|_| play(&lab, &Round::draw(&mut dice))).count();
    assert!(nothing > 0 && nothing < rounds, "{nothing} of {rounds} rounds delivered nothing: one case was not met");
    until("all connections are forgotten", || lab.network.open_connections() == 0);
}

#[test]
fn a_dialler_address_starts_anew_when_it_is_given_out_again() {
    let lab = Laboratory::new(3);
    let first = lab.network.fresh_dialler();
    let mut client = lab.dial_as(first, home(), 2);
    client.write_all(b"old life").unwrap();
    expect(&mut lab.accept(2), b"old life");
    lab.network.settle(first);
    let busy = lab.network.fresh_dialler();
    let _open = lab.dial_as(busy, home(), 2);
    let _node = lab.accept(2);
    until("only the open connection is left", || lab.network.open_connections() == 1);
    for _ in 2..DIALLERS {
        let fresh = lab.network.fresh_dialler();
        assert!(fresh != first && fresh != busy);
    }
    assert_eq!(lab.network.fresh_dialler(), first);
    assert_eq!(lab.network.delivered(first), 0);
    let mut client = lab.dial_as(first, home(), 2);
    client.write_all(b"new life").unwrap();
    expect(&mut lab.accept(2), b"new life");
    assert_ne!(lab.network.fresh_dialler(), busy, "an address with an open connection was given out");
}

#[test]
fn an_answer_comes_soon_while_the_links_are_busy() {
    let lab = Laboratory::new(3);
    let (mut client, mut node) = lab.connect(1, 2);
    let dialler = lab.network.fresh_dialler();
    thread::scope(|scope| {
        scope.spawn(move || {
            let chunk = vec![0; 256 * 1024];
            while client.write_all(&chunk).is_ok() {}
        });
        scope.spawn(move || std::io::copy(&mut node, &mut std::io::sink()));
        let is_busy = || lab.network.traffic().iter().any(|link| link.bytes_forward > 10 << 20);
        until("the link is busy", is_busy);
        let start = Instant::now();
        for _ in 0..200 {
            lab.network.settle(dialler);
        }
        let each = start.elapsed() / 200;
        // The streams must end before anything can fail here, since the scope waits for them.
        lab.install(Effect::Reset, &BOTH);
        assert!(each < Duration::from_millis(50), "an answer took {each:?} on average");
    });
}
