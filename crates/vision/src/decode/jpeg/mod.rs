//! JPEG: sequential and progressive Huffman coding of 8 bits a sample, with any sampling and order of
//! scans; gray, YCbCr, RGB, CMYK and YCCK.
use kernels::Isa;

use super::{Need, Room, Stored, check, check_pixels, orientation};
use crate::color::Samples;
use crate::{DecodeError, Excess, Format, Limits};
use huffman::{Code, Table};
use markers::{Frame, Step, Survey, Walk, is_frame, survey};
pub(super) use samples::Colors;
use samples::{Picture, Plane};
use scan::{Block, Header, Part, Reading, Scan, Task, by_rows, place};

mod huffman;
mod markers;
mod samples;
mod scan;

const JPEG: Format = Format::Jpeg;

/// Scans that a picture of as many pixels as allowed may have; encoders write about 10.
const LARGEST_SCANS: u64 = 20;

pub(super) fn decode(bytes: &[u8], limits: &Room<'_>) -> Result<Stored, DecodeError> {
    let survey = survey(bytes);
    let frame = check_survey(&survey, limits)?;
    let colors = colors(frame, &survey)?;
    let layout = Layout::of(frame, bytes)?;
    let orientation = orientation::find(survey.exif, survey.xmp);
    limits.take(&Need {
        width: u64::from(frame.width),
        height: u64::from(frame.height),
        channels: colors.channels() as u64,
        decoder: layout.bytes(&survey, colors) + bytes.len() as u64,
        turned: orientation.swaps_sides(),
    })?;
    let values = decode_frame(bytes, &survey, frame, &layout, colors)?;
    let samples = match colors {
        Colors::Gray => Samples::Gray(values),
        Colors::Rgb | Colors::Ycc => Samples::Rgb(values),
        Colors::Cmyk | Colors::Ycck => Samples::Cmyk(values),
    };
    Ok(Stored {
        width: usize::from(frame.width),
        height: usize::from(frame.height),
        samples,
        orientation,
        profile: survey.assembled_profile(),
    })
}

/// Decodes a JPEG that is a piece of another file, whose colours are said there: its samples, and its
/// columns and rows. Whoever calls has looked at the size and taken the memory ([`measure`]).
pub(super) fn decode_piece(
    bytes: &[u8],
    colors: Colors,
    limits: &Limits,
) -> Result<([usize; 2], Vec<u8>), DecodeError> {
    let survey = survey(bytes);
    let frame = check_survey(&survey, limits)?;
    if frame.components.len() != colors.channels() {
        return Err(damaged("other components than the colours have"));
    }
    let layout = Layout::of(frame, bytes)?;
    let values = decode_frame(bytes, &survey, frame, &layout, colors)?;
    Ok((layout.size, values))
}

/// What the markers must say before anything is decoded.
fn check_survey<'a>(survey: &'a Survey<'_>, limits: &Limits) -> Result<&'a Frame, DecodeError> {
    let Some(frame) = &survey.frame else {
        return Err(missing(survey, "there is no frame header"));
    };
    check_process(frame)?;
    check_pixels(
        JPEG,
        u64::from(frame.width),
        u64::from(frame.height),
        limits,
    )?;
    // Each scan of a progressive JPEG is a pass over the picture: a large one may have fewer of them.
    let pixels = u64::from(frame.width) * u64::from(frame.height);
    let passes = (limits.pixels.saturating_mul(LARGEST_SCANS) / pixels).min(limits.scans as u64);
    check(Excess::Scans, survey.scans as u64, passes)?;
    if survey.scans == 0 {
        return Err(missing(survey, "there is no scan"));
    }
    // Without an end marker nothing tells whether more scans should follow; with one, fewer scans are a
    // picture of less detail, as all decoders have it.
    if survey.cut_segment || (!survey.ended && frame.process == 2 && !survey.complete) {
        return Err(DecodeError::Truncated { format: JPEG });
    }
    Ok(frame)
}

/// The columns and rows, and the components, that a JPEG's frame header says it has.
pub(super) fn measure(bytes: &[u8]) -> Option<([usize; 2], usize)> {
    let frame = survey(bytes).frame?;
    let size = [frame.width, frame.height].map(usize::from);
    Some((size, frame.components.len()))
}

fn damaged(detail: &str) -> DecodeError {
    DecodeError::damaged(JPEG, detail)
}

/// What a file is that has not even this.
fn missing(survey: &Survey<'_>, what: &str) -> DecodeError {
    match survey.ended {
        true => damaged(what),
        false => DecodeError::Truncated { format: JPEG },
    }
}

