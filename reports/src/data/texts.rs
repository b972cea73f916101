//! A column of texts, most of which differ only in their numbers: `{"token":453}`, `stale: token 453 is older than 455`.
//!
//! A text is divided into a form (what stands between the numbers) and its numbers. A form is written once; each of its
//! numbers is written as the difference to the one in the same place of the last text of the same form. A million texts
//! with running numbers so take about a byte each.
//!
//! ```text
//! column  = how many forms, the forms, then a form for every text that is there, then all their numbers
//! form    = how many parts, the parts as texts; there is one number between every two parts
//! ```
//! For each text: 0 where there is none, else 1 + the position of its form.

use std::collections::HashMap;

use super::bytes::Columns;
use crate::text::cut_with_note;

/// The most bytes of a text that travel; of a longer one its start and its length.
pub(crate) const LONGEST: usize = 2_000;
/// The most numbers that are taken out of a text.
const MOST_NUMBERS: usize = 24;
/// The most digits of such a number: the script computes in floating point.
const MOST_DIGITS: usize = 15;

/// A column under way.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    forms: HashMap<String, usize>,
    last: Vec<Vec<u64>>,
    dictionary: Columns,
    chosen: Columns,
    numbers: Columns,
}

impl Texts {
    /// Appends a text, or that there is none.
    pub(crate) fn push(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.chosen.number(0) };
        let cut;
        let text = match cut_with_note(text, LONGEST) {
            Some(shortened) => {
                cut = shortened;
                &cut
            }
            None => text,
        };
        let (form, numbers) = divided(text);
        let number = match self.forms.get(&form) {
            Some(number) => *number,
            None => self.new_form(form, numbers.len()),
        };
        self.chosen.number(number as u64 + 1);
        for (last, number) in self.last[number].iter_mut().zip(numbers) {
            self.numbers.difference(number, *last);
            *last = number;
        }
    }

    fn new_form(&mut self, form: String, numbers: usize) -> usize {
        let position = self.last.len();
        self.last.push(vec![0; numbers]);
        self.dictionary.number(numbers as u64 + 1);
        for part in form.split(PLACE) {
            self.dictionary.text(part);
        }
        self.forms.insert(form, position);
        position
    }

    /// The column's bytes, appended to others.
    pub(crate) fn finish(self, columns: &mut Columns) {
        columns.number(self.last.len() as u64);
        columns.append(&self.dictionary);
        columns.append(&self.chosen);
        columns.append(&self.numbers);
    }
}

/// Stands for a number in a form while it is encoded. Where a text holds this character itself, no number is taken out.
const PLACE: char = '\u{0}';

/// A form with [`PLACE`] for each number, and the numbers.
fn divided(text: &str) -> (String, Vec<u64>) {
    // A text that holds the character is one part: the character is made visible as the script would.
    if text.contains(PLACE) {
        return (text.replace(PLACE, "⟨U+0000⟩"), Vec::new());
    }
    let (mut form, mut numbers) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let digits = &rest[start..];
        let length = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
        let (digits, after) = digits.split_at(length);
        form.push_str(&rest[..start]);
        // With a leading zero, or too many digits, it would not come back as it was.
        let plain = length <= MOST_DIGITS && (length == 1 || !digits.starts_with('0'));
        match digits.parse() {
            Ok(number) if plain && numbers.len() < MOST_NUMBERS => {
                form.push(PLACE);
                numbers.push(number);
            }
            _ => form.push_str(digits),
        }
        rest = after;
    }
    form.push_str(rest);
    (form, numbers)
}
