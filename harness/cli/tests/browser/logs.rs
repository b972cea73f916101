//! The nodes' logs beside the operations: which lines are shown of many, and where their times lead.

use std::fs::File;
use std::io::{BufWriter, Write};

use dsjepsen_history::{NodeId, RawOperation, read_history};
use libtest_mimic::Failed;

use crate::fixture::{self, Shape};
use crate::session::in_browser;

const MS: u64 = 1_000_000;

/// Of more lines than there is room for, those around the chosen operation are shown, and more when they are asked for.
pub(crate) fn nearest_lines() -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    let directory = fixture::write(store.path(), "one", Shape::Invalid)?;
    let mut log = BufWriter::new(File::create(directory.node_log(NodeId::at(4)))?);
    for line in 0..8_000_u64 {
        // Around the refused write at 14.902 s, from 13 s to 17 s.
        writeln!(log, "{} INFO  busy: line {line}", 13_000 * MS + line * MS / 2)?;
    }
    drop(log);
    let index = dsjepsen_reports::write_page(&directory)?;
    let history = read_history(&directory.history_file())?;
    let write = history.operations.iter().find(|operation| operation.invoked.time == 14_902 * MS);
    let write = write.ok_or("the fixture has no such write")?.invoked.index;
    in_browser(|page| async move {
        page.open(&index, &format!("#op-{write}")).await?;
        let shown = "document.querySelectorAll('#log-lines .n').length";
        assert_eq!(page.value(shown).await?, 1_500);
        let count = page.text("#log-count").await?;
        assert!(
            count.ends_with(&format!("within 500 ms of operation {write}; the nearest 1,500 are shown")),
            "{count}"
        );
        let beside = "[...document.querySelectorAll('#log-lines .now')].map((row) => [row.previousElementSibling, \
            row.nextElementSibling].map((row) => Math.abs((row.querySelector('[data-time]')?.dataset.time ?? 14.9e9) / 1e9 - 14.9)))";
        let beside: Vec<[f64; 2]> = serde_json::from_value(page.value(beside).await?)?;
        assert!(beside.len() == 2 && beside.iter().flatten().all(|apart| *apart < 0.02), "{beside:?}");
        let left_out =
            page.value("[...document.querySelectorAll('#log-lines .no-line')].map((row) => row.textContent)").await?;
        let left_out: Vec<String> = serde_json::from_value(left_out)?;
        assert!(left_out.len() == 2 && left_out[0].contains("before are left out"), "{left_out:?}");
        page.click("#earlier").await?;
        assert!(page.value(shown).await?.as_u64() > Some(1_900), "more when more is asked for");
        Ok(())
    })
}

/// What the time of a line on a node leads to, found the long way.
fn meant(operations: &[RawOperation], time: u64, node: NodeId) -> Option<u64> {
    let before = || operations.iter().rev().filter(|operation| operation.invoked.time <= time);
    let here = || before().filter(|operation| operation.node == Some(node));
    let in_flight = |operation: &&RawOperation| operation.completed.is_none_or(|completed| completed.time >= time);
    here()
        .find(in_flight)
        .or_else(|| here().next())
        .or_else(|| before().next())
        .map(|operation| operation.invoked.index)
}

/// A line's time leads to an operation in flight on its node, not to a later one that had ended; and to none from the future.
pub(crate) fn times_lead_to_operations() -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    let directory = fixture::write(store.path(), "one", Shape::Invalid)?;
    let index = dsjepsen_reports::write_page(&directory)?;
    let history = read_history(&directory.history_file())?;
    let operations = &history.operations;
    in_browser(|page| async move {
        let mut told_apart = 0;
        // While n2 is paused operations time out, and later ones may end first.
        for chosen in
            operations.iter().filter(|operation| (3_500 * MS..5_500 * MS).contains(&operation.invoked.time)).step_by(40)
        {
            let address = format!("#op-{}", chosen.invoked.index);
            page.open(&index, &address).await?;
            let lines = "[...document.querySelectorAll('#log-lines button[data-time]')].map((at) => [+at.dataset.time, at.dataset.node])";
            let lines: Vec<(u64, String)> = serde_json::from_value(page.value(lines).await?)?;
            assert!(lines.len() > 50, "{} lines", lines.len());
            for (time, node) in lines.into_iter().filter(|(_, node)| node == "n2").step_by(7) {
                let node: NodeId = node.parse()?;
                let wanted = meant(operations, time, node);
                let last = operations.iter().rev().find(|one| one.invoked.time <= time && one.node == Some(node));
                told_apart += u32::from(last.map(|last| last.invoked.index) != wanted);
                page.run(&format!("location.hash = '{address}'")).await?;
                let line = format!("document.querySelector('#log-lines [data-time=\"{time}\"][data-node={node}]')");
                page.until("the line", &format!("{line} !== null")).await?;
                page.run(&format!("{line}.click()")).await?;
                let expected = wanted.map(|index| format!("#op-{index}")).unwrap_or_default();
                assert_eq!(page.value("location.hash").await?, expected, "from {node} at {time} ns");
            }
        }
        assert!(told_apart > 0, "no line was between the end of an operation and that of an earlier one");
        let first = operations.first().ok_or("no operation")?.invoked;
        page.open(&index, &format!("#op-{}", first.index)).await?;
        let early = format!(
            "[...document.querySelectorAll('#log-lines > div')].filter((row) => +(row.querySelector('[data-time]')?.dataset.time ?? 1e18) < {})\
             .length",
            first.time
        );
        assert_eq!(page.value(&early).await?, 0, "a line before the first operation leads nowhere");
        assert_eq!(page.value("document.querySelectorAll('#log-lines span.t').length > 2").await?, true);
        Ok(())
    })
}
