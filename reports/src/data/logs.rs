//! The columns of the nodes' logs.
//!
//! ```text
//! how many nodes; then, for each:
//!   its name, what is said of what is left out (empty where nothing is), how many lines there are, n
//!   arrived     0 where it is not known, else 1 + ns since the start: n times, as signed differences to the one before
//!   lines       n texts
//! ```

use dsjepsen_history::NodeId;

use super::bytes::Columns;
use crate::load::Part;
use crate::log::NodeLog;

/// All logs that could be read, as columns.
pub(crate) fn encoded(logs: &[(NodeId, Part<NodeLog>)]) -> Vec<u8> {
    let mut columns = Columns::default();
    let logs: Vec<_> = logs.iter().filter_map(|(node, log)| Some((node, log.as_ref().ok()?))).collect();
    columns.number(logs.len() as u64);
    for (node, log) in logs {
        columns.text(&node.to_string());
        columns.text(&log.left_out);
        columns.number(log.lines.len() as u64);
        let mut before = 0;
        for line in &log.lines {
            let arrived = line.time.map_or(0, |time| time.saturating_add(1));
            columns.difference(arrived, before);
            before = arrived;
        }
        for line in &log.lines {
            columns.text(&line.text);
        }
    }
    columns.finish()
}