/// Names the kinds of JPEG that are not read.
fn check_process(frame: &Frame) -> Result<(), DecodeError> {
    let feature = match frame.process {
        0..=2 if frame.precision == 8 => return Ok(()),
        0..=2 if frame.precision == 12 => "12 bits a sample".to_owned(),
        // No JPEG of these kinds has another precision.
        0..=2 => {
            let detail = format!("{} bits a sample", frame.precision);
            return Err(DecodeError::damaged(JPEG, detail));
        }
        3 => "lossless coding".to_owned(),
        5..=7 => "hierarchical coding".to_owned(),
        _ => "arithmetic coding".to_owned(),
    };
    Err(DecodeError::unsupported(JPEG, feature))
}

/// The colours of the components. Where JFIF's segment and Adobe's contradict each other JFIF's
/// counts, as in libjpeg and browsers.
fn colors(frame: &Frame, survey: &Survey<'_>) -> Result<Colors, DecodeError> {
    let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
    Ok(match (ids.len(), survey.adobe_transform) {
        (1, _) => Colors::Gray,
        (3, _) if survey.jfif => Colors::Ycc,
        (3, Some(0)) => Colors::Rgb,
        (3, None) if ids == *b"RGB" => Colors::Rgb,
        (3, _) => Colors::Ycc,
        (4, None | Some(0)) => Colors::Cmyk,
        (4, _) => Colors::Ycck,
        (count, _) => {
            return Err(DecodeError::unsupported(
                JPEG,
                format!("{count} components"),
            ));
        }
    })
}

/// How the frame is laid out in blocks.
struct Layout {
    /// Columns and rows of pixels.
    size: [usize; 2],
    /// Units across and down.
    units: [usize; 2],
    /// The most blocks of a component across and down in a unit.
    most: [usize; 2],
    components: Vec<Place>,
}

/// Where a component lies in the frame.
struct Place {
    id: u8,
    /// The number of its quantisation table.
    table: usize,
    /// Its blocks across and down in a unit of the frame.
    sampling: [usize; 2],
    /// Its samples across and down that show something.
    samples: [usize; 2],
    /// Blocks of these: all of a scan of this component alone.
    shown: [usize; 2],
    /// Blocks across in all units.
    stride: usize,
}

impl Layout {
    /// Of a file that has enough bits for it: no code word is shorter than a bit, and each block has
    /// one at least, so that what asks for much more memory is refused before it gets it.
    fn of(frame: &Frame, bytes: &[u8]) -> Result<Layout, DecodeError> {
        let size = [usize::from(frame.width), usize::from(frame.height)];
        let alone = frame.components.len() == 1;
        let sampling = frame.components.iter().map(|component| {
            // The samples of a single component are beside no others, whatever it says.
            match component.sampling.map(usize::from) {
                _ if alone => Ok([1, 1]),
                [across @ 1..=4, down @ 1..=4] => Ok([across, down]),
                _ => Err(damaged("a component of no samples, or of too many")),
            }
        });
        let sampling = sampling.collect::<Result<Vec<[usize; 2]>, _>>()?;
        let most = [0, 1].map(|axis| sampling.iter().map(|s| s[axis]).max().unwrap_or(1));
        let units = [0, 1].map(|axis| size[axis].div_ceil(8 * most[axis]));
        let components = frame.components.iter().zip(sampling);
        let components = components.map(|(component, sampling)| {
            let samples = [0, 1].map(|axis| (size[axis] * sampling[axis]).div_ceil(most[axis]));
            Place {
                id: component.id,
                table: usize::from(component.table),
                sampling,
                samples,
                shown: samples.map(|samples| samples.div_ceil(8)),
                stride: units[0] * sampling[0],
            }
        });
        let layout = Layout {
            size,
            units,
            most,
            components: components.collect(),
        };
        match layout.blocks() > bytes.len() * 8 {
            true => Err(DecodeError::Truncated { format: JPEG }),
            false => Ok(layout),
        }
    }

    /// Blocks of a component in a row of units.
    fn row(&self, component: usize) -> usize {
        self.components[component].stride * self.components[component].sampling[1]
    }

    /// Blocks of all components in a row of units.
    fn all_in_a_row(&self) -> usize {
        (0..self.components.len())
            .map(|index| self.row(index))
            .sum()
    }

    /// Blocks of all components.
    fn blocks(&self) -> usize {
        self.all_in_a_row() * self.units[1]
    }

    /// Bytes that decoding takes at its peak, beside the scans' data: the pixels, the coefficients of
    /// a row or of all, the samples of three rows.
    fn bytes(&self, survey: &Survey<'_>, colors: Colors) -> u64 {
        let pixels = self.size[0] * self.size[1] * colors.channels();
        let row = self.all_in_a_row();
        let progressive = survey
            .frame
            .as_ref()
            .is_some_and(|frame| frame.process == 2);
        let at_once = !progressive && survey.first_scan == self.components.len();
        let coefficients = if at_once { row } else { self.blocks() + row };
        (pixels + coefficients * size_of::<Block>() + 3 * row * 64) as u64
    }
}

