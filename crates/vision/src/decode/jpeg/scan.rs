//! One scan of a JPEG: entropy-coded data to coefficients, sequential or progressive (T.81, F and G).
use std::ops::Range;

use kernels::{Isa, Loops};

use super::damaged;
use super::huffman::{Bits, NoWord, Place, Table, unstuff};
use crate::{DecodeError, Format};

/// The coefficients of a block of 8 x 8 samples: row by row in a sequential JPEG, in the order in
/// which they are coded in a progressive one.
pub(super) type Block = [i16; 64];

/// Brings the coefficients of a progressive JPEG's block from coded order to rows.
pub(super) fn by_rows(block: &mut Block) {
    let coded = *block;
    for (number, coefficient) in coded.iter().enumerate() {
        block[place(number)] = *coefficient;
    }
}

/// Where the coefficients lie in a block, in the order in which they are coded.
#[rustfmt::skip]
const ZIGZAG: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The place in a block of a coefficient by its number in coded order.
#[inline(always)]
pub(super) fn place(number: usize) -> usize {
    usize::from(ZIGZAG[number & 63])
}

/// A scan header.
#[derive(Debug)]
pub(super) struct Header {
    /// Each component's identifier, and the numbers of its two codes: in the high half the one of
    /// the first coefficient (DC), in the low half that of the others (AC).
    pub components: Vec<(u8, u8)>,
    /// The first coefficient that a progressive scan brings.
    pub start: u8,
    /// The last one.
    pub end: u8,
    /// The bit down to which earlier scans brought these coefficients; 0: none did.
    pub high: u8,
    /// The bit down to which this one brings them.
    pub low: u8,
}

impl Header {
    pub(super) fn read(body: &[u8]) -> Option<Header> {
        let (&count, rest) = body.split_first()?;
        let components = rest.get(..2 * usize::from(count))?;
        let &[start, end, bits] = rest[components.len()..].first_chunk::<3>()?;
        Some(Header {
            components: components
                .as_chunks::<2>()
                .0
                .iter()
                .map(|&[id, tables]| (id, tables))
                .collect(),
            start,
            end,
            high: bits >> 4,
            low: bits & 15,
        })
    }

    /// Whether there can be such a progressive scan (T.81, G.1.1.1).
    pub(super) fn is_progressive(&self) -> bool {
        let band = match self.start {
            0 => self.end == 0,
            _ => self.end >= self.start && self.end < 64 && self.components.len() == 1,
        };
        band && self.low <= 13 && (self.high == 0 || self.high == self.low + 1)
    }
}

/// What a scan does to the coefficients.
#[derive(Clone, Copy)]
pub(super) enum Task {
    /// All coefficients of a block, one block after the other.
    Sequential,
    /// The first coefficients, down to this bit.
    FirstDc(u8),
    /// One more bit of the first coefficients.
    RefineDc(u8),
    /// A band of the others, down to this bit.
    FirstAc([usize; 2], u8),
    /// One more bit of a band.
    RefineAc([usize; 2], u8),
}

impl Task {
    pub(super) fn of(header: &Header, progressive: bool) -> Task {
        let band = [usize::from(header.start), usize::from(header.end)];
        match (progressive, header.start, header.high) {
            (false, _, _) => Task::Sequential,
            (true, 0, 0) => Task::FirstDc(header.low),
            (true, 0, _) => Task::RefineDc(header.low),
            (true, _, 0) => Task::FirstAc(band, header.low),
            (true, _, _) => Task::RefineAc(band, header.low),
        }
    }

    /// Whether the picture is there without what this brings, in less detail.
    pub(super) fn is_detail(self) -> bool {
        !matches!(self, Task::Sequential | Task::FirstDc(_))
    }

    /// Whether the codes of the first coefficient and of the others are used.
    pub(super) fn codes(self) -> [bool; 2] {
        match self {
            Task::Sequential => [true, true],
            Task::FirstDc(_) => [true, false],
            Task::RefineDc(_) => [false, false],
            Task::FirstAc(..) | Task::RefineAc(..) => [false, true],
        }
    }
}

