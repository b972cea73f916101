use super::*;

/// The value of one event, as EDN would write it.
fn value(text: &str) -> Value {
    let events = events(&format!("{{:type :ok, :value {text}}}"));
    assert_eq!(events.len(), 1);
    events[0].value.clone()
}

#[test]
fn every_kind_of_value_is_read() {
    let cases = [
        ("nil", "nil"),
        ("true", "true"),
        ("-17", "-17"),
        ("+5", "5"),
        ("5N", "5"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "9223372036854775808"),
        ("123456789012345678901234567890N", "123456789012345678901234567890"),
        ("2/4", "1/2"),
        ("-6/3", "-2"),
        ("1.50M", "1.50M"),
        ("1.5", "1.5"),
        ("1e3", "1000.0"),
        ("-0.0", "0.0"),
        ("0x1F", "31"),
        ("017", "15"),
        ("2r101", "5"),
        ("##NaN", "##NaN"),
        ("##-Inf", "##-Inf"),
        (":append", ":append"),
        (":db/name.of", ":db/name.of"),
        ("::auto", ":auto"),
        ("some.ns/symbol", "some.ns/symbol"),
        ("-", "-"),
        ("...", "..."),
        (r#""a\n\"b\" \u00e9 \uD83D\uDE00 é""#, "\"a\\n\\\"b\\\" é \u{1F600} é\""),
        ("\"two\nlines\"", "\"two\\nlines\""),
        (r"[\a \newline \( \u0041 \o101 \space é]", r"[\a \newline \( \A \A \space é]"),
        ("(1, 2,,3)", "[1 2 3]"),
        ("[]", "[]"),
        ("#{3 1 2}", "#{1 2 3}"),
        ("{:b 2, :a [1]}", "{:a [1], :b 2}"),
        ("#:acct{:a 1, :other/b 2, :_/c 3}", "{:acct/a 1, :c 3, :other/b 2}"),
        ("#inst \"2024-01-01T00:00:00Z\"", "#inst \"2024-01-01T00:00:00Z\""),
        ("#uuid \"00000000-0000-0000-0000-000000000000\"", "#uuid \"00000000-0000-0000-0000-000000000000\""),
        ("#knossos.model.Register{:value 0}", "{:value 0}"),
        ("#mine #other [1]", "#mine #other [1]"),
        ("[1 #_2 #_ #_ 3 4 5 #_[6 {7 8}]]", "[1 5]"),
        ("[1 ; two ]\n 3]", "[1 3]"),
        ("^{:meta 1} [1]", "[1]"),
        ("#object[java.lang.Exception 0x1f \"boom\"]", "#object [java.lang.Exception 31 \"boom\"]"),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text).to_string(), expected, "{text}");
    }
}

#[test]
fn what_a_value_shows_reads_as_the_same_value() {
    for text in [r#"[:a "b\\" \c d 1/3 2M {nil #{1.5 ##Inf}} #t (9)]"#, "[\\newline \\u0007 -0.0 +7N]"] {
        assert_eq!(value(&value(text).to_string()), value(text), "{text}");
    }
}

#[test]
fn lists_equal_vectors_and_nothing_else() {
    assert_eq!(value("(1 2)"), value("[1 2]"));
    assert_ne!(value("[1 2]"), value("#{1 2}"));
    assert_ne!(value(":a"), value("\"a\""));
    assert!(value(":a").is_word("a") && value("\"a\"").is_word("a"));
}

#[test]
fn events_are_read_with_all_that_stands_about_them() {
    let text = "; a comment\n#_{:type :ok}\n{:index 7, :time 12 :type :invoke,\n :process 3\n :f :cas :value [1 2]\
                :node \"n1\" :op-index 4 :exception {:via [{:type X}]}}\n\
                #jepsen.history.Op{:process :nemesis :type :info :f :start :error nil}\n";
    let events = events(text);
    assert_eq!(events.iter().map(brief).collect::<Vec<_>>(), ["3 invoke cas [1 2]", "nemesis info start nil"]);
    assert_eq!((events[0].index, events[0].time, events[0].line, events[0].has_error), (Some(7), Some(12), 3, false));
    assert_eq!((events[1].index, events[1].time, events[1].line, events[1].has_error), (None, None, 6, true));
}

#[test]
fn one_vector_or_list_may_enclose_the_events() {
    for (open, close) in [("[", "]"), ("; first\n(", ")\n; last\n")] {
        let text = format!("{open}{{:type :invoke :process 0}}\n{{:type :ok :process 0}}{close}");
        let history = read_foreign(text.as_bytes(), "sample", None).unwrap();
        assert_eq!(history.format, Format::EdnVector);
        assert_eq!(briefs(&text), ["0 invoke - nil", "0 ok - nil"]);
    }
    assert!(events("[]").is_empty() && events("  ;; nothing\n").is_empty() && events("").is_empty());
}

