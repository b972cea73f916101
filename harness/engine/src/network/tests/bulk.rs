//! Bulk that passes in the kernel's hands is the link's all the same: counted to the byte, and in every fault's reach at once.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use super::laboratory::{Ended, Laboratory, expect, n, read_out, until};
use crate::network::{Distribution, Effect, Source};

/// A stream that stands still because the node does not read, with a part of it in the kernel's hands.
struct Stuck {
    lab: Laboratory,
    client: TcpStream,
    node: TcpStream,
    /// All that was written and not yet read.
    sent: Vec<u8>,
    /// What was read before that.
    carried_before: u64,
}

impl Stuck {
    #[track_caller]
    fn new() -> Self {
        let lab = Laboratory::new(3);
        let client = lab.dial_as(lab.network.fresh_dialler(), Source::Clients(n(1)), 2);
        let node = lab.accept(2);
        let mut stuck = Self { lab, client, node, sent: Vec::new(), carried_before: 0 };
        let mut before = 0;
        until("a part of the stream is in the kernel's hands", || {
            if stuck.waiting() > 0 {
                // It was copied: whatever came then came in parts too small.
                expect(&mut stuck.node, &stuck.sent[before..]);
                before = stuck.sent.len();
            }
            while stuck.waiting() == 0 {
                // No more at once than the kernel takes of a link, so that nothing is left in the client's hands.
                let chunk: Vec<u8> = (0..100_000).map(|at| ((stuck.sent.len() + at) * 31 % 251) as u8).collect();
                stuck.client.write_all(&chunk).unwrap();
                stuck.sent.extend(chunk);
                stuck.lab.fence();
            }
            stuck.spliced() > 0
        });
        stuck.sent.drain(..before);
        stuck.carried_before = before as u64;
        stuck
    }

    fn spliced(&self) -> usize {
        self.lab.network.shared.registry.lock().spliced_bytes()
    }

    fn waiting(&self) -> u64 {
        self.carried_before + self.sent.len() as u64 - forwarded(&self.lab)
    }

    /// Everything arrives, and nothing else.
    #[track_caller]
    fn expect_all(&mut self, what: &str) {
        let (mut client, sent) = (&self.client, &self.sent);
        thread::scope(|scope| {
            scope.spawn(move || {
                client.write_all(b"and this").unwrap();
                client.shutdown(Shutdown::Write).unwrap();
            });
            let (bytes, ended) = read_out(&mut self.node);
            let (head, tail) = bytes.split_at(sent.len().min(bytes.len()));
            assert!(head == sent && tail == b"and this", "{what}: {} of {} bytes came intact", head.len(), sent.len());
            assert_eq!(ended, Ended::Fin);
        });
    }
}

/// What was written towards the second node from the clients of the first.
fn forwarded(lab: &Laboratory) -> u64 {
    let of = |link: &crate::network::LinkTraffic| link.link.from == Source::Clients(n(1)) && link.link.to == n(2);
    lab.network.traffic().into_iter().find(of).unwrap().bytes_forward
}

#[test]
fn what_a_cut_finds_in_the_kernels_hands_is_counted_and_goes_on_at_its_end() {
    let mut stuck = Stuck::new();
    let rule = stuck.lab.install(Effect::Blackhole, &[(1, 2)]);
    assert_eq!(stuck.lab.network.evidence(rule).bytes_held, stuck.waiting());
    assert_eq!(stuck.lab.network.remove(rule).bytes_held, stuck.waiting());
    stuck.expect_all("behind a cut");
}

#[test]
fn a_fault_that_finds_bulk_in_the_kernels_hands_acts_on_it() {
    let ms = Duration::from_millis;
    for effect in [
        Effect::Delay { by: Distribution::Constant(ms(20)) },
        Effect::Rate { bytes_per_second: 2_000_000 },
        Effect::Slice { bytes: 1_000, gap: ms(1) },
    ] {
        let mut stuck = Stuck::new();
        // More than may leave at once.
        let must_wait = stuck.waiting() > 10_000;
        let rule = stuck.lab.install(effect, &[(1, 2)]);
        until("it is taken out", || stuck.spliced() == 0);
        stuck.expect_all(&format!("under {effect:?}"));
        assert!(stuck.lab.network.remove(rule).met_traffic() || !must_wait, "{effect:?}");
    }
}

#[test]
fn a_connection_breaks_at_its_byte_also_in_the_midst_of_bulk() {
    let mut stuck = Stuck::new();
    let before = forwarded(&stuck.lab);
    stuck.lab.install(Effect::ResetAfter { bytes: 1_000 }, &[(1, 2)]);
    let (bytes, ended) = read_out(&mut stuck.node);
    assert_eq!(ended, Ended::Reset);
    assert!(stuck.sent.starts_with(&bytes));
    assert_eq!(forwarded(&stuck.lab), before + 1_000);
}

#[test]
fn bulk_in_the_kernels_hands_was_sent_before_a_half_close() {
    let mut stuck = Stuck::new();
    stuck.lab.install(Effect::HalfClose { after: 0 }, &[(1, 2)]);
    let _ = stuck.client.write_all(b"behind the end");
    assert_eq!(read_out(&mut stuck.node), (std::mem::take(&mut stuck.sent), Ended::Fin));
}

#[test]
fn what_is_in_the_kernels_hands_of_a_settled_dialler_never_arrives() {
    let mut stuck = Stuck::new();
    let dialler = match stuck.client.local_addr().unwrap().ip() {
        std::net::IpAddr::V4(address) => address,
        std::net::IpAddr::V6(_) => unreachable!("the links are IPv4"),
    };
    // In one hold of the lock, so that the connection's task cannot have forgotten it yet.
    let mut registry = stuck.lab.network.shared.registry.lock();
    let delivery = registry.settle(dialler);
    assert_eq!(registry.spliced_bytes(), 0);
    drop(registry);
    assert_eq!(delivery.bytes, forwarded(&stuck.lab));
    let (bytes, ended) = read_out(&mut stuck.node);
    assert_eq!(ended, Ended::Reset);
    assert!(bytes.len() as u64 <= delivery.bytes && stuck.sent.starts_with(&bytes));
}

#[test]
fn small_messages_behind_bulk_are_copied_again() {
    let mut stuck = Stuck::new();
    let (mut client, sent) = (stuck.client.try_clone().unwrap(), std::mem::take(&mut stuck.sent));
    expect(&mut stuck.node, &sent);
    for round in 0..20_u8 {
        client.write_all(&[round]).unwrap();
        expect(&mut stuck.node, &[round]);
        assert_eq!(stuck.spliced(), 0);
    }
    stuck.expect_all("behind small messages");
}
