//! The bytes of embedded columns: unsigned integers in LEB128, seven bits a byte, the lowest first; signed ones in zigzag
//! (0, −1, 1, −2, … as 0, 1, 2, 3, …); text as its length in bytes and UTF-8.
//!
//! The script computes in floating point, so nothing above 2⁵³ − 1 is ever written: [`LARGEST`] stands for all above it. In
//! ns that is 104 days.

/// The largest integer that the script can hold.
pub(crate) const LARGEST: u64 = (1 << 53) - 1;

/// Columns under way.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    bytes: Vec<u8>,
}

impl Columns {
    /// Appends an integer.
    pub(crate) fn number(&mut self, number: u64) {
        let mut rest = number.min(LARGEST);
        while rest >= 0x80 {
            self.bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }

    /// Appends the difference of two integers, neither above [`LARGEST`].
    pub(crate) fn difference(&mut self, number: u64, from: u64) {
        let (number, from) = (number.min(LARGEST), from.min(LARGEST));
        if number >= from {
            self.wide((number - from) << 1);
        } else {
            self.wide(((from - number) << 1) - 1);
        }
    }

    /// A difference has one bit more than what it is of.
    fn wide(&mut self, number: u64) {
        let mut rest = number;
        while rest >= 0x80 {
            self.bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }

    /// Appends an integer that may be absent: 0, or one more than it.
    pub(crate) fn optional(&mut self, number: Option<u64>) {
        self.number(number.map_or(0, |number| number.min(LARGEST - 1) + 1));
    }

    /// Appends a text.
    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends other columns.
    pub(crate) fn append(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// All bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
