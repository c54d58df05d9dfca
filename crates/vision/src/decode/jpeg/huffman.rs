//! Huffman codes, and the bits of one entropy-coded segment.
use crate::DecodeError;

use super::damaged;

/// Bits by which a table is looked up. Photos' codes of up to 10 bits, with the bits of their
/// values, are nearly all there are; the table of 4 KiB stays in the first-level cache.
const LOOKAHEAD: u32 = 10;

/// In an entry: the value's own bits are among those looked up.
const WHOLE: u32 = 1 << 7;

/// A code as a DHT segment has it: how many codes of each length from 1 to 16, and their symbols
/// in the order of the codes.
#[derive(Clone)]
pub(super) struct Code {
    pub counts: [u8; 16],
    pub symbols: Vec<u8>,
}

/// A code made ready for decoding.
pub(super) struct Table {
    /// For each of the next `LOOKAHEAD` bits: the bits that are used up (5 bits), `WHOLE`, the
    /// symbol (8 bits from bit 8), the value (16 bits from bit 16). 0: the code is longer.
    entries: [u32; 1 << LOOKAHEAD],
    /// For each length, the first 16 bits that are too large for its codes.
    ends: [u32; 17],
    /// For each length, the place of its first code's symbol less that code.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

impl Table {
    /// # Errors
    /// Where there are more codes of a length than its bits can tell apart.
    pub(super) fn new(code: &Code) -> Result<Table, DecodeError> {
        let mut table = Table {
            entries: [0; 1 << LOOKAHEAD],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
        };
        table.symbols[..code.symbols.len()].copy_from_slice(&code.symbols);
        let (mut next, mut place) = (0u32, 0usize);
        for length in 1..=16 {
            let count = usize::from(code.counts[length as usize - 1]);
            table.offsets[length as usize] = place as i32 - next as i32;
            if next + count as u32 > 1 << length {
                return Err(damaged("a Huffman code has too many words"));
            }
            if length <= LOOKAHEAD {
                for &symbol in &code.symbols[place..place + count] {
                    table.enter(next, length, symbol);
                    next += 1;
                }
            } else {
                next += count as u32;
            }
            place += count;
            table.ends[length as usize] = next << (16 - length);
            next <<= 1;
        }
        Ok(table)
    }

    /// Enters a short code word, with every value whose bits are looked up with it.
    fn enter(&mut self, word: u32, length: u32, symbol: u8) {
        let rest = LOOKAHEAD - length;
        let size = u32::from(symbol & 15);
        let entries = &mut self.entries[(word << rest) as usize..((word + 1) << rest) as usize];
        for (bits, entry) in entries.iter_mut().enumerate() {
            *entry = u32::from(symbol) << 8 | length;
            if size > 0 && size <= rest {
                let value = extended(bits as u32 >> (rest - size), size);
                *entry = (value as u32) << 16 | u32::from(symbol) << 8 | WHOLE | (length + size);
            }
        }
    }
}

/// The value of `size` bits: the lower half of them stands for negative ones (T.81, F.12).
#[inline(always)]
fn extended(bits: u32, size: u32) -> i32 {
    let negative = bits >> (size - 1) == 0;
    bits as i32 - if negative { (1 << size) - 1 } else { 0 }
}

/// What stands next in the bits.
pub(super) struct Next {
    /// The symbol of the code word.
    pub symbol: u8,
    /// The value whose bits follow the word: as many as the symbol's low half says.
    pub value: i16,
}

/// No word of the code begins as the bits do.
pub(super) struct NoWord;

/// The bits of an entropy-coded segment, first bit first. Small, and copied into what is rarely
/// called, so that it lives in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    /// The segment without its stuffed bytes.
    data: &'a [u8],
    place: Place,
}

/// How far bits have been taken.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// The next byte.
    at: usize,
    /// The next bits, topmost first; below `count` of them are bits of the next byte, or zeros.
    next: u64,
    count: u32,
    /// Zero bits that were added behind the end.
    added: u32,
}

