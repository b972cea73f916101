//! What a link of ours costs beside Debian's HAProxy and nginx, each with one TCP stream in its hands, and beside none at all:
//! `cargo bench -p dsjepsen-engine --bench proxy`, on a machine that does nothing else. The link must carry at least 0.9 times
//! what HAProxy does, its round trip may take 1.15 times as long, and a byte cost 1.2 times the processor time.
//!
//! Then how exactly faults of links do what was asked, as medians and tails that no test could hold to on a busy machine.
//!
//! Each proxy is a process of its own; ours is this program again. A peer that is not installed is passed over, loudly.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod effects;
mod load;
mod peers;

use std::error::Error;
use std::time::Duration;

use load::Server;
use peers::{Kind, Peer};

/// Rounds, in which each peer takes its turn.
const ROUNDS: usize = 9;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What was measured of a peer, a figure a round.
#[derive(Default)]
struct Figures {
    gigabits_per_second: Vec<f64>,
    round_trip_us: Vec<f64>,
    seconds_per_gigabyte: Vec<f64>,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(place) = arguments.iter().position(|argument| argument == peers::SERVE) {
        return peers::serve(arguments.get(place + 1).map(String::as_str));
    }
    let only_effects = arguments.iter().any(|argument| argument == "effects");
    if !only_effects {
        compare()?;
    }
    effects::measure()
}

fn compare() -> Outcome<()> {
    let mut contenders = Vec::new();
    for kind in Kind::ALL {
        match Peer::start(kind)? {
            Some(peer) => contenders.push((Server::start(peer.node)?, peer, Figures::default())),
            None => println!("!! {} IS NOT INSTALLED, and so it is not compared", kind.name()),
        }
    }
    for _ in 0..ROUNDS {
        for (server, peer, figures) in &mut contenders {
            let bulk = server.stream(peer, Duration::from_millis(1_000))?;
            figures.gigabits_per_second.push(bulk.bytes as f64 * 8e-9 / bulk.took.as_secs_f64());
            figures.seconds_per_gigabyte.push(bulk.processor.as_secs_f64() / (bulk.bytes as f64 * 1e-9));
            let trips = load::round_trips(peer.address, 10_000)?;
            figures.round_trip_us.push(load::share(trips, 0.5).as_secs_f64() * 1e6);
        }
    }
    println!("{:22} {:>9} {:>14} {:>9}", "median of 9", "Gbit/s", "round trip us", "s/GB");
    let (mut ours, mut theirs) = (None, None);
    for (_, peer, figures) in &mut contenders {
        let medians = [&mut figures.gigabits_per_second, &mut figures.round_trip_us, &mut figures.seconds_per_gigabyte]
            .map(|figures| median(figures));
        let [bulk, trip, processor] = medians;
        println!("{:22} {bulk:9.2} {trip:14.1} {processor:9.3}", peer.kind.name());
        match peer.kind {
            Kind::Ours => ours = Some(medians),
            Kind::HaProxy => theirs = Some(medians),
            _ => {}
        }
    }
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        let [bulk, trip, processor] = [0, 1, 2].map(|which| ours[which] / theirs[which]);
        println!("{:22} {bulk:9.2} {trip:14.2} {processor:9.2}", "ours / HAProxy");
        println!("{:22} {:>9} {:>14} {:>9}", "asked for", ">= 0.9", "<= 1.15", "<= 1.2");
    }
    Ok(())
}

/// The middle one.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
