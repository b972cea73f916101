//! Whatever the bytes, a reader ends with a history or an error, and holds little.

use proptest::collection::vec;
use proptest::prelude::*;

use super::oracle::agrees_with_the_oracle;
use super::*;

/// Well-formed beginnings of every format, for mutations to grow from.
const SEEDS: [&str; 16] = [
    "{:index 1, :time 2, :type :invoke, :process 0, :f :txn, :value [[:r 1 nil] #{2} {:a \"b\\n\"}]}\n",
    "[{:type :ok :process :nemesis}\n{:type :info #_ 5 :value ##NaN :x \\a}]",
    "{:process 0, :type :invoke, :f :put, :key \"7\", :value \"x\"}",
    "#jepsen.history.Op{:type :ok :value #inst \"2024\" :error 1/3}",
    "[{\"type\":\"ok\",\"process\":1,\"value\":[1,\"a\",null,{\"b\":2.5}]}]",
    "{\"type\":\"ok\",\"process\":1,\"value\":\"\\u00e9\"}\n{\"type\":\"fail\"}",
    "{\"process\":1,\"type\":\"INVOKE\",\"value\":0,\"f\":\"READ\",\"time\":1.5E12,\"nemesis\":false}",
    "{\"p\":5,\"t\":\"invoke\",\"f\":\"cas\",\"v\":[1,2]}",
    "{\"schema\":1,\"workload\":\"lock\"}\n{\"index\":0,\"time_ns\":1,\"process\":0,\"type\":\"ok\",\"f\":\"x\"}",
    "0\t:invoke\t:write\t[1 2]\n0\t:ok\t:write\t[1 2]\toops",
    "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\t3",
    "# set\ninsert 5 1 1 3\n",
    "# semaphore\n0 3 5 DECR 1\n",
    "w 1 2\n-----\nr 3 4\n=====\nr 1 2\n",
    "w(0,1,7,1)\nr(0,1,8,2)\n",
    "- - events:\n    - write: true\n      variable: 1\n      value: 2\n      success: true\n    success: true\n",
];

/// Reads bytes as what they seem and as every format, and pairs what comes of it. An error has a place.
fn survive(bytes: &[u8]) {
    for format in [None].into_iter().chain(Format::ALL.map(Some)) {
        let mut events = Vec::new();
        let read = read_foreign_with(bytes, "garbage", format, |event| events.push(event));
        if let Ok(history) = &read
            && let ForeignBody::Operations(_) = history.body
        {
            for rules in [PairingRules::of(history.format), PairingRules::of(Format::EdnLines)] {
                agrees_with_the_oracle(&events, rules);
                let _ = pair(events.clone(), "garbage", rules).map(|it| split_keys(it.operations, "garbage"));
            }
        }
        let whole = read_foreign(bytes, "garbage", format);
        assert!(read.is_ok() || whole.is_err(), "pairing made a history of what is none");
        match whole {
            Ok(history) => assert_eq!(Some(history.format), read.ok().map(|read| read.format)),
            Err(error) => {
                let said = error.to_string();
                let has_place = said.starts_with("garbage, line ") || said.starts_with("garbage, byte ");
                let is_whole = matches!(error, ForeignError::Unrecognised { .. } | ForeignError::Io { .. });
                assert!(has_place || is_whole, "{said}");
                assert!(said.len() < 1000, "an error as long as its file");
            }
        }
    }
}

/// Pieces that mean something to one reader or another.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "#{",
        "#_",
        "#t ",
        "^",
        "\"",
        "\\",
        ":",
        ":type :ok ",
        ":value ",
        ":process ",
        "nil ",
        "1/2 ",
        "12N ",
        "##Inf ",
        ";",
        "\n",
        ",",
        " ",
        "\\u",
        "\\uD83D",
        "#:a{",
        "'",
        "-",
        "- ",
        "events:",
        "success: true",
        "=====\n",
        "-----\n",
        "w 1 2\n",
        "r(",
        "9999999999999999999999 ",
        "0x",
        "1e999 ",
        "\"type\":\"ok\"",
        "null",
        "\t",
        ":invoke",
        "jepsen.util - ",
        "# ",
        "\u{feff}",
        "\u{0}",
        "é",
        "\u{1f600}",
    ];
    prop_oneof![
        6 => proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        2 => proptest::sample::select(SEEDS.to_vec()).prop_map(|seed| seed.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn pieces_in_any_order_are_survived(pieces in vec(piece(), 0..24)) {
        survive(&pieces.concat());
    }

    #[test]
    fn bytes_of_any_kind_are_survived(bytes in vec(any::<u8>(), 0..200)) {
        survive(&bytes);
    }

    #[test]
    fn damaged_histories_are_survived(
        seed in proptest::sample::select(SEEDS.to_vec()),
        cut in any::<proptest::sample::Index>(),
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = seed.as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        survive(&bytes);
        bytes.truncate(cut.index(bytes.len() + 1));
        survive(&bytes);
    }

    /// What is read is written and read again as the same.
    #[test]
    fn values_survive_being_written(pieces in vec(piece(), 0..8)) {
        let text = pieces.concat();
        if let Ok(history) = read_foreign(&text[..], "first", Some(Format::EdnLines))
            && let ForeignBody::Operations(paired) = history.body
        {
            for value in paired.operations.iter().flat_map(|operation| [&operation.call, &operation.reply]) {
                let written = format!("{{:type :ok :value {value}}}");
                prop_assert_eq!(&super::events_as(&written, Some(Format::EdnLines))[0].value, value);
            }
        }
    }
}

#[test]
fn the_seeds_are_well_formed() {
    for seed in SEEDS {
        read_foreign_with(seed.as_bytes(), "seed", None, drop).unwrap();
    }
}

#[test]
fn endless_tokens_end() {
    for (start, filler) in
        [("{:type :ok :value \"", "a"), ("{:type :ok :value ", "1"), ("{:type :ok :f :", "x"), ("{\"type\":\"", "a")]
    {
        let source = start.as_bytes().chain(std::io::repeat(filler.as_bytes()[0]));
        let error = read_foreign(source, "endless", None).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{start}: {error}");
    }
}
