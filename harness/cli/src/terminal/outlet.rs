//! Where the terminal's text goes out, on a thread of its own: clients and faults do not wait for whoever reads, who may have
//! stopped a terminal's scrolling, or read a pipe slowly or never.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;

/// How long the last words of a run that failed wait for a reader.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way to standard output.
pub(super) struct Outlet {
    sender: Option<Sender<Parcel>>,
    /// Ends with the thread.
    ended: Receiver<()>,
}

enum Parcel {
    Text(String),
    /// To be told once all before it is written.
    Mark(oneshot::Sender<()>),
}

impl Outlet {
    /// Where `plain`, text goes out as it is; else its colours are left away where nobody would see them.
    pub(super) fn open(plain: bool) -> Self {
        let (sender, parcels) = channel();
        let (end, ended) = channel();
        let write = move || {
            if plain {
                pass_on(parcels, std::io::stdout())
            } else {
                pass_on(parcels, anstream::stdout())
            }
            drop(end);
        };
        // Without a thread nothing is shown, which is no reason to stop a run.
        let _ = std::thread::Builder::new().name("output".to_owned()).spawn(write);
        Self { sender: Some(sender), ended }
    }

    pub(super) fn send(&self, text: String) {
        self.pass(Parcel::Text(text));
    }

    /// Tells when all that was sent so far is written. An error stands for the same: nobody writes any more.
    pub(super) fn written(&self) -> oneshot::Receiver<()> {
        let (mark, written) = oneshot::channel();
        self.pass(Parcel::Mark(mark));
        written
    }

    fn pass(&self, parcel: Parcel) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(parcel);
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.sender = None;
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// Errors are ignored: a terminal that is gone is no reason to stop a run.
fn pass_on(parcels: Receiver<Parcel>, mut out: impl Write) {
    for parcel in parcels {
        match parcel {
            Parcel::Text(text) => {
                let _ = out.write_all(text.as_bytes());
                let _ = out.flush();
            }
            Parcel::Mark(mark) => {
                let _ = mark.send(());
            }
        }
    }
}
