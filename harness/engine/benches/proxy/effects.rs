//! How exactly a link does what it was asked to.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::load::{self, Server, share};
use crate::peers::{Fault, Kind, Peer};

pub(crate) fn measure() -> Outcome<()> {
    delay()?;
    let arrivals = arrivals(Fault::Rate, 4_000_000)?;
    let took = arrivals.last().map_or(0.0, |(at, _)| at.as_secs_f64());
    println!("a rate of 4 MB/s: {:.3} MB/s", 4.0 / took);
    slices()
}

/// A delay of 10 ms one way: the whole round trip, of which the link's own is a few hundredths of a millisecond.
fn delay() -> Outcome<()> {
    let Some(peer) = Peer::start(Kind::Faulty(Fault::Delay))? else { return Ok(()) };
    let _server = Server::start(peer.node)?;
    let trips = load::round_trips(peer.address, 1_000)?;
    let [half, most, all] = [0.5, 0.99, 1.0].map(|part| share(trips.clone(), part).as_secs_f64() * 1e3);
    println!("a delay of 10 ms: p50 {half:.3} ms, p99 {most:.3} ms, longest {all:.3} ms");
    Ok(())
}

fn slices() -> Outcome<()> {
    let arrivals = arrivals(Fault::Slice, 16_000)?;
    let pauses: Vec<Duration> = arrivals.windows(2).map(|two| two[1].0.saturating_sub(two[0].0)).collect();
    let [half, most] = [0.5, 0.99].map(|part| share(pauses.clone(), part).as_secs_f64() * 1e3);
    let whole = arrivals.iter().filter(|(_, length)| *length == 16).count();
    println!(
        "slices of 16 B every 1 ms: p50 {half:.3} ms, p99 {most:.3} ms; {whole} of {} arrived alone and whole",
        arrivals.len()
    );
    Ok(())
}

/// Sends so many bytes at once: when which part of them arrived.
fn arrivals(fault: Fault, bytes: usize) -> Outcome<Vec<(Duration, usize)>> {
    let Some(peer) = Peer::start(Kind::Faulty(fault))? else { return Ok(Vec::new()) };
    let listener = TcpListener::bind(peer.node)?;
    let mut client = load::dial(peer.address)?;
    let (mut server, _) = listener.accept()?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    let start = Instant::now();
    let sender = thread::spawn(move || client.write_all(&vec![7; bytes]).map(|()| client));
    let (mut buffer, mut read, mut arrivals) = (vec![0; 64 * 1024], 0, Vec::new());
    while read < bytes {
        let length = server.read(&mut buffer)?;
        if length == 0 {
            return Err("the stream ended early".into());
        }
        read += length;
        arrivals.push((start.elapsed(), length));
    }
    // Its connection was open until here.
    drop(sender.join());
    Ok(arrivals)
}
