//! How exactly a link does what it was asked to.

use crate::Outcome;
use crate::load::{self, Server};
use crate::peers::{Kind, Peer};

/// A delay of 10 ms one way: the whole round trip, of which the link's own is a few hundredths of a millisecond.
pub(crate) fn measure() -> Outcome<()> {
    let Some(peer) = Peer::start(Kind::Delaying(10))? else { return Ok(()) };
    let _server = Server::start(peer.node)?;
    let trips = load::round_trips(peer.address, 1_000)?;
    let [half, most, all] = [0.5, 0.99, 1.0].map(|share| load::share(trips.clone(), share).as_secs_f64() * 1e3);
    println!("a delay of 10 ms: p50 {half:.3} ms, p99 {most:.3} ms, longest {all:.3} ms");
    Ok(())
}
