#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]
use dsjepsen_checkers::foreign::*;
use dsjepsen_history::foreign::*;
fn main() {
    for path in std::env::args().skip(1) {
        let t = std::time::Instant::now();
        let h = read_foreign(std::fs::File::open(&path).unwrap(), &path, None).unwrap();
        let read = t.elapsed();
        let v =
            judge_foreign(h, &path, find_foreign_model("cas-register").unwrap(), &ForeignRequest::default()).unwrap();
        let m = std::fs::read_to_string("/proc/self/status").unwrap();
        let m = m.lines().find(|l| l.starts_with("VmHWM")).unwrap().to_owned();
        println!(
            "{:<60} {:<8} {:>8.3} s (read {:.3}) {m} {:?}",
            path.rsplit('/').next().unwrap(),
            v.verdict.to_string(),
            t.elapsed().as_secs_f64(),
            read.as_secs_f64(),
            v.checkers[0].figures.last().map(|f| f.value.clone())
        );
    }
}
