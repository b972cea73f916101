//! Nodes that are left running after a run are where the note says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use common::{PATIENCE, Running, Store, nothing_left_soon};
use nix::sys::signal::Signal;

/// What a node answers to a request for `/`.
fn answer(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn whoever_leaves_nodes_running_is_told_where_they_listen() {
    let store = Store::new();
    let mut command =
        store.test("--target ttl-lock --nodes 3 --nemesis none --time-limit 1 --recovery-time 1 --leave-running");
    let mut run = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let lines = BufReader::new(run.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut after = lines.skip_while(|line| !line.contains("the nodes are left running; Ctrl-C ends them"));
    assert!(after.next().is_some(), "it is never said");
    for (line, node) in after.by_ref().take(3).zip(["n1", "n2", "n3"]) {
        let (named, address) = line.trim().split_once(" at ").unwrap();
        assert_eq!(named, node);
        assert!(answer(address).starts_with("HTTP/1.1 "), "{line}");
    }
    run.signal(Signal::SIGINT);
    assert!(run.wait().is_some());
    nothing_left_soon(&store.latest_name());
}