impl Place {
    /// Bytes of the segment of which bits have been taken.
    pub(super) fn taken(&self) -> usize {
        self.at - (self.count.saturating_sub(self.added) / 8) as usize
    }
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], place: Place) -> Self {
        Bits { data, place }
    }

    pub(super) fn place(self) -> Place {
        self.place
    }

    /// Whether more bits were taken than there are.
    #[inline(always)]
    pub(super) fn are_short(&self) -> bool {
        self.place.added > self.place.count
    }

    /// Sees to it that at least 32 bits are at hand: the longest code word and its value.
    #[inline(always)]
    fn fill(&mut self) {
        if self.place.count < 32 {
            match self.data.get(self.place.at..).and_then(<[u8]>::first_chunk) {
                Some(bytes) => {
                    self.place.next |= u64::from_be_bytes(*bytes) >> self.place.count;
                    let whole = (63 - self.place.count) / 8;
                    self.place.at += whole as usize;
                    self.place.count += whole * 8;
                }
                None => self.place = self.filled_at_the_end(),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn filled_at_the_end(self) -> Place {
        let mut place = self.place;
        while place.count <= 56 {
            match self.data.get(place.at) {
                Some(byte) => {
                    place.next |= u64::from(*byte) << (56 - place.count);
                    place.at += 1;
                }
                None => place.added = place.added.saturating_add(8),
            }
            place.count += 8;
        }
        place
    }

    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.place.next <<= bits;
        self.place.count -= bits;
    }

    /// The next bits, of which at least as many are at hand.
    #[inline(always)]
    fn at_hand(&mut self, bits: u32) -> u32 {
        let value = (self.place.next >> 1 >> (63 - bits)) as u32;
        self.skip(bits);
        value
    }

    /// The next up to 16 bits.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        self.fill();
        self.at_hand(bits)
    }

    /// The next bit.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        if self.place.count == 0 {
            self.fill();
        }
        let bit = self.place.next >> 63 == 1;
        self.skip(1);
        bit
    }

    /// What a table has for the next bits.
    #[inline(always)]
    fn entry(&mut self, table: &Table) -> u32 {
        self.fill();
        table.entries[(self.place.next >> (64 - LOOKAHEAD)) as usize]
    }

    /// The next code word's symbol, and nothing behind it.
    #[inline(always)]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, NoWord> {
        let entry = self.entry(table);
        if entry == 0 {
            let (symbol, length) = self.long_word(table).ok_or(NoWord)?;
            self.skip(length);
            return Ok(symbol);
        }
        let symbol = (entry >> 8) as u8;
        // An entry that counts the value's bits counts as many as the symbol says.
        let value_bits = if entry & WHOLE != 0 { symbol & 15 } else { 0 };
        self.skip((entry & 31) - u32::from(value_bits));
        Ok(symbol)
    }

    /// The next code word's symbol and value.
    #[inline(always)]
    pub(super) fn next(&mut self, table: &Table) -> Result<Next, NoWord> {
        let entry = self.entry(table);
        let mut symbol = (entry >> 8) as u8;
        if entry & WHOLE != 0 {
            // A shift takes no more than its lowest 6 bits of the entry: the length.
            self.place.next = self.place.next.wrapping_shl(entry);
            self.place.count -= entry & 31;
            let value = (entry >> 16) as i16;
            return Ok(Next { symbol, value });
        }
        let mut length = entry & 31;
        if entry == 0 {
            (symbol, length) = self.long_word(table).ok_or(NoWord)?;
        }
        self.skip(length);
        let size = u32::from(symbol & 15);
        let value = match size {
            0 => 0,
            _ => extended(self.at_hand(size), size) as i16,
        };
        Ok(Next { symbol, value })
    }

    /// The symbol of a word longer than `LOOKAHEAD`, and its length.
    #[cold]
    #[inline(never)]
    fn long_word(self, table: &Table) -> Option<(u8, u32)> {
        let word = (self.place.next >> 48) as u32;
        let length = (LOOKAHEAD + 1..=16).find(|length| word < table.ends[*length as usize])?;
        let place = (word >> (16 - length)) as i32 + table.offsets[length as usize];
        Some((table.symbols[place as usize & 255], length))
    }
}

/// Puts the entropy-coded segment that `bytes` begins with into `data`, without the zeros that are
/// stuffed behind 0xFF, and says where it ends. Bits are taken faster from bytes that hold nothing
/// else, and copying them costs next to nothing.
pub(super) fn unstuff(bytes: &[u8], data: &mut Vec<u8>) -> usize {
    data.clear();
    let mut from = 0;
    let mut at = 0;
    while let Some(step) = memchr::memchr(0xFF, &bytes[at..]) {
        let start = at + step;
        at = start + 1;
        while bytes.get(at) == Some(&0xFF) {
            at += 1;
        }
        if bytes.get(at) != Some(&0) {
            data.extend_from_slice(&bytes[from..start]);
            return start;
        }
        // However often the 0xFF stands there, a zero behind it makes it data, once.
        data.extend_from_slice(&bytes[from..=start]);
        at += 1;
        from = at;
    }
    data.extend_from_slice(&bytes[from..]);
    bytes.len()
}

/// The codes of T.81's annex K: what a file without codes means, as the frames of films are.
pub(super) fn standard() -> ([Code; 2], [Code; 2]) {
    let direct = |counts| Code {
        counts,
        symbols: (0..12).collect(),
    };
    let differing = |counts, symbols: &[u8; 162]| Code {
        counts,
        symbols: symbols.to_vec(),
    };
    (
        [
            direct([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]),
            direct([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]),
        ],
        [
            differing(
                [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
                &LUMINANCE,
            ),
            differing(
                [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
                &CHROMINANCE,
            ),
        ],
    )
}

/// Symbols of K.5, by the length of their words.
#[rustfmt::skip]
const LUMINANCE: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72,
    0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37,
    0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
    0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3,
    0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

/// Symbols of K.6, by the length of their words.
#[rustfmt::skip]
const CHROMINANCE: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
    0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1,
    0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36,
    0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
    0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A,
    0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A,
    0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
    0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];