/// What a scan is made of.
pub(super) struct Scan<'a> {
    pub parts: Vec<Part<'a>>,
    pub task: Task,
    /// Units across; they go row by row.
    pub across: usize,
    /// Units between restart markers; 0: none.
    pub interval: usize,
}

/// One component of a scan.
pub(super) struct Part<'a> {
    /// Its place among the components of the frame.
    pub component: usize,
    /// Its blocks across and down in a unit of the scan (MCU): 1 x 1 where it is alone.
    pub unit: [usize; 2],
    /// Blocks in a row of its coefficients.
    pub stride: usize,
    /// The code of the first coefficient; only where the task needs it.
    pub dc: Option<&'a Table>,
    /// The code of the others; only where the task needs it.
    pub ac: Option<&'a Table>,
}

/// How far a scan has been read.
pub(super) struct Reading<'a> {
    isa: Isa,
    /// The segment between two markers, without its stuffed bytes.
    data: Vec<u8>,
    /// Where in it.
    place: Place,
    /// The file from the marker on that ends the segment.
    rest: &'a [u8],
    /// Units before the next restart marker.
    left: usize,
    restarts: u8,
    state: State,
}

/// What the blocks of a segment know of those before them.
#[derive(Default)]
struct State {
    /// The first coefficient of the last block, by part.
    predictions: [i32; 4],
    /// Blocks whose band has ended already.
    run: u32,
}

impl<'a> Reading<'a> {
    /// Of the scan whose data `data` begins with.
    pub(super) fn new(scan: &Scan<'_>, data: &'a [u8], isa: Isa) -> Self {
        let mut clean = Vec::new();
        let end = unstuff(data, &mut clean);
        Reading {
            isa,
            data: clean,
            place: Place::default(),
            rest: &data[end..],
            left: match scan.interval {
                0 => usize::MAX,
                interval => interval,
            },
            restarts: 0,
            state: State::default(),
        }
    }

    /// Decodes the next row of units into the coefficients of each part: as many rows of blocks as
    /// its unit has.
    pub(super) fn row(
        &mut self,
        scan: &Scan<'_>,
        blocks: &mut [&mut [Block]],
    ) -> Result<(), DecodeError> {
        let mut from = 0;
        while from < scan.across {
            if self.left == 0 {
                self.restart(scan.interval)?;
            }
            let units = from..scan.across.min(from.saturating_add(self.left));
            self.left -= units.len();
            from = units.end;
            let bits = Bits::new(&self.data, self.place);
            let state = &mut self.state;
            let task = Units {
                scan,
                blocks,
                units,
                bits,
                state,
            };
            let bits = self.isa.compile(task);
            let bits =
                bits.map_err(|NoWord| damaged("a code word that its table does not have"))?;
            self.place = bits.place();
            if bits.are_short() {
                return Err(self.stopped());
            }
        }
        Ok(())
    }

    /// Goes over the restart marker that must stand here.
    #[cold]
    fn restart(&mut self, interval: usize) -> Result<(), DecodeError> {
        if self.marker() != Some(0xD0 | self.restarts & 7) {
            return Err(self.stopped());
        }
        let start = 1 + self.rest.iter().take_while(|byte| **byte == 0xFF).count();
        let data = &self.rest[start..];
        self.rest = &data[unstuff(data, &mut self.data)..];
        self.place = Place::default();
        self.restarts = self.restarts.wrapping_add(1);
        self.left = interval;
        self.state = State::default();
        Ok(())
    }

    /// The marker that ends the segment; `None` where the file does.
    fn marker(&self) -> Option<u8> {
        self.rest.iter().copied().find(|byte| *byte != 0xFF)
    }

    /// Whether what is missing here is only detail, and another scan follows.
    pub(super) fn may_end_early(&self, scan: &Scan<'_>) -> bool {
        let next = matches!(self.marker(), Some(0xC4 | 0xDA..=0xDD | 0xE0..=0xEF | 0xFE));
        scan.task.is_detail() && next && Bits::new(&self.data, self.place).are_short()
    }

