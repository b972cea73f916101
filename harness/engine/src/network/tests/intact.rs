//! No byte is lost, changed or moved out of order, whatever faults come and go.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::laboratory::{Dice, Ended, Laboratory, close_with_reset, n, read_out, until};
use crate::network::{BUFFER_BYTES, Distribution, Effect, LinkRule, Source};

/// The length after which a test's stream repeats: more than a link ever holds of it, and no round number.
const PERIOD: usize = 1_000_003;

/// How often the faults of the long test change.
const DISTURBANCES: usize = 150;

/// One period of the stream with this seed.
fn stream(seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    std::iter::repeat_with(|| dice.next().to_le_bytes()).flatten().take(PERIOD).collect()
}

/// Writes a stream in chunks of random size, now and then single bytes, until told to end it; its length.
fn write_out(mut to: &TcpStream, period: &[u8], enough: &AtomicBool) -> u64 {
    let mut dice = Dice(1);
    let mut total = 0;
    let mut at = 0;
    while !enough.load(Ordering::Relaxed) {
        let bound = [2, 200, 5_000, 100_000][dice.below(4)];
        let chunk = &period[at..PERIOD.min(at + 1 + dice.below(bound))];
        to.write_all(chunk).unwrap();
        total += chunk.len() as u64;
        at = (at + chunk.len()) % PERIOD;
    }
    to.shutdown(Shutdown::Write).unwrap();
    total
}

/// Reads a stream to its end in chunks of random size and compares it; its length.
fn compare(mut from: &TcpStream, period: &[u8]) -> u64 {
    let mut dice = Dice(2);
    let mut buffer = vec![0; 70_000];
    let mut total = 0;
    let mut at = 0;
    loop {
        let bound = (1 + dice.below(buffer.len())).min(PERIOD - at);
        let length = from.read(&mut buffer[..bound]).unwrap();
        if length == 0 {
            return total;
        }
        assert!(buffer[..length] == period[at..at + length], "the stream differs behind byte {total}");
        total += length as u64;
        at = (at + length) % PERIOD;
    }
}

#[test]
fn streams_stay_intact_while_cuts_and_delays_come_and_go() {
    let lab = Laboratory::new(3);
    let mut pairs = vec![lab.connect(1, 2), lab.connect(2, 1), lab.connect(1, 3)];
    pairs.push((lab.dial(Source::Clients(n(2)), 1), lab.accept(1)));
    let periods: Vec<[Vec<u8>; 2]> = (0..pairs.len() as u64).map(|pair| [2 * pair, 2 * pair + 1].map(stream)).collect();
    let enough = &AtomicBool::new(false);
    let carried: u64 = thread::scope(|scope| {
        let mut streams = Vec::new();
        for ((client, node), [forward, back]) in pairs.iter().zip(&periods) {
            for (from, to, period) in [(client, node, forward), (node, client, back)] {
                let written = scope.spawn(move || write_out(from, period, enough));
                let read = scope.spawn(move || compare(to, period));
                streams.push((written, read));
            }
        }
        let (held, delayed) = disturb(&lab);
        // The streams end while nothing is cut: a dialler that ends its own during a cut would count as gone. And they
        // must end before anything can fail here, since the scope waits for them.
        enough.store(true, Ordering::Relaxed);
        assert!(held > 0 && delayed > 0, "the faults met no traffic: {held} bytes held, {delayed} delayed");
        let length = |(written, read): (thread::ScopedJoinHandle<'_, u64>, thread::ScopedJoinHandle<'_, u64>)| {
            let (written, read) = (written.join().unwrap(), read.join().unwrap());
            assert_eq!(written, read, "a stream ended early");
            read
        };
        streams.into_iter().map(length).sum()
    });
    until("all connections are forgotten", || lab.network.open_connections() == 0);
    let counted: u64 = lab.traffic().iter().map(|link| link.bytes_forward + link.bytes_back).sum();
    assert_eq!(carried, counted);
}

/// Puts random rules in force for random short times; how many bytes they held and delayed.
fn disturb(lab: &Laboratory) -> (u64, u64) {
    let mut dice = Dice(7);
    let mut held = 0;
    let mut delayed = 0;
    for _ in 0..DISTURBANCES {
        let rules: Vec<LinkRule> = (0..=dice.below(3))
            .map(|_| {
                let by = Duration::from_micros(dice.next() % 3000);
                let effect = match dice.below(6) {
                    0 | 1 => Effect::Blackhole,
                    2 => Effect::Delay { by: Distribution::Constant(by) },
                    3 => Effect::Delay { by: Distribution::Exponential { mean: by } },
                    4 => Effect::Rate { bytes_per_second: 1_000_000 },
                    _ => Effect::Slice { bytes: 700, gap: by / 10 },
                };
                LinkRule { from: n(1 + dice.below(3)), to: n(1 + dice.below(3)), effect }
            })
            .collect();
        let first = lab.network.install(&rules);
        thread::sleep(Duration::from_micros(dice.next() % 5000));
        let second = lab.network.install(&rules[..1]);
        thread::sleep(Duration::from_micros(dice.next() % 5000));
        for rule in [first, second] {
            let evidence = lab.network.remove(rule);
            held += evidence.bytes_held;
            delayed += evidence.bytes_delayed;
        }
    }
    (held, delayed)
}

#[test]
fn both_ends_of_a_half_closed_connection_are_forwarded() {
    let lab = Laboratory::new(2);
    let (mut client, mut node) = lab.connect(1, 2);
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_out(&mut node), (b"question".to_vec(), Ended::Fin));
    node.write_all(b"answer").unwrap();
    node.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_out(&mut client), (b"answer".to_vec(), Ended::Fin));
    until("the connection is forgotten", || lab.network.open_connections() == 0);
}

#[test]
fn a_reset_of_either_side_reaches_the_other() {
    let lab = Laboratory::new(2);
    let (client, mut node) = lab.connect(1, 2);
    close_with_reset(client);
    assert_eq!(read_out(&mut node).1, Ended::Reset);
    let (mut client, node) = lab.connect(1, 2);
    close_with_reset(node);
    assert_eq!(read_out(&mut client).1, Ended::Reset);
    until("the connections are forgotten", || lab.network.open_connections() == 0);
}

#[test]
fn a_delayed_stream_fills_no_more_than_its_buffer() {
    let lab = Laboratory::new(2);
    let (client, _node) = lab.connect(1, 2);
    let rule = lab.install(Effect::Delay { by: Distribution::Constant(Duration::from_secs(3600)) }, &[(1, 2)]);
    client.set_nonblocking(true).unwrap();
    let chunk = [0; 10_000];
    // Until nothing moves any more: neither does the kernel take bytes nor the link read them.
    let mut before = (0, u64::MAX);
    let mut sent = 0;
    until("the stream stands still", || {
        while let Ok(length) = (&client).write(&chunk) {
            sent += length;
        }
        lab.fence();
        let now = (sent, lab.network.evidence(rule).bytes_delayed);
        let still = now == before && sent > BUFFER_BYTES;
        before = now;
        still
    });
    assert_eq!(lab.network.evidence(rule).bytes_delayed, BUFFER_BYTES as u64);
}
