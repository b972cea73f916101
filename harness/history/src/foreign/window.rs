//! A window on the bytes of a source, after its compression is undone: what every reader reads from.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::error::{Place, Size, Trouble};
use super::room::Room;

/// Bytes asked for at a time.
const CHUNK: usize = 1 << 17;

/// The longest line or form that is held in memory. A final read of a set of a million elements takes 8 MB.
const HELD_MAX: usize = 1 << 26;

/// And the longest where memory is scarce.
const HELD_LEAST: usize = 1 << 18;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The unread bytes of a source, of which the first are in memory.
pub(super) struct Window<'s> {
    source: Box<dyn Read + 's>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    finished: bool,
    /// The position in the source of the first byte in `bytes`.
    base: u64,
    room: Room,
}

impl<'s> Window<'s> {
    /// Looks through gzip or zstd, whichever the bytes begin with.
    pub(super) fn open(source: impl Read + 's, room: Room) -> io::Result<Self> {
        let mut plain = Self::over(Box::new(source), room);
        plain.more()?;
        while plain.data().len() < ZSTD.len() && plain.more()? {}
        if plain.data().starts_with(&GZIP) {
            Ok(Self::over(Box::new(MultiGzDecoder::new(plain)), room))
        } else if plain.data().starts_with(&ZSTD) {
            Ok(Self::over(Box::new(Frames::new(plain)), room))
        } else {
            Ok(plain)
        }
    }

    fn over(source: Box<dyn Read + 's>, room: Room) -> Self {
        Self { source, bytes: Vec::new(), start: 0, end: 0, finished: false, base: 0, room }
    }

    /// How much memory may be taken for what is read.
    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// The unread bytes that are in memory.
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing follows [`Window::data`].
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// The position in the source of the first unread byte.
    pub(super) fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Marks the first bytes as read.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Reads further bytes behind those in memory; false where there are none.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.finished {
            return Ok(false);
        }
        if self.start > 0 && self.bytes.len() - self.end < CHUNK {
            self.bytes.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.is_empty() {
            // Unlike resizing, this takes pages that the system has zeroed, when they are first touched.
            self.bytes = vec![0; 2 * CHUNK];
        } else if self.bytes.len() - self.end < CHUNK {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        loop {
            match self.source.read(&mut self.bytes[self.end..]) {
                Ok(0) => self.finished = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(!self.finished);
        }
    }

    /// Has twice as many bytes in memory, for what must be held as a whole and is looked at anew each time; false where
    /// nothing follows.
    pub(super) fn hold_more(&mut self, place: Place) -> Result<bool, Trouble> {
        let held = self.data().len();
        let most = self.room.longest(HELD_MAX, HELD_LEAST);
        if held > most {
            let problem = format!("what begins here has no end within {}", Size(most as u64));
            return Err(Trouble::Malformed(place, problem));
        }
        self.hold((held * 2).max(CHUNK))?;
        Ok(self.data().len() > held)
    }

    /// Has at least this many bytes in memory, or all there are.
    pub(super) fn hold(&mut self, count: usize) -> io::Result<()> {
        while self.data().len() < count && self.more()? {}
        Ok(())
    }
}

impl Read for Window<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.len().min(into.len());
        into[..count].copy_from_slice(&self.data()[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Window<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.data().is_empty() {
            self.more()?;
        }
        Ok(self.data())
    }

    fn consume(&mut self, count: usize) {
        Window::consume(self, count);
    }
}

/// The lines of a window, without their ends.
pub(super) struct Lines<'w, 's> {
    window: &'w mut Window<'s>,
    unread: usize,
    number: u32,
}

impl<'w, 's> Lines<'w, 's> {
    pub(super) fn new(window: &'w mut Window<'s>) -> Self {
        Self { window, unread: 0, number: 0 }
    }

    /// The next line with its number, counted from 1.
    pub(super) fn next(&mut self) -> Result<Option<(u32, &[u8])>, Trouble> {
        self.window.consume(self.unread);
        self.unread = 0;
        let mut searched = 0;
        let length = loop {
            let data = self.window.data();
            if let Some(found) = memchr::memchr(b'\n', &data[searched..]) {
                self.unread = searched + found + 1;
                break searched + found;
            }
            searched = data.len();
            if !self.window.hold_more(Place::line(self.number + 1))? {
                if searched == 0 {
                    return Ok(None);
                }
                self.unread = searched;
                break searched;
            }
        };
        self.number = self.number.saturating_add(1);
        let line = &self.window.data()[..length];
        Ok(Some((self.number, line.strip_suffix(b"\r").unwrap_or(line))))
    }
}

/// The frames of a zstd file, one after another. `ruzstd` reads one, and leaves the check sums to its user.
struct Frames<R: BufRead> {
    source: R,
    decoder: FrameDecoder,
    is_open: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), is_open: false }
    }

    /// Opens the next frame; false at the end of the file.
    fn open(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.is_open = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut self.source.by_ref().take(u64::from(length)), &mut io::sink())?;
                }
                Err(error) => return Err(damaged(error)),
            }
        }
    }

    fn close(&mut self) -> io::Result<()> {
        self.is_open = false;
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(stated), Some(found)) if stated != found => Err(damaged("the check sum of a zstd frame is wrong")),
            _ => Ok(()),
        }
    }
}

fn damaged(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.is_open || self.open()? {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let some = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, some).map_err(damaged)?;
            }
            let count = self.decoder.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            self.close()?;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn all(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Window::open(bytes, Room::new(u64::MAX))?.read_to_end(&mut text).map(|_| text)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compression_is_undone_member_by_member_and_frame_by_frame() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(|number| number.to_string().into_bytes()).collect();
        let zstd = |part: &[u8]| compress_to_vec(part, CompressionLevel::Fastest);
        let (first, second) = text.split_at(123_456);
        assert_eq!(all(&text).unwrap(), text);
        assert_eq!(all(&gzip(&text)).unwrap(), text);
        assert_eq!(all(&[gzip(first), gzip(second)].concat()).unwrap(), text);
        assert_eq!(all(&zstd(&text)).unwrap(), text);
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        assert_eq!(all(&[zstd(first), skippable, zstd(second)].concat()).unwrap(), text);
    }

    #[test]
    fn damaged_compression_is_an_error() {
        let packed = gzip(b"{:type :invoke}");
        assert!(all(&packed[..packed.len() - 3]).is_err());
        let mut packed =
            compress_to_vec(&b"{:type :invoke, :process 0} {:type :invoke}"[..], CompressionLevel::Fastest);
        assert!(all(&packed[..packed.len() - 6]).is_err());
        let byte = packed.len() - 8;
        packed[byte] ^= 1;
        assert!(all(&packed).is_err(), "the check sum was not looked at");
    }

    #[test]
    fn lines_end_where_they_end() {
        let mut window = Window::open(&b"one\r\n\nthree"[..], Room::new(u64::MAX)).unwrap();
        let mut lines = Lines::new(&mut window);
        for expected in [(1, "one"), (2, ""), (3, "three")] {
            assert_eq!(lines.next().unwrap().unwrap(), (expected.0, expected.1.as_bytes()));
        }
        assert!(lines.next().unwrap().is_none());
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let mut window = Window::open(io::repeat(b'x'), Room::new(u64::MAX)).unwrap();
        let error = Lines::new(&mut window).next().unwrap_err();
        assert!(matches!(error, Trouble::Malformed(Place::Line { line: 1, .. }, _)), "{error:?}");
    }
}