    /// Refuses a scan whose last data are zeros that go on behind it: the rest of a file whose room was
    /// taken before its content came. Zero bits can be code words, so decoding alone does not tell. Where
    /// the scans are not `complete`, zeros behind a whole one stand in the place of others.
    pub(super) fn check_end(&self, complete: bool) -> Result<(), DecodeError> {
        /// Zero bytes behind the scan, and before its end.
        const BEHIND: usize = 64;
        const BEFORE: usize = 16;
        let end = self.place.taken().min(self.data.len());
        let (before, behind) = self.data.split_at(end);
        let zeros = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        let ran_into_zeros = behind.len() >= BEHIND
            && zeros(behind)
            && (!complete
                || before
                    .last_chunk::<BEFORE>()
                    .is_some_and(|last| zeros(last)));
        match ran_into_zeros {
            true => Err(DecodeError::Truncated {
                format: Format::Jpeg,
            }),
            false => Ok(()),
        }
    }

    /// Why there are no more data: the file is cut off, where nothing but its end follows.
    #[cold]
    fn stopped(&self) -> DecodeError {
        match self.marker() {
            None | Some(0xD9) => DecodeError::Truncated {
                format: Format::Jpeg,
            },
            Some(_) => damaged("data of a scan are missing"),
        }
    }
}

/// Some units of a row, all in one segment.
struct Units<'a, 'b> {
    scan: &'a Scan<'a>,
    blocks: &'a mut [&'b mut [Block]],
    units: Range<usize>,
    bits: Bits<'a>,
    state: &'a mut State,
}

impl<'a> Loops for Units<'a, '_> {
    /// What bits are left. Units behind the end of the data are not decoded.
    type Output = Result<Bits<'a>, NoWord>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        match self.scan.task {
            Task::Sequential => self.each(Sequential),
            Task::FirstDc(low) => self.each(FirstDc(low)),
            Task::RefineDc(low) => self.each(RefineDc(low)),
            Task::FirstAc(band, low) => self.each(FirstAc(band, low)),
            Task::RefineAc(band, low) => self.each(RefineAc(band, low)),
        }
    }
}

impl<'a> Units<'a, '_> {
    #[inline(always)]
    fn each(self, coding: impl Coding) -> Result<Bits<'a>, NoWord> {
        let (mut bits, state) = (self.bits, self.state);
        for unit in self.units {
            for (index, part) in self.scan.parts.iter().enumerate() {
                let [width, height] = part.unit;
                for row in 0..height {
                    let first = row * part.stride + unit * width;
                    for block in &mut self.blocks[index][first..first + width] {
                        coding.block(&mut bits, part, index, state, block)?;
                    }
                }
            }
            if bits.are_short() {
                break;
            }
        }
        Ok(bits)
    }
}

/// A way in which scans code a block.
trait Coding {
    /// Decodes one: of the part at this place of its scan.
    fn block(
        &self,
        bits: &mut Bits<'_>,
        part: &Part<'_>,
        index: usize,
        state: &mut State,
        block: &mut Block,
    ) -> Result<(), NoWord>;
}

/// A first coefficient: coded as the difference from the block before.
#[inline(always)]
fn predicted(bits: &mut Bits<'_>, part: &Part<'_>, prediction: &mut i32) -> Result<i32, NoWord> {
    let next = bits.next(part.dc.ok_or(NoWord)?)?;
    // Of a damaged file the sum may grow without bounds.
    *prediction = prediction.wrapping_add(i32::from(next.value));
    Ok(*prediction)
}

/// All coefficients.
struct Sequential;

impl Coding for Sequential {
    #[inline(always)]
    fn block(
        &self,
        bits: &mut Bits<'_>,
        part: &Part<'_>,
        index: usize,
        state: &mut State,
        block: &mut Block,
    ) -> Result<(), NoWord> {
        block[0] = predicted(bits, part, &mut state.predictions[index])? as i16;
        let ac = part.ac.ok_or(NoWord)?;
        let mut number = 1;
        while number < 64 {
            let next = bits.next(ac)?;
            number += usize::from(next.symbol >> 4);
            if next.symbol & 15 != 0 {
                // Past the last one in damaged files: libjpeg takes it for the last, too.
                block[place(number.min(63))] = next.value;
            } else if next.symbol != 0xF0 {
                break;
            }
            number += 1;
        }
        Ok(())
    }
}

/// The first coefficient, down to a bit.
struct FirstDc(u8);