/// What the segments before a scan have set.
#[derive(Default)]
struct Tables {
    /// Factors of the coefficients, row by row.
    factors: [Option<[i32; 64]>; 4],
    dc: [Option<Code>; 4],
    ac: [Option<Code>; 4],
    /// Units between restart markers; 0: none.
    interval: usize,
}

impl Tables {
    fn new() -> Self {
        let (dc, ac) = huffman::standard();
        let four = |[first, second]: [Code; 2]| [Some(first), Some(second), None, None];
        Tables {
            dc: four(dc),
            ac: four(ac),
            ..Tables::default()
        }
    }

    /// Reads a segment that sets tables; others set none.
    fn read(&mut self, marker: u8, body: &[u8]) -> Result<(), DecodeError> {
        match marker {
            0xDB => self.read_factors(body),
            0xC4 => self.read_codes(body),
            0xDD => {
                let interval = body.first_chunk::<2>();
                let interval = interval.ok_or_else(|| damaged("a restart interval cut short"))?;
                self.interval = usize::from(u16::from_be_bytes(*interval));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read_factors(&mut self, mut body: &[u8]) -> Result<(), DecodeError> {
        let short = || damaged("a quantisation table cut short");
        while let Some((&head, rest)) = body.split_first() {
            let size = if head >> 4 == 0 { 1 } else { 2 };
            let (values, rest) = rest.split_at_checked(64 * size).ok_or_else(short)?;
            body = rest;
            let table = self.factors.get_mut(usize::from(head & 15));
            let table = table.ok_or_else(|| damaged("a quantisation table of no number"))?;
            let mut factors = [0; 64];
            for (number, value) in values.chunks_exact(size).enumerate() {
                let value = value
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | i32::from(*byte));
                factors[place(number)] = value;
            }
            *table = Some(factors);
        }
        Ok(())
    }

    fn read_codes(&mut self, mut body: &[u8]) -> Result<(), DecodeError> {
        let short = || damaged("a Huffman table cut short");
        while let Some((&head, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            let symbols = counts.iter().map(|count| usize::from(*count)).sum();
            if symbols > 256 {
                return Err(damaged("a Huffman code has too many words"));
            }
            let (symbols, rest) = rest.split_at_checked(symbols).ok_or_else(short)?;
            body = rest;
            let tables = match head >> 4 {
                0 => &mut self.dc,
                _ => &mut self.ac,
            };
            let table = tables.get_mut(usize::from(head & 15));
            *table.ok_or_else(|| damaged("a Huffman table of no number"))? = Some(Code {
                counts: *counts,
                symbols: symbols.to_vec(),
            });
        }
        Ok(())
    }
}

/// Decodes the frame to pixels. Where one scan has all components and all their bits, as in most
/// files, the rows of its units become pixels one by one; else the coefficients are kept until the
/// last scan.
fn decode_frame(
    bytes: &[u8],
    survey: &Survey<'_>,
    frame: &Frame,
    layout: &Layout,
    colors: Colors,
) -> Result<Vec<u8>, DecodeError> {
    let count = layout.components.len();
    let isa = Isa::best();
    let planes = layout.components.iter();
    let planes = planes.map(|place| Plane::new(place.samples, place.stride, place.sampling));
    let mut picture = Picture::new(isa, layout.size, colors, layout.most, planes.collect());
    let mut tables = Tables::new();
    let mut kept: Vec<Vec<Block>> = Vec::new();
    let mut seen = [false; 4];
    let mut frames = 0;
    let mut walk = Walk::new(bytes);
    while let Step::Segment { marker, body, end } = walk.step() {
        if is_frame(marker) {
            frames += 1;
            if frames > 1 {
                return Err(damaged("a second frame header"));
            }
        }
        if marker != 0xDA || frames == 0 {
            tables.read(marker, body)?;
            continue;
        }
        let header = Header::read(body).ok_or_else(|| damaged("a scan header cut short"))?;
        let progressive = frame.process == 2;
        if progressive && !header.is_progressive() {
            return Err(damaged("a progressive scan that cannot be"));
        }
        let task = Task::of(&header, progressive);
        let order = components(&header, layout)?;
        for &component in &order {
            if !std::mem::replace(&mut seen[component], true) {
                let factors = tables.factors.get(layout.components[component].table);
                let factors = factors.copied().flatten();
                picture.planes[component].factors =
                    factors.ok_or_else(|| damaged("a component without its factors"))?;
            }
        }
        let codes = codes(&header, &tables, task)?;
        let mut parts = Vec::new();
        for (&component, [dc, ac]) in order.iter().zip(&codes) {
            parts.push(Part {
                component,
                unit: match order.len() {
                    1 => [1, 1],
                    _ => layout.components[component].sampling,
                },
                stride: layout.components[component].stride,
                dc: dc.as_ref(),
                ac: ac.as_ref(),
            });
        }
        let [across, down] = match order[..] {
            [alone] => layout.components[alone].shown,
            _ => layout.units,
        };
        let scan = Scan {
            parts,
            task,
            across,
            interval: tables.interval,
        };
        let mut reading = Reading::new(&scan, &bytes[end..], isa);
        if !progressive && order.len() == count {
            let mut rows: Vec<Vec<Block>> = (0..count)
                .map(|index| vec![[0; 64]; layout.row(index)])
                .collect();
            for _ in 0..down {
                rows.iter_mut().for_each(|row| row.fill([0; 64]));
                let mut places: Vec<&mut [Block]> = in_order(&mut rows, &scan.parts, |_, row| row);
                reading.row(&scan, &mut places)?;
                picture.take(|index| &rows[index]);
            }
            reading.check_end(true)?;
            return Ok(picture.finish());
        }
        if kept.is_empty() {
            kept = (0..count)
                .map(|index| vec![[0; 64]; layout.row(index) * layout.units[1]])
                .collect();
        }
        for row in 0..down {
            let mut places = in_order(&mut kept, &scan.parts, |part, blocks| {
                let size = part.unit[1] * part.stride;
                &mut blocks[row * size..][..size]
            });
            match reading.row(&scan, &mut places) {
                // As libjpeg, which fills up what is missing with zeros.
                Err(_) if reading.may_end_early(&scan) => break,
                read => read?,
            }
        }
        reading.check_end(!progressive || survey.complete)?;
    }
    if !seen[..count].iter().all(|seen| *seen) {
        return Err(DecodeError::Truncated { format: JPEG });
    }
    if frame.process == 2 {
        kept.iter_mut().flatten().for_each(by_rows);
    }
    for row in 0..layout.units[1] {
        picture.take(|index| {
            let size = layout.row(index);
            &kept[index][row * size..][..size]
        });
    }
    Ok(picture.finish())
}

/// The components that a scan is of, each by its place in the frame.
fn components(header: &Header, layout: &Layout) -> Result<Vec<usize>, DecodeError> {
    let mut order: Vec<usize> = Vec::new();
    for (id, _) in &header.components {
        let mut found = (0..layout.components.len())
            .filter(|index| layout.components[*index].id == *id && !order.contains(index));
        let found = found.next();
        order.push(found.ok_or_else(|| damaged("a scan of a component that is not there"))?);
    }
    match order.is_empty() {
        true => Err(damaged("a scan of no component")),
        false => Ok(order),
    }
}

/// The codes of a scan's components, of the first coefficient and of the others: those that it uses.
fn codes(
    header: &Header,
    tables: &Tables,
    task: Task,
) -> Result<Vec<[Option<Table>; 2]>, DecodeError> {
    let [uses_dc, uses_ac] = task.codes();
    // A first coefficient's symbol is how many bits its value has, and nothing else.
    let made = |used: bool, codes: &[Option<Code>; 4], number: u8, largest: u8| {
        let code = codes.get(usize::from(number)).and_then(Option::as_ref);
        match (used, code) {
            (false, _) => Ok(None),
            (true, Some(code)) if code.symbols.iter().any(|symbol| *symbol > largest) => {
                Err(damaged("a Huffman code of impossible symbols"))
            }
            (true, Some(code)) => Table::new(code).map(Some),
            (true, None) => Err(damaged("a scan without its Huffman code")),
        }
    };
    let tables = header.components.iter().map(|(_, numbers)| {
        Ok([
            made(uses_dc, &tables.dc, numbers >> 4, 15)?,
            made(uses_ac, &tables.ac, numbers & 15, 255)?,
        ])
    });
    tables.collect()
}

/// What `place` gives of the coefficients of each part, in the order of the parts.
fn in_order<'a>(
    components: &'a mut [Vec<Block>],
    parts: &[Part<'_>],
    place: impl Fn(&Part<'_>, &'a mut [Block]) -> &'a mut [Block],
) -> Vec<&'a mut [Block]> {
    let mut blocks: Vec<Option<&mut [Block]>> = components
        .iter_mut()
        .map(|blocks| Some(&mut blocks[..]))
        .collect();
    let parts = parts.iter();
    parts
        .filter_map(|part| Some(place(part, blocks[part.component].take()?)))
        .collect()
}
