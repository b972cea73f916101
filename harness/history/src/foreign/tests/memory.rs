//! Memory: what is held is counted, and no more is taken than is to be had.

use super::*;

fn too_large(text: &str, memory: u64) -> (u64, u64) {
    match read_foreign_within(text.as_bytes(), "sample", None, memory) {
        Err(ForeignError::TooLarge { count, bytes, limit, .. }) => {
            assert_eq!(limit, memory);
            (count, bytes)
        }
        other => panic!("no refusal: {:?}", other.map(|history| history.format)),
    }
}

#[test]
fn what_is_too_large_is_refused_with_what_helps() {
    let line = |number: u32| format!("{{:process {number} :type :invoke :f :write :value [{number} 1]}}\n");
    let text: String = (0..100_000).map(line).collect();
    let error = read_foreign_within(text.as_bytes(), "big.edn", None, 1 << 20).unwrap_err().to_string();
    assert!(error.starts_with("big.edn, line "), "{error}");
    assert!(
        error.contains("of memory, and no more than 1024 KiB is to be had: split the history by its keys"),
        "{error}"
    );
    let (count, bytes) = too_large(&text, 8 << 20);
    assert!((20_000..80_000).contains(&count) && bytes > 8 << 20, "{count} operations, {bytes} bytes");
    assert!(read_foreign_within(text.as_bytes(), "big.edn", None, 64 << 20).is_ok());
}

#[test]
fn formats_without_events_are_bounded_too() {
    let awdit = "w 1 2\nr 1 2\n-----\n".repeat(20_000);
    let plume: String = (0..20_000).map(|number| format!("w(0,1,7,{number})\n")).collect();
    let polylin = "push 1 2 3\n".repeat(20_000);
    let session =
        "- - events:\n    - write: true\n      variable: 1\n      value: 2\n      success: true\n    success: true\n";
    for text in [awdit, plume, polylin, session.repeat(10_000)] {
        assert!(read_foreign_within(text.as_bytes(), "sample", None, 64 << 20).is_ok());
        let (count, bytes) = too_large(&text, 1 << 20);
        assert!((1000..30_000).contains(&count) && bytes < 2 << 20, "{count}, {bytes}");
    }
    let number = |number: u64| number.to_le_bytes();
    let binary = [&[[0; 8]; 8].concat()[..], &number(1 << 30), &[0; 1 << 20]].concat();
    assert!(matches!(
        read_foreign_within(&binary[..], "sample", Some(Format::DbcopBincode), 1 << 20),
        Err(ForeignError::TooLarge { place: Place::Byte(_), .. })
    ));
}

/// Whether a history of so many small operations is paired within so many bytes for each.
fn fits(operations: i64, bytes: u64, index: impl Fn(i64) -> Option<i64>) -> Result<(), ForeignError> {
    let mut pairing = Pairing::new("sample", PairingRules::of(Format::EdnLines), bytes * operations.unsigned_abs());
    for number in 0..2 * operations {
        let event_type = if number % 2 == 0 { EventType::Invoke } else { EventType::Ok };
        pairing.take(ForeignEvent {
            process: ForeignProcess::Client(number / 2 % 10),
            event_type,
            f: None,
            value: Value::Integer(number / 2),
            time: None,
            index: index(number),
            has_error: false,
            line: u32::try_from(number + 1).unwrap(),
        })?;
    }
    pairing.finish().map(drop)
}

const MANY: i64 = 1 << 16;

#[test]
fn a_small_operation_takes_little_however_its_events_are_numbered() {
    fits(MANY, 70, |_| None).unwrap();
    fits(MANY, 70, Some).unwrap();
    // Two histories in one file: the order is that of the file, and nothing is held for it.
    fits(MANY, 70, |number| Some(number % MANY)).unwrap();
    // Each number is kept where they do not rise by one.
    fits(MANY, 140, |number| Some(number * 2)).unwrap();
    // The first two events change places, or the last two: all are held.
    for place in [0, 2 * MANY - 2] {
        let index = |number: i64| Some(if number / 2 == place / 2 { place + 1 - number % 2 } else { number });
        assert!(matches!(fits(MANY, 140, index), Err(ForeignError::TooLarge { .. })), "{place}");
        fits(MANY, 500, index).unwrap();
    }
}

#[test]
fn what_is_wrong_is_told_before_it_is_too_large() {
    let start = "{:index 0 :process 0 :type :invoke :f :read}\n{:index 1 :process 0 :type :ok :f :write}\n";
    let line = |number: u32| format!("{{:index {number} :process 1 :type :info :f :write :value {number}}}\n");
    let text = [start.to_owned(), (2..50_000).map(line).collect()].concat();
    let error = read_foreign_within(text.as_bytes(), "sample", None, 1 << 20).unwrap_err().to_string();
    assert_eq!(error, "sample, line 2: process 0 completes `write` while its `read` is in flight");
}
