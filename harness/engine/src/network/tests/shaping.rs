//! Links that are slow, lossy or brittle: as much as was asked for, in the asked direction alone, and no byte is lost.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::laboratory::{Ended, Laboratory, expect, read_out, until};
use crate::network::{BUFFER_BYTES, Distribution, Effect};

/// Bytes that are not all alike.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

/// How long a transfer of these bytes takes.
fn transfer(mut from: &TcpStream, to: &mut TcpStream, bytes: &[u8]) -> Duration {
    let start = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || from.write_all(bytes).unwrap());
        expect(to, bytes);
    });
    start.elapsed()
}

#[test]
fn a_rate_holds_for_all_connections_of_a_flow_together() {
    let lab = Laboratory::new(3);
    let (client, mut node) = lab.connect(1, 2);
    let (other_client, mut other_node) = lab.connect(1, 2);
    let rule = lab.install(Effect::Rate { bytes_per_second: 400_000 }, &[(1, 2)]);
    let data = bytes(100_000);
    let start = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| transfer(&client, &mut node, &data));
        scope.spawn(|| transfer(&other_client, &mut other_node, &data));
    });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(450), "200 kB at 400 kB/s took only {took:?}");
    let back = transfer(&node, &mut client.try_clone().unwrap(), &data);
    assert!(back < took / 4, "the other way is limited too: {back:?} of {took:?}");
    assert!(lab.network.remove(rule).times_limited > 0);
    let after = transfer(&client, &mut node, &data);
    assert!(after < took / 4, "the rate outlives its rule: {after:?}");
}

#[test]
fn slices_leave_one_by_one() {
    let lab = Laboratory::new(2);
    let (client, mut node) = lab.connect(1, 2);
    let gap = Duration::from_millis(10);
    let rule = lab.install(Effect::Slice { bytes: 100, gap }, &[(1, 2)]);
    let took = transfer(&client, &mut node, &bytes(1_000));
    assert!(took >= 9 * gap, "ten slices took only {took:?}");
    assert!(lab.network.remove(rule).times_limited >= 9);
}

#[test]
fn a_stream_whose_waits_are_always_over_lets_others_have_their_turn() {
    let lab = Laboratory::new(3);
    let (client, mut node) = lab.connect(1, 2);
    lab.install(Effect::Slice { bytes: 1, gap: Duration::from_nanos(1) }, &[(1, 2)]);
    let passed = || lab.traffic().iter().map(|link| link.bytes_forward).sum::<u64>();
    thread::scope(|scope| {
        let whole = 2_000_000;
        scope.spawn(move || (&client).write_all(&vec![0; whole]));
        scope.spawn(move || std::io::copy(&mut node, &mut std::io::sink()));
        until("the stream runs", || passed() > 1_000);
        // What the machine makes late is measured again. A link that did not take turns would empty its buffer each time.
        let turns = (0..10).map(|_| {
            let before = passed();
            lab.fence();
            // Of a stream that is over nothing passes.
            if passed() < whole as u64 { passed() - before } else { u64::MAX }
        });
        let least = turns.min().unwrap();
        // The streams must end before anything can fail here, since the scope waits for them.
        lab.install(Effect::Reset, &[(1, 2)]);
        assert!(least < BUFFER_BYTES as u64 / 2, "{least} bytes passed before others had their turn");
    });
}

/// What two rules that hold together are credited with for the same transfer.
fn times_limited(effects: [Effect; 2]) -> [u64; 2] {
    let lab = Laboratory::new(2);
    let (client, mut node) = lab.connect(1, 2);
    let rules = effects.map(|effect| lab.install(effect, &[(1, 2)]));
    transfer(&client, &mut node, &bytes(4_000));
    rules.map(|rule| lab.network.remove(rule).times_limited)
}

#[test]
fn only_the_rule_that_limits_is_credited_with_it() {
    let rate = |bytes_per_second| Effect::Rate { bytes_per_second };
    let slice = |bytes, gap| Effect::Slice { bytes, gap };
    let (pause, no_time) = (Duration::from_millis(1), Duration::from_nanos(1));
    for (limits, idle) in [
        (slice(100, pause), rate(1_000_000_000)),
        (slice(100, pause), rate(400_000)),
        (rate(40_000), slice(1_000, no_time)),
        (rate(40_000), rate(1_000_000)),
    ] {
        for effects in [[limits, idle], [idle, limits]] {
            let credited = times_limited(effects);
            let [limiting, other] = if effects[0] == limits { credited } else { [credited[1], credited[0]] };
            assert!(limiting >= 10 && other == 0, "{effects:?}: {credited:?}");
        }
    }
}

#[test]
fn what_is_lost_comes_later_and_nothing_overtakes_it() {
    let lab = Laboratory::new(2);
    let (client, mut node) = lab.connect(1, 2);
    let rule = lab.install(Effect::Loss { per_million: 200_000 }, &[(1, 2)]);
    // That none of 200 segments is lost does not happen: 0.8^200.
    let took = transfer(&client, &mut node, &bytes(200 * 1460));
    assert!(took >= Duration::from_millis(200), "no segment was sent again: {took:?}");
    let evidence = lab.network.remove(rule);
    assert!(evidence.bytes_delayed > 0 && evidence.bytes_delayed < 200 * 1460, "{evidence:?}");
}

#[test]
fn delays_differ_from_piece_to_piece_and_nothing_overtakes() {
    let lab = Laboratory::new(2);
    let (mut client, mut node) = lab.connect(1, 2);
    let by = Distribution::Uniform { from: Duration::from_millis(5), to: Duration::from_millis(15) };
    let rule = lab.install(Effect::Delay { by }, &[(1, 2)]);
    for round in 0..50_u8 {
        client.write_all(&[round, 0]).unwrap();
        expect(&mut node, &[round, 0]);
    }
    let evidence = lab.network.remove(rule);
    assert_eq!((evidence.bytes_delayed, evidence.pieces_delayed), (100, 50));
    let mean = evidence.waited / 50;
    assert!(mean >= Duration::from_millis(9), "a mean of 10 ms was asked for: {mean:?}");
}

#[test]
fn a_connection_breaks_after_so_many_bytes_and_the_next_as_well() {
    let lab = Laboratory::new(3);
    let (mut client, mut node) = lab.connect(1, 2);
    client.write_all(&bytes(5_000)).unwrap();
    expect(&mut node, &bytes(5_000));
    let rule = lab.install(Effect::ResetAfter { bytes: 1_000 }, &[(1, 2)]);
    for number in 1..=2 {
        // It may be broken before all is written.
        let _ = client.write_all(&bytes(3_000));
        let (read, ended) = read_out(&mut node);
        assert_eq!(ended, Ended::Reset);
        assert!(read.len() <= 1_000 && bytes(1_000).starts_with(&read), "{} bytes passed", read.len());
        until("the other side is told", || lab.network.evidence(rule).connections_reset == number);
        (client, node) = lab.connect(1, 2);
    }
    lab.network.remove(rule);
    client.write_all(&bytes(3_000)).unwrap();
    expect(&mut node, &bytes(3_000));
}
