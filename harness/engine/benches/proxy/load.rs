//! The two ends of a stream, and what passes between them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::peers::Peer;

/// How long a stream runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(200);
const MESSAGE: usize = 64;
const DEADLINE: Duration = Duration::from_secs(10);

/// What a connection asks for with its first byte.
const TO_SINK: u8 = b's';
const TO_ECHO: u8 = b'e';

/// Swallows or echoes what it is sent, one connection a thread.
pub(crate) struct Server {
    received: Arc<AtomicU64>,
}

/// What passed in a time.
pub(crate) struct Bulk {
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
    pub(crate) processor: Duration,
}

impl Server {
    pub(crate) fn start(address: SocketAddr) -> Outcome<Self> {
        let listener = TcpListener::bind(address)?;
        let received = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&received);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let counted = Arc::clone(&counted);
                thread::spawn(move || serve(stream, &counted));
            }
        });
        Ok(Self { received })
    }

    /// Sends for so long, and measures at the receiver.
    pub(crate) fn stream(&self, peer: &Peer, length: Duration) -> Outcome<Bulk> {
        let mut stream = dial(peer.address)?;
        stream.write_all(&[TO_SINK])?;
        let chunk = vec![7; 128 * 1024];
        let mut send_for = |length: Duration| {
            let began = Instant::now();
            while began.elapsed() < length {
                stream.write_all(&chunk)?;
            }
            std::io::Result::Ok(())
        };
        send_for(WARM_UP)?;
        let (before, processor, began) =
            (self.received.load(Ordering::Relaxed), peer.processor_time()?, Instant::now());
        send_for(length)?;
        let (after, used, took) = (self.received.load(Ordering::Relaxed), peer.processor_time()?, began.elapsed());
        Ok(Bulk { bytes: after - before, took, processor: used.saturating_sub(processor) })
    }
}

fn serve(mut stream: TcpStream, received: &AtomicU64) {
    let mut buffer = vec![0; 256 * 1024];
    let mut first = [0];
    if stream.set_nodelay(true).is_err() || stream.read_exact(&mut first).is_err() {
        return;
    }
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if first[0] == TO_SINK {
            received.fetch_add(length as u64, Ordering::Relaxed);
        } else if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// A connection that gives up some time.
pub(crate) fn dial(address: SocketAddr) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// How long small messages take to the server and back.
pub(crate) fn round_trips(address: SocketAddr, count: usize) -> Outcome<Vec<Duration>> {
    let mut stream = dial(address)?;
    stream.write_all(&[TO_ECHO])?;
    let mut message = [7; MESSAGE];
    let mut trips = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
        trips.push(began.elapsed());
    }
    Ok(trips)
}

/// The time that this share of all takes no longer than.
pub(crate) fn share(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share).round() as usize]
}
