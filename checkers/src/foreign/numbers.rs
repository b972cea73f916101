//! Gives the values of a history small numbers, so that they are compared and remembered at no cost.

use std::collections::HashMap;

use dsjepsen_history::foreign::Value;

/// Integers from 0 up to this have a table: 4 bytes for each up to the largest that comes, where a hash table takes 25 to 75 for
/// each that comes.
const TABLED: usize = 1 << 22;

/// The number of each value, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// By small integer: its number plus one; 0 where it has none.
    tabled: Vec<u32>,
    others: HashMap<Value, u32>,
    count: u32,
}

impl Numbers {
    /// The number of a value. Equal values have equal numbers.
    pub(super) fn number(&mut self, value: &Value) -> u32 {
        // A history has fewer than 2^32 events.
        let next = self.count;
        let number = match small(value) {
            Some(place) => {
                if self.tabled.len() <= place {
                    self.tabled.resize(place + 1, 0);
                }
                let entry = &mut self.tabled[place];
                if *entry == 0 {
                    *entry = next + 1;
                }
                *entry - 1
            }
            None => match self.others.get(value) {
                Some(number) => *number,
                None => *self.others.entry(value.clone()).or_insert(next),
            },
        };
        self.count += u32::from(number == next);
        number
    }
}

/// The number that a value is, where numbers are reckoned with. `of` is whose it is, in the words of an error: `a counter holds`.
///
/// # Errors
/// What is wrong with it, and how to mend it.
pub(super) fn whole(of: &str, value: &Value) -> Result<i64, String> {
    let why = match value {
        Value::Integer(number) => return Ok(*number),
        Value::Number(digits) if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
            return Err(format!(
                "{of} whole numbers from {} to {} here, and {value} is beyond them",
                i64::MIN,
                i64::MAX
            ));
        }
        Value::Float(number) if number.fract() == 0.0 => "is a floating point number: write it without its point",
        Value::Float(_) | Value::Number(_) => "is none: count in a smaller unit, as cents, so that all are whole",
        Value::String(text) if text.trim().parse::<i64>().is_ok() => "is a string: write it without quotes",
        Value::Nil => "is missing",
        _ => "is none",
    };
    Err(format!("{of} whole numbers, and {value} {why}"))
}

fn small(value: &Value) -> Option<usize> {
    value.as_integer().and_then(|number| usize::try_from(number).ok()).filter(|place| *place < TABLED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_to_reckon_with_is_told_with_its_mend() {
        let said = |value: Value| whole("a counter holds", &value).unwrap_err();
        assert_eq!(whole("a counter holds", &Value::Integer(-3)), Ok(-3));
        let large = said(Value::Number("9223372036854775808".into()));
        assert!(large.contains("to 9223372036854775807 here, and 9223372036854775808 is beyond"), "{large}");
        assert!(said(Value::Float(1.5)).contains("1.5 is none: count in a smaller unit"));
        assert!(said(Value::Float(1.0)).contains("1.0 is a floating point number: write it without its point"));
        assert!(said(Value::Number("1/2".into())).contains("1/2 is none: count in a smaller unit"));
        assert!(said(Value::string("7")).contains("\"7\" is a string: write it without quotes"));
        assert!(said(Value::keyword("x")).ends_with("and :x is none"));
    }

    #[test]
    fn equal_values_have_equal_numbers_and_others_the_next() {
        let edge = i64::try_from(TABLED).unwrap();
        let values = [
            Value::Nil,
            Value::Integer(7),
            Value::string("7"),
            Value::Integer(0),
            Value::Integer(-1),
            Value::Integer(edge - 1),
            Value::Integer(edge),
            Value::list([Value::Integer(7)]),
        ];
        let mut numbers = Numbers::default();
        for _ in 0..2 {
            let given: Vec<u32> = values.iter().map(|value| numbers.number(value)).collect();
            assert_eq!(given, [0, 1, 2, 3, 4, 5, 6, 7]);
        }
        // None is left out: `unique-ids` tells by it what is new.
        assert_eq!(numbers.number(&Value::Integer(8)), 8);
    }
}