impl Coding for FirstDc {
    #[inline(always)]
    fn block(
        &self,
        bits: &mut Bits<'_>,
        part: &Part<'_>,
        index: usize,
        state: &mut State,
        block: &mut Block,
    ) -> Result<(), NoWord> {
        let value = predicted(bits, part, &mut state.predictions[index])?;
        block[0] = (value << self.0) as i16;
        Ok(())
    }
}

/// One more bit of the first coefficient.
struct RefineDc(u8);

impl Coding for RefineDc {
    #[inline(always)]
    fn block(
        &self,
        bits: &mut Bits<'_>,
        _: &Part<'_>,
        _: usize,
        _: &mut State,
        block: &mut Block,
    ) -> Result<(), NoWord> {
        block[0] |= i16::from(bits.bit()) << self.0;
        Ok(())
    }
}

/// A band of the others, down to a bit.
struct FirstAc([usize; 2], u8);

impl Coding for FirstAc {
    #[inline(always)]
    fn block(
        &self,
        bits: &mut Bits<'_>,
        part: &Part<'_>,
        _: usize,
        state: &mut State,
        block: &mut Block,
    ) -> Result<(), NoWord> {
        if state.run > 0 {
            state.run -= 1;
            return Ok(());
        }
        let ac = part.ac.ok_or(NoWord)?;
        let FirstAc([start, end], low) = *self;
        let mut number = start;
        while number <= end {
            let next = bits.next(ac)?;
            let zeros = next.symbol >> 4;
            if next.symbol & 15 == 0 && zeros < 15 {
                // This block's band has ended, and those of so many more.
                state.run = (1 << zeros) - 1 + bits.take(u32::from(zeros));
                break;
            }
            number += usize::from(zeros);
            if next.symbol & 15 != 0 {
                block[number.min(63)] = next.value << low;
            }
            number += 1;
        }
        Ok(())
    }
}

/// One more bit of a band.
struct RefineAc([usize; 2], u8);

impl Coding for RefineAc {
    #[inline(always)]
    fn block(
        &self,
        bits: &mut Bits<'_>,
        part: &Part<'_>,
        _: usize,
        state: &mut State,
        block: &mut Block,
    ) -> Result<(), NoWord> {
        let ac = part.ac.ok_or(NoWord)?;
        let RefineAc([start, end], low) = *self;
        let one = 1i16 << low;
        // Those of the band that are not zero and have not had their bit: most are zero, and passed
        // over all at once.
        let mut left = 0u64;
        for (number, coefficient) in block.iter().enumerate() {
            left |= u64::from(*coefficient != 0) << number;
        }
        left &= (!0 >> (63 - end)) & (!0 << start);
        let mut number = start;
        while state.run == 0 && number <= end {
            let symbol = bits.symbol(ac)?;
            let mut zeros = usize::from(symbol >> 4);
            let value = match symbol & 15 {
                0 if zeros < 15 => {
                    state.run = (1 << zeros) + bits.take(zeros as u32);
                    break;
                }
                0 => 0,
                // What is new at this bit is one of it, up or down.
                _ if bits.bit() => one,
                _ => -one,
            };
            // Over so many coefficients that are still zero; the others on the way get their bit.
            loop {
                let next = left.trailing_zeros() as usize;
                let gap = next.min(end + 1) - number;
                if zeros < gap || next > end {
                    number += zeros.min(gap);
                    break;
                }
                zeros -= gap;
                number = next + 1;
                left &= left - 1;
                correct(bits, &mut block[next & 63], one);
            }
            if value != 0 {
                // Past the band's end in damaged files, where libjpeg puts it, too.
                block[number.min(63)] = value;
            }
            number += 1;
        }
        if state.run > 0 {
            while left != 0 {
                let next = left.trailing_zeros() as usize;
                left &= left - 1;
                correct(bits, &mut block[next & 63], one);
            }
            state.run -= 1;
        }
        Ok(())
    }
}

/// Gives a coefficient one more bit, away from zero.
#[inline(always)]
fn correct(bits: &mut Bits<'_>, coefficient: &mut i16, one: i16) {
    if bits.bit() && *coefficient & one == 0 {
        *coefficient = coefficient.wrapping_add(if *coefficient > 0 { one } else { -one });
    }
}
