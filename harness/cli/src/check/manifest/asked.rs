//! The column of a manifest that says what a history is of: a model with its options, in the words of the tool that judged it.

use std::collections::BTreeMap;

use dsjepsen_checkers::foreign::{ForeignModel, ForeignRequest, find_foreign_model};
use dsjepsen_history::foreign::{Value, read_value};

pub(super) type Asked = (&'static dyn ForeignModel, ForeignRequest);

/// The model and the options that a column names; `None` where there is no such model.
pub(super) fn asked(column: &str) -> Result<Option<Asked>, String> {
    if let Some(levels) = column.strip_prefix("txn-rw ") {
        // That serializability includes session order is so for every level of this model.
        let level = levels.trim_end_matches("(+session order)").to_owned();
        let request = ForeignRequest { consistency: Some(vec![level]), ..ForeignRequest::default() };
        return Ok(find_foreign_model("txn-rw").map(|model| (model, request)));
    }
    for (prefix, name) in [("txn-list-append elle", "list-append"), ("txn-rw-register elle", "rw-register")] {
        if let Some(rest) = column.strip_prefix(prefix) {
            let mut request = elle(rest)?;
            // The verdicts are Elle's, which looks for anomalies alone.
            request.anomalies_only = true;
            return Ok(find_foreign_model(name).map(|model| (model, request)));
        }
    }
    let (name, options) = match column.split_once('(') {
        Some((name, options)) => (name, options.trim_end_matches(')')),
        None => (column, ""),
    };
    let name = match name {
        "kv-get-put-append" => "kv",
        "priorityqueue" | "pqueue" => "priority-queue",
        "fifo-queue" => "queue",
        name => name,
    };
    let Some(model) = find_foreign_model(name) else { return Ok(None) };
    let mut request = ForeignRequest::default();
    match (name, options) {
        // All groups of long-fork are found, and a mutex is free at first.
        (_, "") | ("long-fork", "group-size 3") | ("mutex", "init=unlocked") => {}
        // Where jepsen-in-java writes 0 for want of a value, it means the initial one.
        ("register", "read/write") => request.init = Some(Value::Integer(0)),
        _ => {
            let unknown = || format!("`{options}` is no option of model `{name}` that is known here");
            let init = options.strip_prefix("init=").ok_or_else(unknown)?;
            request.init = Some(read_value(init.trim_end_matches(" per key"))?).filter(|init| !init.is_nil());
        }
    }
    Ok(Some((model, request)))
}

/// Elle's options: a map as Elle takes it, or levels in brackets; without either, its defaults.
fn elle(text: &str) -> Result<ForeignRequest, String> {
    let mut request = ForeignRequest::default();
    if text.is_empty() {
        return Ok(request);
    }
    if let Some(levels) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        let levels = levels.trim_end_matches(" default").split([',', ' ']).filter(|level| !level.is_empty());
        request.consistency = Some(levels.map(str::to_owned).collect());
        return Ok(request);
    }
    let value = read_value(text)?;
    for (key, value) in value.as_map().ok_or_else(|| format!("`{text}` is no map of options"))? {
        elle_option(&mut request, key, value)?;
    }
    Ok(request)
}

fn elle_option(request: &mut ForeignRequest, key: &Value, value: &Value) -> Result<(), String> {
    // As in Clojure, all but nil and false is true.
    let is_set = !matches!(value, Value::Nil | Value::Bool(false));
    match key.as_word() {
        Some("consistency-models") => request.consistency = Some(words(value)?),
        Some("anomalies") => {
            let anomalies = words(value)?.into_iter().map(|name| name.parse().map_err(|error| format!("{error}")));
            request.anomalies = anomalies.collect::<Result<_, _>>()?;
        }
        Some("linearizable-keys?") => request.assume.linearizable_keys = is_set,
        Some("sequential-keys?") => request.assume.sequential_keys = is_set,
        Some("wfr-keys?") => request.assume.writes_follow_reads = is_set,
        Some("transaction-order") => request.assume.transaction_order = ranks(value)?,
        // How it draws, and how long it searches: nothing that a verdict depends on.
        Some("directory" | "plot-format" | "plot-timeout" | "max-plot-bytes" | "cycle-search-timeout") => {}
        // Functions of its own; those in question add what a level asks for here.
        Some("additional-graphs") if value.is_nil() || value.as_collection().is_some_and(<[Value]>::is_empty) => {}
        Some("additional-graphs") => {
            return Err(format!(
                "`:additional-graphs {value}` names functions of Elle's: ask for a level with session order or real time"
            ));
        }
        _ => return Err(format!("`{key}` is no option of Elle's that is known here")),
    }
    Ok(())
}

fn words(value: &Value) -> Result<Vec<String>, String> {
    let word = |word: &Value| word.as_word().map(str::to_owned).ok_or_else(|| format!("{word} is no name"));
    match value {
        Value::Nil => Ok(Vec::new()),
        other => {
            other.as_collection().ok_or_else(|| format!("{other} is no list of names"))?.iter().map(word).collect()
        }
    }
}

fn ranks(value: &Value) -> Result<BTreeMap<u64, i64>, String> {
    let wrong = || format!("{value} does not give each transaction a rank");
    let rank = |(at, rank): &(Value, Value)| {
        let at = at.as_integer().and_then(|at| u64::try_from(at).ok());
        at.zip(rank.as_integer()).ok_or_else(wrong)
    };
    value.as_map().ok_or_else(wrong)?.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(column: &str) -> ForeignRequest {
        asked(column).unwrap().expect("a model").1
    }

    #[test]
    fn options_are_those_of_the_tools_that_gave_the_verdicts() {
        let named = request("txn-list-append elle{:consistency-models #{:PL-SI}, :anomalies [:G1a], :directory \"x\"}");
        assert_eq!(named.consistency, Some(vec!["PL-SI".to_owned()]));
        assert_eq!(named.anomalies.len(), 1);
        assert_eq!(request("txn-list-append elle{:consistency-models nil}").consistency, Some(Vec::new()));
        assert_eq!(
            request("txn-rw-register elle(strict-serializable default)").consistency.unwrap(),
            ["strict-serializable"]
        );
        assert_eq!(request("txn-rw-register elle").consistency, None);
        assert!(request("txn-rw-register elle").anomalies_only && !request("rw-register").anomalies_only);
        assert!(request("txn-rw-register elle{:wfr-keys? 1, :cycle-search-timeout 5}").assume.writes_follow_reads);
        assert!(!request("txn-rw-register elle{:wfr-keys? nil}").assume.writes_follow_reads);
        assert_eq!(request("mutex(init=unlocked)"), ForeignRequest::default());
        assert_eq!(request("register(init=0)").init, Some(Value::Integer(0)));
        assert_eq!(request("register(init=nil)").init, None);
        for column in
            ["mutex(init=locked)", "queue(depth 3)", "txn-list-append elle{:speed 1}", "txn-list-append elle{"]
        {
            let refused = asked(column).is_err() || request(column).init.is_some();
            assert!(refused, "{column}");
        }
        assert!(asked("txn-list-append elle{:additional-graphs [elle.core/realtime-graph]}").is_err());
        assert!(asked("txn-list-append elle{:anomalies [:G-what]}").is_err());
        assert!(asked("abacus").unwrap().is_none());
    }
}
