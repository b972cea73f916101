//! The vDSO as the kernel lays it into a process: an ELF image in which programs look up `clock_gettime` and its sisters by
//! name. What is to be changed in it is worked out here, on a copy; nothing is written.

use thiserror::Error;

/// Functions of the vDSO that tell the wall-clock time, by the names under which programs look for them.
const FUNCTIONS: [(TimeFunction, [&[u8]; 2]); 3] = [
    (TimeFunction::ClockGettime, [b"__vdso_clock_gettime", b"clock_gettime"]),
    (TimeFunction::Gettimeofday, [b"__vdso_gettimeofday", b"gettimeofday"]),
    (TimeFunction::Time, [b"__vdso_time", b"time"]),
];

/// A function that tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFunction {
    ClockGettime,
    Gettimeofday,
    Time,
}

/// Why a vDSO cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum VdsoError {
    /// It is no image as this module knows them.
    #[error("the kernel's vDSO cannot be read: {0}")]
    Unreadable(&'static str),
    /// A function is missing.
    #[error("the kernel's vDSO has no function {0}")]
    Missing(&'static str),
    /// There is no place for the stub.
    #[error("the kernel's vDSO has {room} bytes to spare, and {needed} are needed")]
    NoRoom {
        /// Free bytes at its end.
        room: usize,
        /// Those that are needed.
        needed: usize,
    },
}

/// A symbol to be pointed elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbol {
    /// What it is the name of.
    pub(super) function: TimeFunction,
    /// The place of its value in the image.
    pub(super) value_at: usize,
    /// Its value: where the function is, from the start of the image.
    pub(super) value: u64,
}

/// What was found in a vDSO.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Vdso {
    /// Every symbol of a time function.
    pub(super) symbols: Vec<Symbol>,
    /// Where the image is free: behind all that its headers speak of, all zeros, to its last page's end.
    pub(super) free_at: usize,
}

impl Vdso {
    /// Looks through an image as it lies in memory, for the time functions and for `needed` free bytes.
    pub(super) fn find(image: &[u8], needed: usize) -> Result<Self, VdsoError> {
        let elf = Elf { image };
        elf.check()?;
        let symbols = elf.time_symbols()?;
        for (function, name) in [
            (TimeFunction::ClockGettime, "clock_gettime"),
            (TimeFunction::Gettimeofday, "gettimeofday"),
            (TimeFunction::Time, "time"),
        ] {
            if !symbols.iter().any(|symbol| symbol.function == function) {
                return Err(VdsoError::Missing(name));
            }
        }
        let used = elf.used()?;
        // Between what the headers speak of and the first zero of the tail may lie what they do not speak of.
        let zeros = image.iter().rev().take_while(|byte| **byte == 0).count();
        let free_at = used.max(image.len() - zeros).next_multiple_of(64);
        let room = image.len().saturating_sub(free_at);
        if room < needed { Err(VdsoError::NoRoom { room, needed }) } else { Ok(Self { symbols, free_at }) }
    }

    /// Where the kernel's own code of a function is, from the start of the image.
    pub(super) fn original(&self, function: TimeFunction) -> Option<u64> {
        self.symbols.iter().find(|symbol| symbol.function == function).map(|symbol| symbol.value)
    }
}

const SECTION_BYTES: usize = 64;
const SYMBOL_BYTES: usize = 24;
const SEGMENT_BYTES: usize = 56;
const LOADED_SEGMENT: u32 = 1;
const NO_BITS: u32 = 8;
const DYNAMIC_SYMBOLS: u32 = 11;

struct Section {
    kind: u32,
    offset: usize,
    size: usize,
    link: usize,
}

struct Elf<'a> {
    image: &'a [u8],
}

impl<'a> Elf<'a> {
    /// 64-bit, little-endian, shared; loaded as one segment that begins at nothing, so that places in the image are places
    /// in memory.
    fn check(&self) -> Result<(), VdsoError> {
        if self.image.get(..7) != Some(b"\x7fELF\x02\x01\x01") || self.half(16)? != 3 {
            return Err(VdsoError::Unreadable("it is no 64-bit shared object"));
        }
        let mut loaded = self.segments()?.filter(|at| self.word(*at) == Ok(LOADED_SEGMENT));
        match (loaded.next(), loaded.next()) {
            (Some(at), None) if self.long(at + 8)? == 0 && self.long(at + 16)? == 0 => Ok(()),
            _ => Err(VdsoError::Unreadable("it is not loaded in one piece from its start")),
        }
    }

    fn segments(&self) -> Result<impl Iterator<Item = usize> + use<>, VdsoError> {
        let (begin, count) = (self.place(32)?, usize::from(self.half(56)?));
        Ok((0..count).map(move |number| begin + number * SEGMENT_BYTES))
    }