#[test]
fn errors_name_line_and_column() {
    let first = "{:type :ok, :process 0}\n";
    for (text, expected) in [
        ("{:type :ok, :process 1.5}", "line 2, column 22: `1.5` is no process"),
        ("{:type :done}", "line 2, column 8: `:done` is no type of event"),
        ("{:process 0\n}", "line 2, column 1: an event without a type"),
        ("{:type :ok\n :value [1 2)}", "line 3, column 13: `)` closes nothing"),
        ("{:type :ok :value 12z}", "line 2, column 19: `12z` is no number"),
        ("{:type :ok :value \"ab", "line 2, column 19: a string without end"),
        ("{:type :ok :value \"\\q\"}", "line 2, column 20: an escape that means no character"),
        ("{:type :ok :value \"\\uD800\"}", "line 2, column 20: an escape that means no character"),
        ("{:type :ok :value {1 2 1 3}}", "line 2, column 27: a set or map that ends here has a key twice"),
        ("{:type :ok :value {1}}", "line 2, column 21: a set or map that ends here has a key twice, or a key without"),
        ("{:type :ok :value}", "line 2, column 18: `}` closes nothing"),
        ("{:type :ok :value [1", "line 2, column 21: the text ends where a value is unfinished"),
        ("{:type :ok :value 1/0}", "line 2, column 19: `1/0` is no number"),
        ("17", "line 2, column 1: an event begins with `{`"),
        ("#tag", "line 2, column 5: the text ends where a value is unfinished"),
    ] {
        let said = problem(&format!("{first}{text}"));
        assert!(said.starts_with(&format!("sample, {expected}")), "{text}: {said}");
    }
    assert!(problem("[{:type :ok}").contains("the vector of events has no end"));
    assert!(problem("[{:type :ok}] {:type :ok}").contains("line 1, column 15: something follows"));
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{{:type :ok :value {}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(events(&nested(128)).len(), 1);
    assert!(problem(&nested(129)).contains("deep inside one another"));
    assert!(problem(&nested(1_000_000)).contains("deep inside one another"));
    assert!(problem(&format!("{{:type :ok :value {}1}}", "#_ ".repeat(1_000_000))).contains("deep"));
    assert!(problem(&format!("{{:type :ok :value {}1}}", "#t ".repeat(1_000_000))).contains("deep"));
}

/// Gives a few bytes at a time, so that every value is met torn.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(into.len()).min(self.0.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn long_histories_read_the_same_in_any_portions() {
    let event = "{:type :ok, :process 12, :f :txn, ; note\n :value [[:append 1 \"\\u00e9\\\"\"] #inst \"x\" ##NaN \\newline 1/3]}\n";
    let text = event.repeat(20_000);
    let expected = events(event).remove(0);
    for size in [4_099, 65_536, 1 << 20] {
        let mut count = 0;
        read_foreign_with(Drops(text.as_bytes(), size), "sample", None, |event| {
            assert_eq!((&event.value, event.line), (&expected.value, count * 2 + 1));
            count += 1;
        })
        .unwrap();
        assert_eq!(count, 20_000);
    }
    let error = read_foreign(Drops(format!("{text}{{:type :ok :value )}}").as_bytes(), 4_099), "sample", None);
    assert!(error.unwrap_err().to_string().contains("line 40001, column 19: "));
}

#[test]
fn columns_are_counted_over_windows() {
    let event = "{:type :ok, :process 12, :value [1 2 3]} ";
    let text = format!("{}{{:type :ok :value )}}", event.repeat(20_000));
    let column = event.len() * 20_000 + 19;
    assert!(problem(&text).starts_with(&format!("sample, line 1, column {column}: ")), "{}", problem(&text));
}

#[test]
fn an_event_larger_than_the_window_is_read() {
    let items: Vec<String> = (0..400_000).map(|number| number.to_string()).collect();
    let text = format!("{{:type :ok :process 1 :value #{{{}}}}}\n{{:type :ok :process 2}}", items.join(" "));
    let events = events(&text);
    assert_eq!(events[0].value.as_collection().unwrap().len(), 400_000);
    assert_eq!(brief(&events[1]), "2 ok - nil");
}

#[test]
fn a_text_of_one_value_is_read_and_nothing_else() {
    assert_eq!(read_value(" {:x 0, :y nil} ").unwrap().to_string(), "{:x 0, :y nil}");
    for bad in ["", "  ", "1 2", "[1", "{:x}", "}"] {
        assert!(read_value(bad).is_err(), "`{bad}` was taken for a value");
    }
}