    fn sections(&self) -> Result<Vec<Section>, VdsoError> {
        let (begin, count) = (self.place(40)?, usize::from(self.half(60)?));
        if begin == 0 || usize::from(self.half(58)?) != SECTION_BYTES {
            return Err(VdsoError::Unreadable("it has no list of sections"));
        }
        let read = |number: usize| {
            let at = begin + number * SECTION_BYTES;
            let (kind, link) = (self.word(at + 4)?, self.word(at + 40)? as usize);
            Ok(Section { kind, offset: self.place(at + 24)?, size: self.place(at + 32)?, link })
        };
        (0..count).map(read).collect()
    }

    fn time_symbols(&self) -> Result<Vec<Symbol>, VdsoError> {
        let sections = self.sections()?;
        let table = sections.iter().find(|section| section.kind == DYNAMIC_SYMBOLS);
        let table = table.ok_or(VdsoError::Unreadable("it has no symbols"))?;
        let names = sections.get(table.link).ok_or(VdsoError::Unreadable("its symbols have no names"))?;
        let mut symbols = Vec::new();
        for number in 0..table.size / SYMBOL_BYTES {
            let at = table.offset + number * SYMBOL_BYTES;
            let name = self.name(names.offset + self.word(at)? as usize)?;
            let function = FUNCTIONS.iter().find(|(_, known)| known.contains(&name)).map(|(function, _)| *function);
            // One that is not defined here has section 0.
            if let Some(function) = function.filter(|_| self.half(at + 6) != Ok(0)) {
                symbols.push(Symbol { function, value_at: at + 8, value: self.long(at + 8)? });
            }
        }
        Ok(symbols)
    }

    fn name(&self, at: usize) -> Result<&'a [u8], VdsoError> {
        let rest = self.image.get(at..).ok_or(TORN)?;
        rest.split(|byte| *byte == 0).next().ok_or(TORN)
    }

    /// Where all that the headers speak of has ended.
    fn used(&self) -> Result<usize, VdsoError> {
        let sections = self.sections()?;
        let mut used = self.place(40)? + sections.len() * SECTION_BYTES;
        for section in sections.iter().filter(|section| section.kind != NO_BITS) {
            used = used.max(section.offset.saturating_add(section.size));
        }
        for at in self.segments()? {
            used = used.max(self.place(at + 8)?.saturating_add(self.place(at + 40)?));
        }
        Ok(used)
    }

    fn bytes<const COUNT: usize>(&self, at: usize) -> Result<[u8; COUNT], VdsoError> {
        let end = at.checked_add(COUNT).ok_or(TORN)?;
        self.image.get(at..end).and_then(|bytes| bytes.try_into().ok()).ok_or(TORN)
    }

    fn half(&self, at: usize) -> Result<u16, VdsoError> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    fn word(&self, at: usize) -> Result<u32, VdsoError> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    fn long(&self, at: usize) -> Result<u64, VdsoError> {
        self.bytes(at).map(u64::from_le_bytes)
    }

    /// A number of 64 bits that is a place in the image, or a length.
    fn place(&self, at: usize) -> Result<usize, VdsoError> {
        let place = usize::try_from(self.long(at)?).map_err(|_| TORN)?;
        if place > self.image.len() { Err(TORN) } else { Ok(place) }
    }
}

const TORN: VdsoError = VdsoError::Unreadable("its headers point out of it");

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    /// The image in this very process.
    fn image() -> Vec<u8> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| line.ends_with("[vdso]")).unwrap();
        let (from, to) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|word| u64::from_str_radix(word, 16).unwrap());
        let mut image = vec![0; (to - from) as usize];
        std::fs::File::open("/proc/self/mem").unwrap().read_exact_at(&mut image, from).unwrap();
        image
    }

    #[test]
    fn the_time_functions_of_this_kernel_are_found_under_both_names() {
        let image = image();
        let found = Vdso::find(&image, 512).unwrap();
        assert_eq!(found.symbols.len(), 6, "{found:?}");
        for symbol in &found.symbols {
            assert_eq!(Some(symbol.value), found.original(symbol.function), "both names are of one function");
            assert!((symbol.value as usize) < found.free_at);
        }
        assert!(image[found.free_at..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn an_image_without_room_or_without_a_function_is_refused() {
        let mut image = image();
        let whole = Vdso::find(&image, 512).unwrap();
        let needed = image.len() - whole.free_at + 1;
        assert!(matches!(Vdso::find(&image, needed), Err(VdsoError::NoRoom { .. })));
        let last = image.len() - 1;
        image[last] = 1;
        assert_eq!(Vdso::find(&image, 512), Err(VdsoError::NoRoom { room: 0, needed: 512 }));
        image[last] = 0;
        for symbol in whole.symbols.iter().filter(|symbol| symbol.function == TimeFunction::Time) {
            image[symbol.value_at - 2..symbol.value_at].fill(0);
        }
        assert_eq!(Vdso::find(&image, 512), Err(VdsoError::Missing("time")));
    }

    #[test]
    fn no_damage_makes_it_panic() {
        let whole = image();
        for length in (0..whole.len()).step_by(7) {
            assert!(Vdso::find(&whole[..length], 64).is_err() || length > 0x1000);
        }
        for at in 0..0x800 {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = Vdso::find(&damaged, 64);
            }
        }
    }
}
